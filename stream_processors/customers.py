"""Customers: attributes merged event by event.

A changed type moves the customer's share of product interest, a changed segment is history worth keeping, and a
tombstone forgets the customer: what is personal goes, everywhere (docs/forgetting.md).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import uuid4

import msgspec
from msgspec import UNSET

from events import topics
from events.contracts import CUSTOMER_ATTRIBUTES, Event
from stream_processors import binary, interest
from stream_processors.binary import Micros
from stream_processors.fact_stream import FactStream
from stream_processors.keyed_stream import Changes, KeyedStream, State
from stream_processors.ownership import Ownership
from stream_processors.unit_of_work import UnitOfWork
from stream_processors.views import CUSTOMER_TYPES, UNKNOWN

#: Attributes that say nothing of a person: an anonymous customer keeps them, so that totals by group stay as they are.
_IMPERSONAL: Final = ("customer_type", "segment", "industry", "country")

_LAST_SEGMENTS: Final = """
    SELECT DISTINCT ON (customer_id) customer_id, (extract(EPOCH FROM changed_at) * 1000000)::bigint
    FROM customer_segments WHERE customer_id = ANY(%s) ORDER BY customer_id, changed_at DESC
"""
_ADD_SEGMENTS: Final = "INSERT INTO customer_segments SELECT * FROM unnest(%s::text[], %s::timestamptz[], %s::text[])"
_ADD_CHANGES: Final = """
    INSERT INTO segment_changes SELECT * FROM unnest(%s::text[], %s::timestamptz[], %s::text[], %s::text[])
"""
_ANONYMOUS: Final = "INSERT INTO customers SELECT * FROM jsonb_populate_record(NULL::customers, %s::jsonb)"
_RENAME_HISTORY: Final = (
    "UPDATE customer_segments SET customer_id = %(anonymous)s WHERE customer_id = %(customer)s",
    "UPDATE segment_changes SET customer_id = %(anonymous)s WHERE customer_id = %(customer)s",
)
_DROP_HISTORY: Final = (
    "DELETE FROM customer_segments WHERE customer_id = %(customer)s",
    "DELETE FROM segment_changes WHERE customer_id = %(customer)s",
)
#: Refused records under the customer's key, and refused rows of sources that name the customer in any column.
_DROP_REJECTS: Final = """
    DELETE FROM rejected_events
    WHERE (key = convert_to(%(customer)s, 'UTF8') AND topic = ANY(%(topics)s))
        OR (topic = %(rows)s AND EXISTS (
            SELECT FROM jsonb_each_text(convert_from(value, 'UTF8')::jsonb) AS cell
            WHERE btrim(cell.value) IN (%(customer)s, %(customer)s || '.0')
        ))
