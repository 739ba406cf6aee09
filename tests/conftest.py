"""For all tests: the environment that the tests are run in has no say."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from c360.testing.servers import BrokerServer
from tests.faults import stand as stands
from tests.faults.stand import Stand

pytest_plugins = ["c360.testing.plugin"]

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


@pytest.fixture
def stand(tmp_path: Path, broker_server: BrokerServer, database: str) -> Iterator[Stand]:
    """A broker with fresh topics, a fresh database, no processors yet."""
    with stands.running(tmp_path, database, broker_server) as stand:
        yield stand
