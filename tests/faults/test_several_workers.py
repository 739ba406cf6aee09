"""Workers that join, leave and die during a replay: exact, and a customer has one owner at any time."""

from collections.abc import Collection
from random import Random
from uuid import UUID

import pytest

from tests.faults.exactness import assert_exact
from tests.faults.history import record, tell
from tests.faults.stand import PARTITIONS, Processor, Stand

_CUSTOMER_KEYED = ("customers", "interactions", "transactions")

#: Small enough for the replay to last while the group changes.
_CHUNK_EVENTS = 400


class Group:
    """The processors of one consumer group, and how far they are while it changes."""

    def __init__(self, stand: Stand) -> None:
        self._stand = stand
        self.members: list[Processor] = []

    def join(self, processors: int = 1) -> None:
        """Start processors; return once each of them owns partitions and has committed something."""
        self.members += [self._stand.start_processor(C360_CHUNK_EVENTS=_CHUNK_EVENTS) for _ in range(processors)]
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

        self._stand.wait_until(settled, f"{len(self.members)} owners")
        stood = self._reached()
        self._stand.wait_until(
            lambda: all(now > stood[partition] for partition, now in self._reached().items()),
            "every partition goes on",
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
    ("interactions", "times"),
    [
        pytest.param(60_000, 0, id="briefly"),
        pytest.param(1_000_000, 3, id="at-length", marks=[pytest.mark.long, pytest.mark.timeout(900)]),
    ],
)
def test_one_worker_then_three_then_two(stand: Stand, interactions: int, times: int) -> None:
    told = tell(Random(13), interactions=interactions, customers=5_000)
    stand.publish(map(record, told))
    group = Group(stand)
    group.join()
    group.join(2)
    for _ in range(times):
        group.leave()
        group.join()
    group.lose()
    assert stand.committed() < stand.published, "all was done before the group had changed"
    stand.wait_until_done(seconds=600)
    assert_exact(stand, told)
    for processor in group.members:
        assert processor.terminate() == 0
