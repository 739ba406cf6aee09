"""Lines that are cut, blocked, slow or down between the processor and its servers: exact all the same."""

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from uuid import uuid4

import pytest

from local_stack import processes
from local_stack.broker import Broker
from local_stack.kafka import Kafka
from tests.faults import stand as stands
from tests.faults.exactness import assert_exact
from tests.faults.history import Told, record, tell
from tests.faults.proxy import Direction, Proxy
from tests.faults.stand import Processor, Stand

_CHUNK_EVENTS = 200


@pytest.fixture
def told() -> list[Told]:
    """Enough events for a processor to be in the middle of them."""
    return tell(Random(7), interactions=30_000)


def _start(stand: Stand, database_line: Proxy, **settings: object) -> Processor:
    url = database_line.lead(stand.database_url)
    return stand.start_processor(DATABASE_URL=url, C360_CHUNK_EVENTS=_CHUNK_EVENTS, **settings)  # type: ignore[arg-type]


def _wait_for_progress(stand: Stand, events: int = 1) -> None:
    stood = stand.committed()
    stand.wait_until(lambda: stand.committed() >= stood + events, f"{events} more events processed")


def _finish(stand: Stand, processor: Processor, told: list[Told]) -> None:
    stand.wait_until_done()
    assert_exact(stand, told)
    assert processor.terminate() == 0


def test_connections_to_postgres_cut_in_the_middle_of_transactions(
    stand: Stand, database_line: Proxy, told: list[Told]
) -> None:
    random = Random(8)
    stand.publish(map(record, told))
    processor = _start(stand, database_line)
    for _ in range(20):
        _wait_for_progress(stand)
        time.sleep(random.uniform(0, 0.02))  # anywhere between two commits
        database_line.cut()
    assert stand.committed() < stand.published, "the last cut came too late to prove anything"
    _finish(stand, processor, told)


@pytest.mark.long
def test_the_answer_to_a_commit_is_lost(stand: Stand, database_line: Proxy, told: list[Told]) -> None:
    stand.publish(map(record, told))
    processor = _start(stand, database_line, C360_CONNECTIONS=1)
    for _ in range(3):
        _wait_for_progress(stand)
        database_line.block_answer_to(b"COMMIT")
        stand.wait_until(lambda: bool(database_line.line.blocked), "a commit")
        before = stand.committed()
        # Whether or not it was done before we looked: Postgres does it, and the processor does not hear of it.
        stand.wait_until(lambda: not _transactions(stand), "the commit done")
        assert stand.committed() >= before
        database_line.cut()
        database_line.unblock()
    assert stand.committed() < stand.published, "the last cut came too late to prove anything"
    _finish(stand, processor, told)


@pytest.mark.long
def test_postgres_out_of_reach_and_back(stand: Stand, database_line: Proxy, told: list[Told]) -> None:
    records = map(record, told)
    stand.publish(islice(records, 20_000))
    processor = _start(stand, database_line)
    _wait_for_progress(stand)
    database_line.take_down()
    stand.publish(records)
    stood = stand.committed()
    stand.wait_until(lambda: database_line.line.refused > 2, "it tries again and again")
    assert stand.committed() == stood < stand.published
    database_line.bring_up()
    _finish(stand, processor, told)


def _transactions(stand: Stand) -> int:
    """How many transactions of processors are open."""
    with stand.connect() as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL "
            "AND application_name = 'c360-processor'"
        ).fetchone()
    assert row
    return int(row[0])


@pytest.mark.long
@pytest.mark.timeout(300)  # a worker gives up after 60 s, and gives itself 20 s to stop
def test_a_line_to_postgres_that_swallows_everything_ends_the_worker_and_its_successor_goes_on(
    stand: Stand, database_line: Proxy, told: list[Told]
) -> None:
    stand.publish(map(record, told))
    processor = _start(stand, database_line)
    _wait_for_progress(stand)
    database_line.block("to_server", "to_client")
    assert processor.exit_code(seconds=2 * stands.PATIENCE_SECONDS) == 1
    assert "no progress for 60 s" in processor.said
    _finish(stand, stand.start_processor(), told)


@pytest.mark.long
def test_a_slow_line_to_postgres_only_takes_longer(stand: Stand, database_line: Proxy) -> None:
    told = tell(Random(9), interactions=3_000)
    stand.publish(map(record, told))
    processor = _start(stand, database_line)
    database_line.slow_down(0.02)
    _finish(stand, processor, told)


@pytest.fixture
def broker_line() -> Iterator[Proxy]:
    """What everybody reaches the broker of `remote_stand` through."""
    proxy = Proxy(processes.free_port())
    yield proxy
    proxy.stop()


@pytest.fixture
def remote_stand(tmp_path: Path, database: str, broker_line: Proxy, pytestconfig: pytest.Config) -> Iterator[Stand]:
    """A stand whose broker leads its clients through the line."""
    log, cluster_id = tmp_path / "broker.log", str(uuid4())
    port, advertise = broker_line.server, f"127.0.0.1:{broker_line.port}"
    if pytestconfig.getoption("--broker") == "kafka":
        broker = Kafka(tmp_path / "kafka", log, cluster_id=cluster_id, port=port, advertise=advertise)
    else:
        broker = Broker(log, cluster_id=cluster_id, port=port, advertise=advertise)
    with stands.running(tmp_path, database, broker) as stand:
        yield stand


@pytest.mark.long
def test_connections_to_the_broker_cut(remote_stand: Stand, broker_line: Proxy, told: list[Told]) -> None:
    remote_stand.publish(map(record, told))
    processor = remote_stand.start_processor(C360_CHUNK_EVENTS=_CHUNK_EVENTS)
    for _ in range(5):
        _wait_for_progress(remote_stand)
        broker_line.cut()
    assert remote_stand.committed() < remote_stand.published, "the last cut came too late to prove anything"
    _finish(remote_stand, processor, told)


@pytest.mark.long
@pytest.mark.parametrize("direction", ["to_server", "to_client"])
def test_the_line_to_the_broker_is_dead_in_one_direction_for_longer_than_the_session(
    remote_stand: Stand, broker_line: Proxy, told: list[Told], direction: Direction
) -> None:
    remote_stand.publish(map(record, told))
    processor = remote_stand.start_processor(C360_CHUNK_EVENTS=_CHUNK_EVENTS)
    _wait_for_progress(remote_stand)
    broker_line.block(direction)
    time.sleep(3 * stands.SESSION_SECONDS)
    broker_line.unblock()
    _finish(remote_stand, processor, told)


@pytest.mark.long
def test_a_slow_line_to_the_broker_only_takes_longer(remote_stand: Stand, broker_line: Proxy, told: list[Told]) -> None:
    remote_stand.publish(map(record, told))
    broker_line.slow_down(0.05)
    processor = remote_stand.start_processor(C360_CHUNK_EVENTS=_CHUNK_EVENTS)
    _finish(remote_stand, processor, told)
