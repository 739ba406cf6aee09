"""Which chunks are committed together, and when.

Units of work of one partition number run one after the other, whichever topic they come from, because they move the
totals of the same customers. Different partition numbers may run at once: while Postgres works on one unit, the next is
decoded. When chunks are small, those that wait are committed together; under load a unit is as large as is allowed.

What a unit costs apart from its events is some ten questions to Postgres. So few events wait for the unit in work, as
small packets do in Nagle's algorithm, instead of competing with it; and a unit that has enough of them leaves further
partition numbers to the next, so that two can be in work.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from stream_processors.unit_of_work import Decoded

#: So many take several times as long to commit as a unit of work costs by itself.
_ENOUGH_EVENTS: Final = 1_500


@dataclass(frozen=True, slots=True)
class Delivery:
    """A decoded chunk, and how to say that it is committed."""

    decoded: Decoded
    acknowledge: Callable[[], object]


class Dispatcher:
    """Waiting chunks by partition number."""

    def __init__(self, *, most_events: int) -> None:
        self._most_events = most_events
        #: How many are worth a unit of work while there is another.
        self._enough_events = min(_ENOUGH_EVENTS, most_events)
        self._waiting: dict[int, deque[Delivery]] = {}
        self._busy: set[int] = set()
        self._changed = asyncio.Condition()

    async def submit(self, delivery: Delivery) -> None:
        """Add a chunk behind those of its partition number; the transport bounds how many can be waiting."""
        async with self._changed:
            self._waiting.setdefault(delivery.decoded.chunk.partition, deque()).append(delivery)
            self._changed.notify()

    async def take(self) -> list[Delivery]:
        """Wait for work; returns chunks of one topic whose partition numbers are the caller's until `done`."""
        async with self._changed:
            while not (unit := self._next_unit()):
                await self._changed.wait()
            return unit

    async def done(self, unit: list[Delivery]) -> None:
        """Hand the partition numbers of a unit back, committed or not."""
        async with self._changed:
            self._busy.difference_update(delivery.decoded.chunk.partition for delivery in unit)
            self._changed.notify_all()

    async def drop_waiting(self) -> None:
        """Forget what has not begun, and wait for what has: the partitions are about to be assigned anew."""
        async with self._changed:
            self._waiting.clear()
            await self._changed.wait_for(lambda: not self._busy)
            self._waiting.clear()  # what came while waiting was fetched for the old assignment, too

    def _next_unit(self) -> list[Delivery]:
        free = [number for number, queue in self._waiting.items() if queue and number not in self._busy]
        if self._busy and sum(map(self._waiting_events, free)) < self._enough_events:
            return []
        unit: list[Delivery] = []
        events = 0
        for partition in free:
            if events >= self._enough_events:
                break
            queue = self._waiting[partition]
            topic = unit[0].decoded.chunk.topic if unit else queue[0].decoded.chunk.topic
            while queue and queue[0].decoded.chunk.topic == topic:
                size = queue[0].decoded.chunk.size
                if unit and events + size > self._most_events:
                    break
                unit.append(queue.popleft())
                events += size
                self._busy.add(partition)
            if partition in self._busy:  # it had its turn: the others come first next time
                self._waiting[partition] = self._waiting.pop(partition)
        return unit

    def _waiting_events(self, partition: int) -> int:
        return sum(delivery.decoded.chunk.size for delivery in self._waiting[partition])
