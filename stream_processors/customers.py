"""Customers: attributes merged event by event; a changed type moves the customer's share of product interest."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec import UNSET
from psycopg import sql as query

from events import encoding, topics
from events.contracts import CUSTOMER_ATTRIBUTES, Customer
from events.encoding import Tombstone
from events.errors import RejectedEvent
from stream_processors import binary, interest
from stream_processors.chunks import Chunk
from stream_processors.ownership import Ownership
from stream_processors.unit_of_work import Decoded, Rejected, UnitOfWork
from stream_processors.views import UNKNOWN_TYPE

_TOPIC: Final = topics.CUSTOMERS.name

#: What is known of a customer: attribute to value, all attributes present.
Profile = dict[str, Any]

_STORED: Final = query.SQL("SELECT customer_id, {} FROM customers WHERE customer_id = ANY(%s)").format(
    query.SQL(", ").join(map(query.Identifier, CUSTOMER_ATTRIBUTES))
)
_STORE: Final = query.SQL(
    "INSERT INTO customers SELECT * FROM jsonb_populate_recordset(NULL::customers, %s::jsonb) "
    "ON CONFLICT (customer_id) DO UPDATE SET {}"
).format(
    query.SQL(", ").join(query.SQL("{0} = excluded.{0}").format(query.Identifier(name)) for name in CUSTOMER_ATTRIBUTES)
)
_FORGET: Final = "DELETE FROM customers WHERE customer_id = ANY(%s)"


class Customers:
    """The stream: decodes chunks, and merges them into table customers."""

    REATTRIBUTES = False

    def __init__(self, ownership: Ownership) -> None:
        self._ownership = ownership

    def decode(self, chunk: Chunk) -> Decoded:
        """Read a chunk record by record: customers change rarely, compared with what they do."""
        events: list[Customer | Tombstone] = []
        rejected: list[Rejected] = []
        for record in chunk.records:
            try:
                event = encoding.decode(_TOPIC, record.key, record.value, record.headers)
                assert isinstance(event, Customer | Tombstone)
                self._ownership.check(event.key, chunk.partition)
                events.append(event)
            except RejectedEvent as error:
                rejected.append(Rejected(record, error))
        return Decoded(chunk, events, rejected)

    async def apply(self, unit: UnitOfWork, decoded: Sequence[Decoded]) -> None:
        """Merge the events in order, store the outcome, and move those whose type changed."""
        keys = {event.key for one in decoded for event in one.events}
        stored = await _stored(unit, keys)
        profiles = dict(stored)
        homes: dict[str, int] = {}
        for one in decoded:
            outcomes: Counter[str] = Counter()
            for event in one.events:
                outcomes[_merge(profiles, event)] += 1
                homes[event.key] = one.chunk.partition
            unit.count({one.chunk.partition: outcomes})
        changed = [key for key in keys if profiles.get(key) != stored.get(key)]
        await _store(unit, {key: profiles[key] for key in changed if key in profiles}, homes)
        await _forget(unit, [key for key in changed if key not in profiles])
        await _move_types(unit, {key: (_type(stored.get(key)), _type(profiles.get(key))) for key in changed})


def _merge(profiles: dict[str, Profile], event: Customer | Tombstone) -> str:
    """Apply one event to what is known; returns its outcome."""
    before = profiles.get(event.key)
    if isinstance(event, Tombstone):
        return "repeated" if profiles.pop(event.key, None) is None else "withdrawn"
    told = {name: value for name in CUSTOMER_ATTRIBUTES if (value := getattr(event, name)) is not UNSET}
    if isinstance(created_at := told.get("created_at"), datetime):
        told["created_at"] = created_at.astimezone(UTC)
    after = (before or dict.fromkeys(CUSTOMER_ATTRIBUTES)) | told
    profiles[event.key] = after
    if before is None:
        return "new"
    return "repeated" if after == before else "corrected"


def _type(profile: Profile | None) -> str:
    return (profile and profile["customer_type"]) or UNKNOWN_TYPE


async def _stored(unit: UnitOfWork, keys: set[str]) -> dict[str, Profile]:
    cursor = await unit.connection.execute(_STORED, [binary.TextArray.of(list(keys))])
    return {row[0]: dict(zip(CUSTOMER_ATTRIBUTES, row[1:], strict=True)) for row in await cursor.fetchall()}


async def _store(unit: UnitOfWork, profiles: dict[str, Profile], homes: dict[str, int]) -> None:
    if profiles:
        rows = [profile | {"customer_id": key, "partition": homes[key]} for key, profile in profiles.items()]
        await unit.connection.execute(_STORE, [msgspec.json.encode(rows).decode()])


async def _forget(unit: UnitOfWork, keys: Sequence[str]) -> None:
    if keys:
        await unit.connection.execute(_FORGET, [binary.TextArray.of(keys)])


async def _move_types(unit: UnitOfWork, types: dict[str, tuple[str, str]]) -> None:
    changed = {key: (old, new) for key, (old, new) in types.items() if old != new}
    if changed:
        await interest.change_types(unit, changed)
