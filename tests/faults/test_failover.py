"""Postgres fails over to a copy that lacks the last commits: they are made again, and everything is exact."""

import os
import shutil
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from c360.commands.verify import verification
from c360.testing.servers import BrokerServer
from events import encoding
from events.contracts import Interaction, Transaction
from local_stack import processes
from local_stack.postgres import SETTINGS, Postgres
from sql.migrate import migrate
from tests.faults import stand as stands
from tests.faults.exactness import assert_exact
from tests.faults.history import record, tell
from tests.faults.proxy import Proxy
from tests.faults.stand import Stand

_UNSAFE = {**SETTINGS, "fsync": "off"}


class Replica(Postgres):
    """A server that begins as a copy of another, as a replica that was cut off at that moment would be promoted."""

    def copy(self, primary: Postgres) -> None:
        """Take the copy of a running server."""
        self._data.mkdir(parents=True, mode=0o700)
        if os.geteuid() == 0:
            os.chown(self._data, (primary.folder / "data").stat().st_uid, -1)
        shutil.copy(primary.folder / "password", self.folder / "password")
        whole = ["--dbname", primary.url("postgres"), "--checkpoint=fast", "--wal-method=stream"]
        process = self._run("pg_basebackup", "-D", str(self._data), *whole)
        assert process.wait(60) == 0, self.log.read_text()


class Servers:
    """A primary and its replica behind one address."""

    def __init__(self, folder: Path) -> None:
        self.primary = Postgres(folder / "primary", log=folder / "primary.log", settings=_UNSAFE)
        self.replica = Replica(folder / "replica", log=folder / "replica.log", settings=_UNSAFE)
        self.primary.start()
        migrate(self.primary.url())
        self.line = Proxy(self.primary.port)

    @property
    def url(self) -> str:
        """Of the database, wherever it is at the moment."""
        return self.line.lead(self.primary.url())

    def fail_over(self) -> None:
        """Kill the primary; the replica takes over."""
        assert self.primary.process
        processes.stop(self.primary.process, signal.SIGQUIT, seconds=10)
        self.line.cut()
        self.replica.start()
        self.line.server = self.replica.port

    def stop(self) -> None:
        """Stop what runs."""
        self.line.stop()
        self.primary.stop()
        self.replica.stop()


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """A primary that runs, and a replica that is not there yet."""
    servers = Servers(tmp_path)
    yield servers
    servers.stop()


@pytest.fixture
def stand(tmp_path: Path, servers: Servers, broker_server: BrokerServer) -> Iterator[Stand]:
    """A stand on those servers."""
    with stands.running(tmp_path, servers.url, broker_server) as stand:
        yield stand


def _purchase(number: int, at: datetime) -> Transaction:
    return Transaction(
        transaction_id=f"T-{number}",
        customer_id="1",
        occurred_at=at,
        category="toys",
        quantity=1,
        amount=Decimal(100),
        currency="EUR",
    )


def test_commits_that_the_replica_lacks_are_noticed_and_made_again(stand: Stand, servers: Servers) -> None:
    day = datetime(2024, 2, 29, tzinfo=UTC)
    contacts = (
        Interaction(event_id=f"I-{number}", customer_id="1", channel="Call", occurred_at=day, revenue=Decimal(1))
        for number in range(10)
    )
    processor = stand.start_processor()
    stand.publish([encoding.encode(next(contacts)), encoding.encode(_purchase(1, day))])
    stand.wait_until_done()
    servers.replica.copy(servers.primary)
    stand.publish([encoding.encode(next(contacts))])
    stand.wait_until_done()
    servers.fail_over()
    # Another topic of the same customer, whose position the replica has right: it moves the same total.
    stand.publish([encoding.encode(_purchase(2, day))])
    assert processor.exit_code() == 1
    assert "Traceback" not in processor.said
    successor = stand.start_processor()
    stand.wait_until_done()
    assert verification(stand.database_url).ok
    with stand.connect() as connection:
        revenue = connection.execute("SELECT revenue, interactions FROM daily_revenue").fetchall()
    assert revenue == [(Decimal(202), 2)]
    assert successor.terminate() == 0


@pytest.mark.long
def test_a_worker_with_nothing_to_do_notices_too(stand: Stand, servers: Servers) -> None:
    told = tell(Random(5), interactions=2_000)
    records = [record(one) for one in told]
    processor = stand.start_processor()
    stand.publish(records[:1_000])
    stand.wait_until_done()
    servers.replica.copy(servers.primary)
    stand.publish(records[1_000:])
    stand.wait_until_done()
    servers.fail_over()
    assert processor.exit_code() == 1
    assert "went back" in processor.said
    successor = stand.start_processor()
    stand.wait_until_done()
    assert_exact(stand, told)
    assert successor.terminate() == 0
