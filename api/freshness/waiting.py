"""What waits in Kafka for the processors, asked of the broker when somebody wants to know, and good for a moment.

Nothing else in the API depends on it: while Kafka is away this is not known, and answers go on.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Final

from api.kit.position import Position
from events import admin
from events.errors import Unavailable

#: For so long an answer of the broker is good; asking takes it some tens of milliseconds.
_GOOD_SECONDS: Final = 2.0

Backlogs = Mapping[tuple[str, int], admin.Backlog]


class Waiting:
    """The backlog of every partition.

    Args:
        kafka: The broker as `settings.KafkaSettings.librdkafka` gives it; None: it will never be known.
    """

    def __init__(self, kafka: Mapping[str, str] | None) -> None:
        self._kafka = kafka
        self._lock = asyncio.Lock()
        self._known: tuple[float, Backlogs | Unavailable] | None = None

    @property
    def has_broker(self) -> bool:
        """Whether there is anybody to ask."""
        return self._kafka is not None

    async def behind(self, position: Position) -> Backlogs:
        """What waits behind a position, as of the last moments; asked once, however many want to know.

        Raises: Unavailable when the broker does not tell.
        """
        async with self._lock:
            if self._known is None or time.monotonic() - self._known[0] > _GOOD_SECONDS:
                self._known = time.monotonic(), await self._ask(position)
            found = self._known[1]
        if isinstance(found, Unavailable):
            raise found
        return found

    async def _ask(self, position: Position) -> Backlogs | Unavailable:
        try:
            return await asyncio.to_thread(self._read, position)
        except Unavailable as error:
            return error

    def _read(self, position: Position) -> Backlogs:
        if self._kafka is None:
            raise Unavailable("this API knows no broker: it was started without KAFKA_BOOTSTRAP_SERVERS")
        there = admin.describe_cluster(self._kafka).topics
        places = {(name, number) for name, state in there.items() for number in range(state.partitions)}
        return admin.backlogs(self._kafka, {place: position.get(place, 0) for place in places})
