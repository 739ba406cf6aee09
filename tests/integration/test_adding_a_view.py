"""docs/adding-a-view.md: its declaration and its SQL file are all that a new view takes."""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from events.contracts import Customer, Interaction
from tests.properties.conftest import ground
from tests.properties.world import PARTITIONS, Ground

__all__ = ["ground"]

_ROOT = Path(__file__).parents[2]
_DOCUMENT = _ROOT / "docs" / "adding-a-view.md"
#: Everything that a processor is made of.
_PACKAGES = ("events", "settings", "sql", "stream_processors")

_FIRST = datetime(2020, 2, 29, 12, tzinfo=UTC)
TOLD = Interaction(event_id="a", customer_id="1", channel="Email", occurred_at=_FIRST, count=2, revenue=Decimal("1.5"))
#: Told before there is such a view.
BEFORE = (
    TOLD,
    replace(TOLD, event_id="b", count=1, revenue=None),
    replace(TOLD, event_id="c", channel="Call"),
    replace(TOLD, event_id="d", occurred_at=_FIRST + timedelta(days=1)),
    Customer(customer_id="1", customer_type="Red"),
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the code with what the document adds, and nothing else."""
    for package in _PACKAGES:
        shutil.copytree(_ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    text = _DOCUMENT.read_text(encoding="utf-8")
    _apply(_block(text, "diff"), tmp_path / "stream_processors" / "views.py")
    name = re.findall(r"`(sql/totals/\w+\.sql)`", text)
    assert len(name) == 1
    (tmp_path / name[0]).write_text(_block(text, "sql"), encoding="utf-8")
    return tmp_path


def _block(text: str, language: str) -> str:
    """The one code block of a language."""
    (block,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return str(block)


def _apply(diff: str, path: Path) -> None:
    """Add the lines with a plus in front of the line that they stand before."""
    before, _, rest = diff.partition("+++ b/stream_processors/views.py\n")
    assert before == "--- a/stream_processors/views.py\n"
    added = "".join(line[1:] for line in rest.splitlines(keepends=True) if line.startswith("+"))
    context = "".join(line[1:] for line in rest.splitlines(keepends=True) if not line.startswith("+"))
    text = path.read_text(encoding="utf-8")
    assert text.count(context) == 1
    path.write_text(text.replace(context, added + context), encoding="utf-8")


def test_one_declaration_and_one_file_make_a_view(ground: Ground, tree: Path) -> None:
    world = ground.world()
    for event in BEFORE:
        world.tell(event)
    for topic in ("customers", "interactions"):
        ground.runner.run(world.commit("first", topic, {partition: [100] for partition in range(PARTITIONS)}))
    ground.runner.run(world.check())

    result = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.integration.adding_a_view", ground.url],
        cwd=tree,  # its packages come first
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    said = json.loads(result.stdout)
    assert said["code"] == str(tree / "stream_processors" / "views.py")
    assert said["applied"] == ["totals/channel_revenue"]
    home = world.truth.home_of("1")
    assert said["filled"] == [
        ["Call", "2020-02-29", home, 2, "1.5"],
        ["Email", "2020-02-29", home, 3, "1.5"],
        ["Email", "2020-03-01", home, 2, "1.5"],
    ]
    # "b" was corrected to 3 contacts and 0.25, "c" moved to Email, "d" was withdrawn, "e" told: 5 by the customer who
    # was forgotten afterwards.
    assert [(*key, Decimal(revenue)) for *key, revenue in said["kept"]] == [
        ("Call", "2020-02-29", home, 5, Decimal(-1)),
        ("Email", "2020-02-29", home, 7, Decimal("3.25")),
    ]
