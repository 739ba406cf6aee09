"""A Postgres that has no connection left for us: the processor waits for one, and goes on by itself."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import psycopg
import pytest

from c360.testing.servers import BrokerServer
from local_stack.postgres import SETTINGS, Postgres
from sql.migrate import migrate
from tests.faults import stand as stands
from tests.faults.exactness import assert_exact
from tests.faults.history import record, tell


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Postgres]:
    """A Postgres with few connections, none of them reserved."""
    few = {"max_connections": "12", "superuser_reserved_connections": "0", "fsync": "off"}
    server = Postgres(tmp_path / "postgres", log=tmp_path / "postgres.log", settings={**SETTINGS, **few})
    try:
        server.start()
        yield server
    finally:
        server.stop()


def test_no_connection_is_left_for_a_while(tmp_path: Path, server: Postgres, broker_server: BrokerServer) -> None:
    told = tell(Random(6), interactions=2_000)
    migrate(server.url())
    with stands.running(tmp_path, server.url(), broker_server) as stand:
        stand.publish(map(record, told))
        others = _take_all_connections(server.url())
        processor = stand.start_processor(LOG_LEVEL="info")
        refused = stand.folder / "postgres.log"
        stand.wait_until(lambda: "too many clients already" in refused.read_text(), "a refusal")
        assert processor.process.poll() is None
        for connection in others:
            connection.close()
        stand.wait_until_done()
        assert_exact(stand, told)
        assert processor.terminate() == 0


def _take_all_connections(url: str) -> list[psycopg.Connection]:
    taken: list[psycopg.Connection] = []
    while True:
        try:
            taken.append(psycopg.connect(url))
        except psycopg.OperationalError:
            return taken
