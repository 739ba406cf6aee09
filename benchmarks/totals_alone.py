"""Our engine without facts: transport, dispatcher, units of work, positions and tables, with a stream of a few lines.

`python -m benchmarks.totals_alone`, addressed by the environment, as `c360 processor` is.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from benchmarks.work import TOPIC
from c360.logs import set_up_logging
from events import encoding
from events.admin import Cluster
from settings import Settings
from stream_processors.app import Job, run
from stream_processors.catalogue import Catalogue
from stream_processors.chunks import Chunk
from stream_processors.fold import Kind, Sum, View, put
from stream_processors.unit_of_work import Decoded, UnitOfWork

TOTALS = View(
    "benchmark_totals",
    key={"customer_id": Kind.TEXT, "channel": Kind.TEXT},
    measures=(Sum("interactions", of="count"),),
    table="benchmark_totals",
)


class InteractionTotals:
    """Counts interactions per customer and channel, and stores none of them."""

    def __init__(self) -> None:
        self._decode = encoding.decoder_for(TOPIC).decode

    def decode(self, chunk: Chunk) -> Decoded:
        """Read the columns that are counted."""
        events: list[Any] = [self._decode(record.value or b"") for record in chunk.records]
        columns = {name: [getattr(event, name) for event in events] for name in ("customer_id", "channel", "count")}
        return Decoded(chunk, columns)

    async def apply(self, unit: UnitOfWork, decoded: Sequence[Decoded]) -> None:
        """Add them to the totals; each is new, as the positions know."""
        for one in decoded:
            keys = TOTALS.keys(one.events)
            put(TOTALS, await unit.rows(TOTALS, keys, whole=False), keys, one.events)
            unit.count({one.chunk.partition: Counter(new=one.chunk.size)})


def totals_alone(settings: Settings, cluster: Cluster) -> Job:  # noqa: ARG001 - what a job is made of
    """One stream, one running total."""
    return Job({TOPIC: InteractionTotals()}, [TOTALS], Catalogue())


if __name__ == "__main__":
    settings = Settings()
    set_up_logging(settings.log)
    run(settings, totals_alone)
