"""The browser of these tests."""

import os
import subprocess
import sys
from pathlib import Path

_FINDER = Path(__file__).parents[2] / ".ci" / "browser"

FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


def find_chromium() -> str:
    """Path of a Chromium or Chrome, which is installed if there is none; .ci/browser says what it does."""
    environment = {**os.environ, "VENV": sys.prefix}
    found = subprocess.run([_FINDER], env=environment, stdout=subprocess.PIPE, text=True, check=False)
    assert found.returncode == 0, "no browser: .ci/browser said above what to do"
    return found.stdout.strip()
