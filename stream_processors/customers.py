"""Customers: attributes merged event by event.

A changed type moves the customer's share of product interest, a changed segment is history worth keeping, and a
tombstone forgets the customer: what is personal goes, everywhere (docs/forgetting.md).
"""

import re
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
from stream_processors.forgotten import Tombstone
from stream_processors.keyed_stream import Changes, KeyedStream, State, Step
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
_ANONYMOUS: Final = """
    INSERT INTO customers SELECT * FROM jsonb_populate_record(NULL::customers, %s::jsonb)
    ON CONFLICT (customer_id) DO NOTHING
"""
_RENAME_HISTORY: Final = (
    "UPDATE customer_segments SET customer_id = %(anonymous)s WHERE customer_id = %(customer)s",
    "UPDATE segment_changes SET customer_id = %(anonymous)s WHERE customer_id = %(customer)s",
)
_DROP_HISTORY: Final = (
    "DELETE FROM customer_segments WHERE customer_id = %(customer)s",
    "DELETE FROM segment_changes WHERE customer_id = %(customer)s",
)
#: And with it the row in schema shared; waits for a refresh of that schema which may not know of the tombstone.
_DROP_PSEUDONYM: Final = "DELETE FROM pseudonyms WHERE customer_id = %(customer)s"
_DROP_EXAMPLES: Final = """
    UPDATE quality_runs SET examples = '[]'
    WHERE examples @> jsonb_build_array(jsonb_build_object('customer_id', %(customer)s::text))
"""
#: Refused records of or about the customer, and refused rows of sources that name the customer in any column; but not
#: what this unit read after the tombstone. Refused bytes may be anything: they are searched as Postgres prints them.
_DROP_REJECTS: Final = """
    DELETE FROM rejected_events
    WHERE (
        (topic = ANY(%(topics)s) AND (encode(key, 'escape') ~ %(key)s OR encode(value, 'escape') ~ %(field)s))
        OR (topic = %(rows)s AND encode(value, 'escape') ~ %(cell)s)
    )
    AND NOT (topic = %(topic)s AND partition = %(partition)s AND "offset" > %(offset)s AND rejected_at = now())
"""
_WHOLE_NUMBER: Final = re.compile(r"[+-]?\d+")


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
        tombstones = [step for step in changes.steps if step.after is None]
        heirs = [await self._forget(unit, step, changes.homes[step.key]) for step in tombstones]
        await self.write(unit, changes, {key: {"partition": home} for key, home in changes.homes.items()})
        await _move_types(unit, changes)
        await _keep_segments(unit, _segment_steps(changes, heirs))

    async def _forget(self, unit: UnitOfWork, tombstone: Step, home: int) -> str | None:
        """Leave nothing under the customer's id; returns the id of the anonymous customer who takes over, if any."""
        mark = Tombstone(tombstone.key, home, tombstone.offset)
        recalled = await mark.recall(unit.connection)
        anonymous = recalled[0] if recalled else f"anonymous-{uuid4().hex}" if self._forgotten == "anonymous" else None
        if anonymous and tombstone.before:
            await _add_anonymous(unit, anonymous, tombstone.before, home)
        if not recalled:  # else it is read again, and the facts before it were read as those of the anonymous customer
            for stream in self._facts:
                await stream.rename_customer(unit, tombstone.key, anonymous)
            await mark.remember(unit.connection, anonymous)
        names = {"customer": tombstone.key, "anonymous": anonymous}
        for statement in _RENAME_HISTORY if anonymous else _DROP_HISTORY:
            await unit.connection.execute(statement, names)
        for statement in (_DROP_PSEUDONYM, _DROP_EXAMPLES):
            await unit.connection.execute(statement, names)
        place = {"topic": self.topic, "partition": home, "offset": tombstone.offset}
        await unit.connection.execute(_DROP_REJECTS, place | _mentions(tombstone.key))
        return anonymous


