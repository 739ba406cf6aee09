"""Workers that join, leave and die during a replay: exact, and a customer has one owner at any time."""

from collections.abc import Collection, Iterator
from itertools import islice
from random import Random
from uuid import UUID

import pytest

from events.encoding import Record
from tests.faults.exactness import assert_exact
from tests.faults.history import record, tell
from tests.faults.stand import PARTITIONS, SESSION_SECONDS, Processor, Stand

_CUSTOMER_KEYED = ("customers", "interactions", "transactions")

#: Small enough for the replay to last while the group changes.
_CHUNK_EVENTS = 400


class Group:
    """The processors of one consumer group, and how far they are while it changes."""

    def __init__(self, stand: Stand, records: Iterator[Record], *, session_seconds: int) -> None:
        self._stand = stand
        #: Published little by little, so that there is work to do all the while.
        self._records = records
        self._session_seconds = session_seconds
        self.members: list[Processor] = []

    def join(self) -> None:
        """Start a processor; return once each of them owns partitions and goes on."""
        self.members.append(
            self._stand.start_processor(
                C360_CHUNK_EVENTS=_CHUNK_EVENTS, KAFKA_SESSION_TIMEOUT_SECONDS=self._session_seconds
            )
        )
        self._settle()

    def leave(self) -> None:
        """Stop the newest in good order; return once the others own everything and go on."""
        before = self._stand.owners()
        assert self.members.pop().terminate() == 0
        self._settle(unlike=before.values())

    def lose(self) -> None:
        """Kill the newest; return once the others own everything and go on."""
        before = self._stand.owners()
        self.members.pop().kill()
        self._settle(unlike=before.values())

    def _settle(self, unlike: Collection[UUID] = ()) -> None:
        def settled() -> bool:
            owners = self._stand.owners()
            self._assert_one_owner_of_each_customer(owners)
            return len(set(owners.values())) == len(self.members) and not set(unlike) & set(owners.values())

        self._stand.trickle(self._records, until=settled)
        stood = self._reached()
        # Every partition goes on.
        self._stand.trickle(
            self._records, until=lambda: all(now > stood[partition] for partition, now in self._reached().items())
        )

    def _assert_one_owner_of_each_customer(self, owners: dict[tuple[str, int], UUID]) -> None:
        """Partitions are claimed together: never do two workers own a customer, not even for a moment."""
        for partition in range(PARTITIONS):
            holders = {owners.get((topic, partition)) for topic in _CUSTOMER_KEYED}
            assert len(holders) == 1, f"partition {partition} of {_CUSTOMER_KEYED} has the owners {holders}"

    def _reached(self) -> dict[int, int]:
        with self._stand.connect() as connection:
            rows = connection.execute(
                "SELECT partition, next_offset FROM positions WHERE retired_at IS NULL AND topic = 'interactions'"
            )
            return dict(rows)


@pytest.mark.parametrize(
    ("interactions", "times", "session_seconds"),
    [
        pytest.param(60_000, 0, SESSION_SECONDS, id="briefly", marks=pytest.mark.timeout(240)),
        pytest.param(1_000_000, 3, 4, id="at-length", marks=[pytest.mark.long, pytest.mark.timeout(900)]),
    ],
)
def test_one_worker_then_three_then_two(stand: Stand, interactions: int, times: int, session_seconds: int) -> None:
    told = tell(Random(13), interactions=interactions, customers=5_000)
    records = map(record, told)
    group = Group(stand, records, session_seconds=session_seconds)
    group.join()
    group.join()
    group.join()
    for _ in range(times):
        stand.publish(islice(records, interactions // 8))
        group.leave()
        group.leave()
        group.join()
        group.join()
    group.lose()
    stand.publish(records)
    stand.wait_until_done(seconds=600)
    assert_exact(stand, told)
    for processor in group.members:
        assert processor.terminate() == 0
