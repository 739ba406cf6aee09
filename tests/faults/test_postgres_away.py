"""Servers that go away while events are processed and come back: the processor waits, and goes on by itself."""

import signal
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from c360.testing.servers import BrokerServer
from local_stack import processes
from local_stack.postgres import Postgres
from sql.migrate import migrate
from tests.faults import stand as stands
from tests.faults.exactness import assert_exact
from tests.faults.history import record, tell
from tests.faults.stand import Stand


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Postgres]:
    """A Postgres that a test may stop."""
    server = Postgres(tmp_path / "postgres", log=tmp_path / "postgres.log")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def stand(tmp_path: Path, broker_server: BrokerServer, server: Postgres) -> Iterator[Stand]:
    """A stand on that Postgres."""
    migrate(server.url())
    with stands.running(tmp_path, server.url(), broker_server) as stand:
        yield stand


def test_postgres_crashes_and_comes_back(stand: Stand, server: Postgres) -> None:
    told = tell(Random(3), interactions=20_000)
    records = map(record, told)
    processor = stand.start_processor(C360_CHUNK_EVENTS=200)
    stand.publish(islice(records, 15_000))
    stand.wait_until(lambda: stand.committed() > 0, "progress")
    assert server.process
    processes.stop(server.process, signal.SIGQUIT, seconds=10)  # immediate: no farewell to anybody
    stand.publish(islice(records, 1_000))
    assert processor.process.poll() is None
    server.start()
    assert stand.committed() < stand.published
    stand.wait_until_done()
    stand.publish(records)
    stand.wait_until_done()
    assert_exact(stand, told)
    assert processor.terminate() == 0


@pytest.mark.long
def test_the_broker_falls_silent_and_comes_back(stand: Stand) -> None:
    told = tell(Random(4), interactions=40_000)
    records = map(record, told)
    stand.publish(islice(records, 30_000))
    processor = stand.start_processor(C360_CHUNK_EVENTS=200)
    stand.wait_until(lambda: stand.committed() > 0, "progress")
    stand.broker.freeze()
    try:
        # Longer than the session: the processor can't know whether its partitions are still its own.
        time.sleep(3 * stands.SESSION_SECONDS)
    finally:
        stand.broker.thaw()
    stand.publish(records)
    stand.wait_until_done()
    assert_exact(stand, told)
    assert processor.terminate() == 0
