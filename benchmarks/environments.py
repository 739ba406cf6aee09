"""Python environments for what is not installed with us: made once, of pinned requirements, beside our own."""

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

from events.errors import Unavailable

ROOT = Path(__file__).parents[1]

_PATIENCE_SECONDS = 900.0


def environment(requirements: Path, folder: Path) -> Path:
    """The folder of the programs of an environment that has what a file pins.

    Args:
        requirements: Names and versions, with hashes.
        folder: Where the environment is, or is made.
    Raises: Unavailable when it can't be made here.
    """
    stamp = folder / f"{sha256(requirements.read_bytes()).hexdigest()}.installed"
    if not stamp.exists():
        uv = [sys.executable, "-m", "uv"]
        python = folder / "bin" / "python"
        _run(*uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder)
        _run(*uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", requirements)
        stamp.touch()
    return folder / "bin"


def _run(*command: str | Path) -> None:
    what = " ".join(map(str, command[2:5]))
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"{what} took longer than {_PATIENCE_SECONDS:.0f} s") from error
    if done.returncode != 0:
        raise Unavailable(f"{what} failed: {done.stderr.strip()[-500:]}")
