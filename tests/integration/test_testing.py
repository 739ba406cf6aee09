"""docs/testing.md: its example is a test suite that passes as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

_DOCUMENT = Path(__file__).parents[2] / "docs" / "testing.md"


def test_the_example(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    examples = re.findall(r"```python\n# (\w+\.py)\n(.*?)```", _DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert {name for name, _ in examples} == {"conftest.py", "test_pipeline.py"}
    for name, text in examples:
        (tmp_path / name).write_text(text, encoding="utf-8")
    servers = [f"--{name}={pytestconfig.getoption(name)}" for name in ("broker", "database")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *servers, str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
