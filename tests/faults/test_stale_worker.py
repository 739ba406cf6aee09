"""Workers that believe that they own partitions which others were given: refused, and the totals stay right."""

import time
from collections.abc import Iterator
from itertools import islice
from random import Random

import pytest

from events.encoding import Record
from tests.faults.exactness import assert_exact
from tests.faults.history import Told, record, tell
from tests.faults.proxy import Proxy
from tests.faults.stand import PARTITIONS, Processor, Stand

_CUSTOMER_KEYED = ("customers", "interactions")


class Events:
    """Events that are published bit by bit; `told` are those that were."""

    def __init__(self, *, seed: int, interactions: int) -> None:
        self._all = tell(Random(seed), interactions=interactions)
        self.told: list[Told] = []
        self.records: Iterator[Record] = map(self._note, self._all)

    def _note(self, told: Told) -> Record:
        self.told.append(told)
        return record(told)


@pytest.fixture
def events() -> Events:
    """More than a test publishes while it waits for something."""
    return Events(seed=11, interactions=100_000)


def _start(stand: Stand, events: Events, **settings: object) -> Processor:
    """Start a processor, and return once it works on events that go on coming."""
    before, stood = stand.owners(), stand.committed()
    processor = stand.start_processor(C360_CHUNK_EVENTS=100, **settings)  # type: ignore[arg-type]
    stand.trickle(
        events.records,
        until=lambda: stand.claimed_since(before) and stand.committed() > max(stood, stand.published / 2),
    )
    return processor


def _finish(stand: Stand, events: Events) -> None:
    """Publish some more, and wait until all is processed."""
    stand.publish(islice(events.records, 2_000))
    stand.wait_until_done()
    assert_exact(stand, events.told)


def _assert_refused(processor: Processor) -> None:
    """It ended by itself, and its last line says why."""
    assert processor.exit_code() == 1
    assert "Traceback" not in processor.said
    last = processor.said.splitlines()[-1]
    assert last.startswith("c360: ")
    assert last.endswith("was given to another worker: this one stops")


def _freeze(stand: Stand, events: Events, processor: Processor, *, in_transaction: bool) -> None:
    """Freeze it in the middle of its work: within a transaction that waits for it, or outside of any."""

    def frozen_there() -> bool:
        processor.freeze()
        time.sleep(0.05)  # what Postgres was doing for it is done now
        states = _open_transactions(stand)
        if (states == ["idle in transaction"]) if in_transaction else not states:
            return True
        processor.thaw()
        return False

    stand.trickle(events.records, until=frozen_there)


def _open_transactions(stand: Stand) -> list[str]:
    """States of the processors' transactions."""
    with stand.connect() as connection:
        rows = connection.execute(
            "SELECT state FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'c360-processor' AND xact_start IS NOT NULL"
        ).fetchall()
    return [state for (state,) in rows]


def test_started_twice_as_twins_that_each_own_everything(stand: Stand, events: Events) -> None:
    first = _start(stand, events, group="one")
    second = _start(stand, events, group="another")
    _assert_refused(first)
    _finish(stand, events)
    assert second.terminate() == 0


@pytest.mark.long
def test_frozen_while_another_takes_over_then_resumed(stand: Stand, events: Events) -> None:
    # Its own group keeps it as a member meanwhile: nothing but the guard tells it that it is stale.
    stale = _start(stand, events, group="one", KAFKA_SESSION_TIMEOUT_SECONDS=20)
    _freeze(stand, events, stale, in_transaction=False)
    successor = _start(stand, events, group="another")
    stale.thaw()
    _assert_refused(stale)
    _finish(stand, events)
    assert successor.terminate() == 0


@pytest.mark.long
def test_frozen_within_a_transaction_through_a_rebalance_then_resumed(stand: Stand, events: Events) -> None:
    stale = _start(stand, events)
    _freeze(stand, events, stale, in_transaction=True)
    # Same group: the broker notices the silence, and gives the successor everything. The locks are given up by
    # Postgres after 15 s (idle_in_transaction_session_timeout in stream_processors.engine).
    successor = _start(stand, events)
    stale.thaw()
    _assert_refused(stale)
    _finish(stand, events)
    assert successor.terminate() == 0


@pytest.mark.long
@pytest.mark.timeout(240)
def test_frozen_in_the_middle_of_sending_facts_then_resumed(stand: Stand, database_line: Proxy) -> None:
    told = tell(Random(12), interactions=15_000)
    stale = stand.start_processor(group="one", DATABASE_URL=database_line.lead(stand.database_url))
    stand.wait_until(lambda: bool(stand.owners()), "a claim")
    # So slow that the facts of a chunk are on their way for a second.
    database_line.slow_down(0.1)
    stand.publish(map(record, told))
    frozen: list[int] = []

    def frozen_there() -> bool:
        if not _waiting_for_facts(stand):
            return False
        stale.freeze()
        database_line.block("to_server")  # what has left it, and not arrived
        time.sleep(0.2)  # what had arrived is stored now
        frozen.extend(_waiting_for_facts(stand))
        if not frozen:  # it was the end of it
            database_line.unblock()
            stale.thaw()
        return bool(frozen)

    stand.wait_until(frozen_there, "frozen while Postgres waits for the rest of a COPY")
    # It holds the locks of its positions, and no timeout of Postgres ends a COPY: who claims them does.
    successor = stand.start_processor(group="another")
    stand.wait_until_done()
    with stand.connect() as connection:
        assert not connection.execute("SELECT 1 FROM pg_stat_activity WHERE pid = ANY(%s)", [frozen]).fetchone()
    stale.thaw()
    database_line.slow_down(0)
    database_line.unblock()
    _assert_refused(stale)
    assert_exact(stand, told)
    assert successor.terminate() == 0


def _waiting_for_facts(stand: Stand) -> list[int]:
    """Process ids of the sessions in which Postgres waits for a processor to send more."""
    with stand.connect() as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY%' "
            "AND application_name = 'c360-processor' AND state = 'active' AND wait_event = 'ClientRead'"
        ).fetchall()
    return [pid for (pid,) in rows]


def test_two_share_the_partitions_then_one_leaves(stand: Stand, events: Events) -> None:
    first, second = (stand.start_processor() for _ in range(2))
    stand.trickle(events.records, until=lambda: len(set(stand.owners().values())) == 2)
    stand.wait_until_done()
    owners = stand.owners()
    for partition in range(PARTITIONS):
        assert len({owners[topic, partition] for topic in _CUSTOMER_KEYED}) == 1, "a customer has two owners"
    assert first.terminate() == 0
    stand.trickle(events.records, until=lambda: len(set(stand.owners().values())) == 1)
    _finish(stand, events)
    assert second.terminate() == 0