"""


class Customers(KeyedStream):
    """The stream of customers.

    Args:
        facts: The streams whose facts name customers.
        forgotten: What becomes of the facts of a customer who is forgotten.
    """

    topic = topics.CUSTOMERS.name
    table = "customers"
    key = "customer_id"
    attributes = CUSTOMER_ATTRIBUTES

    def __init__(
        self, ownership: Ownership, facts: Sequence[FactStream], *, forgotten: Literal["anonymous", "removed"]
    ) -> None:
        super().__init__()
        self._ownership = ownership
        self._facts = facts
        self._forgotten = forgotten

    def check(self, key: str, partition: int) -> None:
        """Customers belong to one partition."""
        self._ownership.check(key, partition)

    def merge(self, before: State | None, event: Event) -> State:
        """An absent attribute stays, an explicit null clears."""
        told: dict[str, Any] = {name: value for name in self.attributes if (value := getattr(event, name)) is not UNSET}
        if isinstance(created_at := told.get("created_at"), datetime):
            told["created_at"] = created_at.astimezone(UTC)
        return (before or dict.fromkeys(self.attributes)) | told

    async def store(self, unit: UnitOfWork, changes: Changes) -> None:
        """Forget whom a tombstone names, write the rows, and move what depends on type and segment."""
        for key in {step.key for step in changes.steps if step.after is None}:
            await self._forget(unit, key, changes)
        await self.write(unit, changes, {key: {"partition": home} for key, home in changes.homes.items()})
        await _move_types(unit, changes)
        await _keep_segments(unit, changes)

    async def _forget(self, unit: UnitOfWork, key: str, changes: Changes) -> None:
        anonymous = f"anonymous-{uuid4().hex}" if self._forgotten == "anonymous" else None
        last = next(step.before for step in reversed(changes.steps) if step.key == key and step.after is None)
        if anonymous and last:
            row = {name: last[name] for name in _IMPERSONAL}
            row |= {"customer_id": anonymous, "partition": changes.homes[key]}
            await unit.connection.execute(_ANONYMOUS, [msgspec.json.encode(row).decode()])
        for stream in self._facts:
            await stream.rename_customer(unit, key, anonymous)
        names: dict[str, Any] = {"customer": key, "anonymous": anonymous, "rows": topics.REJECTED_EVENTS.name}
        names["topics"] = [topic.name for topic in topics.STREAMS if topic.customer_keyed]
        for statement in (*(_RENAME_HISTORY if anonymous else _DROP_HISTORY), _DROP_REJECTS):
            await unit.connection.execute(statement, names)


async def _move_types(unit: UnitOfWork, changes: Changes) -> None:
    """Who was forgotten has no totals left to move; the type told afterwards counts for what comes."""
    forgotten = {step.key for step in changes.steps if step.after is None}
    types = {key: (_type(changes.stored.get(key)), _type(changes.current.get(key))) for key in changes.homes}
    changed = {key: pair for key, pair in types.items() if pair[0] != pair[1]}
    await interest.change_types(unit, {key: pair for key, pair in changed.items() if key not in forgotten})
    rows = await unit.rows(CUSTOMER_TYPES, [(key,) for key in changed])
    for key, (_, new) in changed.items():
        rows[key,][0] = new


async def _keep_segments(unit: UnitOfWork, changes: Changes) -> None:
    """Add to the history of segments: each that differs from the one before, and from the second on the change."""
    history = _segment_steps(changes)
    if not history:
        return
    keys = list({key for key, _, _, _ in history})
    cursor = await unit.connection.execute(_LAST_SEGMENTS, [binary.TextArray.of(keys)])
    last: dict[str, Micros] = dict(await cursor.fetchall())
    told: list[tuple[str, Micros, str | None]] = []
    moved: list[tuple[str, Micros, str | None, str | None]] = []
    for key, told_at, old, new in history:
        changed_at = max(told_at, last[key] + 1) if key in last else told_at
        told.append((key, changed_at, new))
        if key in last:
            moved.append((key, changed_at, old, new))
        last[key] = changed_at
    await _insert(unit, _ADD_SEGMENTS, told)
    await _insert(unit, _ADD_CHANGES, moved)


def _segment_steps(changes: Changes) -> list[tuple[str, Micros, str | None, str | None]]:
    """(customer_id, told_at, old, new) of every event that changed a segment, since the customer was last forgotten."""
    history: dict[str, list[tuple[str, Micros, str | None, str | None]]] = {}
    for step in changes.steps:
        if step.after is None:
            history.pop(step.key, None)
            continue
        old, new = (step.before or {}).get("segment"), step.after["segment"]
        if old != new:
            history.setdefault(step.key, []).append((step.key, step.told_at, old, new))
    return [one for steps in history.values() for one in steps]


async def _insert(unit: UnitOfWork, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        keys, moments, *segments = zip(*rows, strict=True)
        arrays = [binary.TextArray.of(keys), binary.TimestamptzArray.of(moments), *map(binary.TextArray.of, segments)]
        await unit.connection.execute(statement, arrays)


def _type(state: State | None) -> str:
    return (state and state["customer_type"]) or UNKNOWN
