"""Interactions by column, and their table: a chunk is read, stored and looked up as a whole."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from itertools import chain, repeat
from struct import Struct
from typing import Any, Final

from psycopg import AsyncConnection

from events.contracts import Interaction
from events.identity import fact_ids, hashed
from stream_processors import binary
from stream_processors.binary import Micros, micros
from stream_processors.facts import Version

_COPY: Final = "COPY interactions FROM STDIN (FORMAT binary)"
_FIXED: Final = Struct("!hi16siqiiih")
_STORED: Final = """
    SELECT uuid_send(event_id), customer_id, channel, (extract(EPOCH FROM occurred_at) * 1000000)::bigint,
        product, count, revenue, partition
    FROM interactions WHERE event_id = ANY(%s)
"""
_DELETE: Final = "DELETE FROM interactions WHERE event_id = ANY(%s)"


@dataclass(slots=True)
class Facts:
    """Interactions by column; all lists have the same length."""

    event_id: list[bytes]
    customer_id: list[str]
    channel: list[str]
    occurred_at: list[Micros]
    product: list[str | None]
    count: list[int]
    revenue: list[Decimal | None]
    partition: list[int]
    source_id: list[str | None]

    def version(self, place: int) -> Version:
        """What the fact at a place says, apart from its identity."""
        return (
            self.customer_id[place],
            self.channel[place],
            self.occurred_at[place],
            self.product[place],
            self.count[place],
            self.revenue[place],
            self.partition[place],
        )

    def at(self, places: Sequence[int]) -> "Facts":
        """The facts at these places."""
        return Facts(*([column[place] for place in places] for column in self.columns().values()))

    def columns(self) -> dict[str, list[Any]]:
        """Column name to values."""
        return {name: getattr(self, name) for name in _FACT_COLUMNS}

    @classmethod
    def of_events(cls, events: Sequence[Interaction], partition: int) -> "Facts":
        """What decoded events say, all of one partition."""
        ids = [event.event_id for event in events]
        return cls(
            fact_ids(ids),
            [event.customer_id for event in events],
            [event.channel for event in events],
            [micros(event.occurred_at) for event in events],
            [event.product for event in events],
            [event.count for event in events],
            [event.revenue for event in events],
            [partition] * len(events),
            hashed(ids),
        )

    @classmethod
    def joined(cls, parts: Sequence["Facts"]) -> "Facts":
        """The facts of several chunks, in order."""
        if len(parts) == 1:
            return parts[0]
        return cls(*(list(chain.from_iterable(getattr(part, name) for part in parts)) for name in _FACT_COLUMNS))

    @classmethod
    def of_versions(cls, versions: Mapping[bytes, Version]) -> "Facts":
        """Facts that were stored before."""
        customer_id, channel, occurred_at, product, count, revenue, partition = map(
            list, zip(*versions.values(), strict=True)
        )
        nothing: list[str | None] = [None] * len(versions)
        return cls(
            list(versions), customer_id, channel, occurred_at, product, count, revenue, partition, source_id=nothing
        )


_FACT_COLUMNS: Final = tuple(column.name for column in fields(Facts))


async def stored_versions(connection: AsyncConnection[Any], ids: Sequence[bytes]) -> dict[bytes, Version]:
    """The versions in the database, of the identities that have one."""
    cursor = await connection.execute(_STORED, [binary.UuidArray.of(ids)], binary=True)
    return {bytes(row[0]): row[1:] for row in await cursor.fetchall()}


async def delete(connection: AsyncConnection[Any], ids: Sequence[bytes]) -> None:
    """Drop stored facts."""
    await connection.execute(_DELETE, [binary.UuidArray.of(ids)])


async def insert(connection: AsyncConnection[Any], facts: Facts) -> None:
    """Store facts whose identities are not in the table.

    Raises: psycopg.errors.UniqueViolation when one is after all: another partition told it at the same moment.
    """
    async with connection.cursor().copy(_COPY) as copy:
        await copy.write(_copy_rows(facts))


def _mostly_null(field: Callable[[Any], bytes], column: Sequence[Any]) -> Iterable[bytes]:
    if column.count(None) == len(column):
        return repeat(binary.NULL, len(column))
    return map(field, column)


def _copy_rows(facts: Facts) -> bytes:
    text = binary.TextFields()
    moments = [binary.postgres_micros(value) for value in facts.occurred_at]
    # Field count, then length and value of event_id, occurred_at, count and partition.
    fixed = [
        repeat(9), repeat(16), facts.event_id, repeat(8), moments,
        repeat(4), facts.count, repeat(2), facts.partition,
    ]  # fmt: skip
    texts = [map(text.__getitem__, column) for column in (facts.customer_id, facts.channel, facts.product)]
    return binary.copy_rows(
        _FIXED,
        fixed,
        [*texts, _mostly_null(binary.numeric_field, facts.revenue), _mostly_null(binary.text_field, facts.source_id)],
    )
