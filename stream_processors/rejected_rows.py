"""Rows of sources that could not become events, told by whoever read the source: listed, with the place they stood."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from events import encoding, topics
from events.contracts import RejectedRow
from events.errors import RejectedEvent
from events.identity import fact_id
from stream_processors import binary
from stream_processors.catalogue import Catalogue
from stream_processors.chunks import Chunk, Record
from stream_processors.unit_of_work import Decoded, Rejected, UnitOfWork

_TOPIC: Final = topics.REJECTED_EVENTS.name

_INSERT: Final = """
    INSERT INTO rejected_events
        (reject_id, topic, partition, "offset", stream, source, place, field, reason, key, value)
    SELECT r.reject_id, %s, r.partition, r."offset", r.stream, r.source, r.place, r.field, r.reason, r.key, r.value
    FROM unnest(
        %s::uuid[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
        %s::bytea[], %s::bytea[]
    ) AS r (reject_id, partition, "offset", stream, source, place, field, reason, key, value)
    ON CONFLICT (reject_id) DO NOTHING
    RETURNING partition
"""


class RejectedRows:
    """The stream: decodes chunks, and lists the rows in table rejected_events."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def decode(self, chunk: Chunk) -> Decoded:
        """Read a chunk record by record."""
        events: list[tuple[Record, RejectedRow]] = []
        rejected: list[Rejected] = []
        for record in chunk.records:
            try:
                row = encoding.decode(_TOPIC, record.key, record.value, record.headers)
                if not isinstance(row, RejectedRow):
                    raise RejectedEvent("a refused row can't be withdrawn")
                events.append((record, row))
            except RejectedEvent as error:
                rejected.append(Rejected(record, error))
        return Decoded(chunk, events, rejected)

    async def apply(self, unit: UnitOfWork, decoded: Sequence[Decoded]) -> None:
        """List rows not listed yet."""
        told = [(one.chunk.partition, record, row) for one in decoded for record, row in one.events]
        forgotten = self._catalogue.forgotten
        listed = [
            (partition, record, row)
            for partition, record, row in told
            if not forgotten.names_one(_TOPIC, partition, record, row.row.values())
        ]
        if not told:
            return
        text = binary.TextArray.of
        parameters = [
            binary.UuidArray.of([fact_id(row.reject_id) for _, _, row in listed]),
            binary.Int8Array.of([partition for partition, _, _ in listed]),
            binary.Int8Array.of([record.offset for _, record, _ in listed]),
            text([row.stream for _, _, row in listed]),
            text([row.source for _, _, row in listed]),
            text([row.place for _, _, row in listed]),
            text([row.column for _, _, row in listed]),
            text([row.reason for _, _, row in listed]),
            binary.ByteaArray.of([record.key for _, record, _ in listed]),
            binary.ByteaArray.of([msgspec.json.encode(row.row) for _, _, row in listed]),
        ]
        cursor = await unit.connection.execute(_INSERT, [_TOPIC, *parameters])
        new = Counter(partition for (partition,) in await cursor.fetchall())
        for partition, rows in Counter(partition for partition, _, _ in told).items():
            unit.count({partition: Counter(new=new[partition], repeated=rows - new[partition])})
