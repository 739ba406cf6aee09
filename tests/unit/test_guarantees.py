"""README's table of guarantees: each line names the tests behind it, and each of those is there."""

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_HEADING = "## What is guaranteed, and where it is proved"


def _lines() -> list[tuple[str, str]]:
    """Promises and the cells that name their tests."""
    section = (_ROOT / "README.md").read_text().partition(_HEADING)[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [(promise.strip(), proof.strip()) for promise, proof in rows[2:]]


def test_there_are_guarantees() -> None:
    assert len(_lines()) > 15


@pytest.mark.parametrize(("promise", "proof"), _lines())
def test_a_guarantee_names_tests_that_are_there(promise: str, proof: str) -> None:
    names = re.findall(r"`([^`]+)`", proof)
    assert names, promise
    for name in names:
        assert name.startswith("tests/"), name
        assert re.search(r"^(?:async )?def test_", (_ROOT / name).read_text(), re.MULTILINE), name