async def _add_anonymous(unit: UnitOfWork, anonymous: str, before: State, home: int) -> None:
    """Keep what says nothing of a person; facts may be there already, when the topics are read again."""
    row = {"customer_id": anonymous, "partition": home, **{name: before[name] for name in _IMPERSONAL}}
    cursor = await unit.connection.execute(_ANONYMOUS, [msgspec.json.encode(row).decode()])
    if cursor.rowcount and (customer_type := _type(before)) != UNKNOWN:
        await interest.change_types(unit, {anonymous: (UNKNOWN, customer_type)})
        rows = await unit.rows(CUSTOMER_TYPES, {(anonymous,)})
        rows[anonymous,][0] = customer_type


def _mentions(customer_id: str) -> dict[str, Any]:
    """Where rejected_events may speak of a customer: parameters of _DROP_REJECTS."""
    decimals = r"(\.0+)?" if _WHOLE_NUMBER.fullmatch(customer_id) else ""
    plain = _printed(customer_id.encode()) + decimals
    in_json = _printed(msgspec.json.encode(customer_id)[1:-1]) + decimals
    return {
        "topics": [topic.name for topic in topics.STREAMS if topic.customer_keyed],
        "rows": topics.REJECTED_EVENTS.name,
        "key": rf"^\s*{plain}\s*$",
        "field": rf'"customer_id"\s*:\s*("\s*{in_json}\s*"|{in_json}\s*[,}}])',
        "cell": rf':"\s*{in_json}\s*"',
    }


def _printed(value: bytes) -> str:
    """A regular expression for bytes in the text that Postgres makes of them: encode(…, 'escape')."""
    text = "".join(chr(byte) if 0 < byte < 128 else f"\\{byte:03o}" for byte in value.replace(b"\\", b"\\\\"))
    return re.sub(r"(\W)", r"\\\1", text)


async def _move_types(unit: UnitOfWork, changes: Changes) -> None:
    """Who was forgotten has no totals left to move; the type told afterwards counts for what comes."""
    forgotten = {step.key for step in changes.steps if step.after is None}
    types = {key: (_type(changes.stored.get(key)), _type(changes.current.get(key))) for key in changes.homes}
    changed = {key: pair for key, pair in types.items() if pair[0] != pair[1]}
    await interest.change_types(unit, {key: pair for key, pair in changed.items() if key not in forgotten})
    rows = await unit.rows(CUSTOMER_TYPES, {(key,) for key in changed})
    for key, (_, new) in changed.items():
        rows[key,][0] = new


#: (customer_id, told_at, old segment, new segment)
SegmentStep = tuple[str, Micros, str | None, str | None]


async def _keep_segments(unit: UnitOfWork, history: Sequence[SegmentStep]) -> None:
    """Add to the history of segments: each that differs from the one before, and from the second on the change."""
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


def _segment_steps(changes: Changes, heirs: Sequence[str | None]) -> list[SegmentStep]:
    """Every event that changed a segment, under the id that the customer has in the end.

    Args:
        heirs: Who takes over what was told before each tombstone; nobody where None.
    """
    done: list[SegmentStep] = []
    since: dict[str, list[SegmentStep]] = {}
    inheriting = iter(heirs)
    for step in changes.steps:
        if step.after is None:
            heir, steps = next(inheriting), since.pop(step.key, [])
            done += [(heir, *rest) for _, *rest in steps] if heir else []  # type: ignore[misc]
            continue
        old, new = (step.before or {}).get("segment"), step.after["segment"]
        if old != new:
            since.setdefault(step.key, []).append((step.key, step.told_at, old, new))
    return done + [one for steps in since.values() for one in steps]


async def _insert(unit: UnitOfWork, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        keys, moments, *segments = zip(*rows, strict=True)
        arrays = [binary.TextArray.of(keys), binary.TimestamptzArray.of(moments), *map(binary.TextArray.of, segments)]
        await unit.connection.execute(statement, arrays)


def _type(state: State | None) -> str:
    return (state and state["customer_type"]) or UNKNOWN
