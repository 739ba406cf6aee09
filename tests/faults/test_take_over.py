"""How long partitions stand still while workers join, leave and die: measured, printed, and bounded."""

import sys
import time
from collections.abc import Callable, Mapping
from random import Random
from typing import Final

import pytest

from tests.faults.exactness import assert_exact
from tests.faults.history import Told, record, tell
from tests.faults.stand import SESSION_SECONDS, Processor, Stand

#: What a rebalance takes beyond noticing that somebody is gone: all let go, join, are assigned, claim and read on.
_ROUNDS_SECONDS: Final = 5.0
#: The embedded broker notices after twice the session timeout, Apache Kafka after it.
_SESSIONS: Final = 2


class Group:
    """Workers, and events that go on coming to every partition."""

    def __init__(self, stand: Stand, told: list[Told]) -> None:
        self._stand = stand
        self._records = map(record, told)
        self.workers: list[Processor] = []

    def join(self) -> None:
        """Start a worker."""
        self.workers.append(self._stand.start_processor(C360_CHUNK_EVENTS=400))

    def leave(self) -> None:
        """Stop the newest in good order."""
        assert self.workers.pop().terminate() == 0

    def die(self) -> None:
        """Kill the newest."""
        self.workers.pop().kill()

    def standstill(self, change: Callable[[], None]) -> dict[int, float]:
        """Make the change, and wait until the partitions are shared out anew and each of them goes on.

        Returns: The longest time, in seconds, in which a partition did not move on.
        """
        before, reached = self._stand.owners(), self._reached()
        moved_at = dict.fromkeys(reached, time.monotonic())
        longest = dict.fromkeys(reached, 0.0)
        change()

        def settled() -> bool:
            now = time.monotonic()
            for partition, offset in self._reached().items():
                longest[partition] = max(longest.get(partition, 0), now - moved_at.setdefault(partition, now))
                if offset != reached.get(partition):
                    reached[partition], moved_at[partition] = offset, now
            owners = self._stand.owners()
            shared = len(set(owners.values())) == len(self.workers) and not set(owners.values()) & set(before.values())
            went_on = before and shared and all(now - moved < 0.5 for moved in moved_at.values())
            return bool(went_on or (shared and not before))

        self._stand.trickle(self._records, until=settled)
        return longest

    def publish_the_rest(self) -> None:
        """All that is left."""
        self._stand.publish(self._records)

    def _reached(self) -> dict[int, int]:
        with self._stand.connect() as connection:
            rows = connection.execute(
                "SELECT partition, next_offset FROM positions WHERE retired_at IS NULL AND topic = 'interactions'"
            )
            return dict(rows.fetchall())


def _table(stood: Mapping[str, Mapping[int, float]]) -> str:
    lines = [f"\nseconds that each partition stood still, with a session timeout of {SESSION_SECONDS} s:"]
    for change, seconds in stood.items():
        lines.append(f"  {change:16}" + "".join(f"{seconds[partition]:7.2f}" for partition in sorted(seconds)))
    return "\n".join(lines) + "\n"


@pytest.mark.long
@pytest.mark.timeout(300)
def test_no_partition_stands_still_for_longer_than_the_session(
    stand: Stand, capsys: pytest.CaptureFixture[str]
) -> None:
    told = tell(Random(61), interactions=150_000, customers=5_000)
    group = Group(stand, told)
    group.standstill(group.join)
    changes = {
        "a second joins": group.join,
        "a third joins": group.join,
        "one leaves": group.leave,
        "one is killed": group.die,
    }
    stood = {name: group.standstill(change) for name, change in changes.items()}
    with capsys.disabled():
        sys.stdout.write(_table(stood))
    for name, seconds in stood.items():
        noticed = _SESSIONS * SESSION_SECONDS if name == "one is killed" else 0
        assert max(seconds.values()) < noticed + _ROUNDS_SECONDS, name
    group.publish_the_rest()
    stand.wait_until_done(seconds=200)
    assert_exact(stand, told)
    assert [worker.terminate() for worker in group.workers] == [0]
