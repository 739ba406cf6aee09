"""For all tests: the environment that the tests are run in has no say."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# HYPOTHESIS_PROFILE=nightly takes the time to search.
settings.register_profile("quick", deadline=None, print_blob=True)
settings.register_profile("nightly", settings.get_profile("quick"), max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove our own settings, and keep the user's data directory out of it."""
    for name in os.environ:
        if name.startswith(("KAFKA_", "DATABASE_", "C360_", "LOG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
