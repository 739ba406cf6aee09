"""What streams have in common whose events speak of one thing by its key: the last word per key is kept in a table."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import msgspec
from psycopg import sql as query

from events import encoding
from events.contracts import Event, text_complaint
from events.encoding import Tombstone
from events.errors import RejectedEvent
from stream_processors import binary
from stream_processors.binary import Micros
from stream_processors.chunks import Chunk
from stream_processors.unit_of_work import Decoded, Rejected, UnitOfWork

#: What is known under a key: column to value, all columns present.
State = dict[str, Any]

_MICROS_PER_MILLISECOND: Final = 1000


@dataclass(frozen=True, slots=True)
class Word:
    """One event, and when its record was written."""

    event: Event | Tombstone
    told_at: Micros
    offset: int


@dataclass(frozen=True, slots=True)
class Step:
    """One event's effect."""

    key: str
    before: State | None
    after: State | None
    told_at: Micros
    offset: int


@dataclass(slots=True)
class Changes:
    """The effect of a unit's events."""

    #: Per key, what the table holds.
    stored: Mapping[str, State]
    #: Per key, what it should hold; keys that are gone are absent.
    current: dict[str, State] = field(default_factory=dict)
    #: Every event that changed something, and every tombstone, in order.
    steps: list[Step] = field(default_factory=list)
    #: Partition number of each key.
    homes: dict[str, int] = field(default_factory=dict)

    @property
    def changed(self) -> list[str]:
        """Keys for which the table is not right any more."""
        return [key for key in self.homes if self.stored.get(key) != self.current.get(key)]


class KeyedStream(ABC):
    """A stream whose table has one row per key."""

    topic: ClassVar[str]
    table: ClassVar[str]
    key: ClassVar[str]
    attributes: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        names = query.SQL(", ").join(map(query.Identifier, self.attributes))
        table, key = query.Identifier(self.table), query.Identifier(self.key)
        replaced = query.SQL(", ").join(
            query.SQL("{0} = excluded.{0}").format(query.Identifier(name)) for name in self.attributes
        )
        self._select = query.SQL("SELECT {}, {} FROM {} WHERE {} = ANY(%s)").format(key, names, table, key)
        self._upsert = query.SQL(
            "INSERT INTO {0} SELECT * FROM jsonb_populate_recordset(NULL::{0}, %s::jsonb) "
            "ON CONFLICT ({1}) DO UPDATE SET {2}"
        ).format(table, key, replaced)
        self._delete = query.SQL("DELETE FROM {} WHERE {} = ANY(%s)").format(table, key)

    @abstractmethod
    def merge(self, before: State | None, event: Event) -> State:
        """What is known after an event."""

    @abstractmethod
    async def store(self, unit: UnitOfWork, changes: Changes) -> None:
        """Write the changes, and move whatever depends on them."""

    def check(self, key: str, partition: int) -> None:  # noqa: ARG002
        """Raises: RejectedEvent when a key may not come, or not in this partition."""
        if complaint := text_complaint(key):  # tombstones have nothing else that is checked
            raise RejectedEvent(complaint)

    def decode(self, chunk: Chunk) -> Decoded:
        """Read a chunk record by record: such things change rarely, compared with what happens to them."""
        words: list[Word] = []
        rejected: list[Rejected] = []
        for record in chunk.records:
            try:
                event = encoding.decode(self.topic, record.key, record.value, record.headers)
                self.check(event.key, chunk.partition)
                words.append(Word(event, record.timestamp * _MICROS_PER_MILLISECOND, record.offset))
            except RejectedEvent as error:
                rejected.append(Rejected(record, error))
        return Decoded(chunk, words, rejected)

    async def apply(self, unit: UnitOfWork, decoded: Sequence[Decoded]) -> None:
        """Walk through the events in order, and store what they amount to."""
        keys = {word.event.key for one in decoded for word in one.events}
        if not keys:
            return
        stored = await self.stored(unit, keys)
        changes = Changes(stored, dict(stored))
        for one in decoded:
            outcomes = Counter(self._step(changes, word, one.chunk.partition) for word in one.events)
            unit.count({one.chunk.partition: outcomes})
        await self.store(unit, changes)

    async def stored(self, unit: UnitOfWork, keys: set[str]) -> dict[str, State]:
        """What the table holds under these keys."""
        cursor = await unit.connection.execute(self._select, [binary.TextArray.of(list(keys))])
        return {row[0]: dict(zip(self.attributes, row[1:], strict=True)) for row in await cursor.fetchall()}

    async def write(self, unit: UnitOfWork, changes: Changes, more: Mapping[str, State]) -> None:
        """Bring the table up to date; `more` has further columns by key."""
        rows = [
            {self.key: key, **changes.current[key], **more.get(key, {})}
            for key in sorted(changes.changed)  # one order for all workers, or two of them could wait for each other
            if key in changes.current
        ]
        gone = [key for key in sorted(changes.changed) if key not in changes.current]
        if rows:
            await unit.connection.execute(self._upsert, [msgspec.json.encode(rows).decode()])
        if gone:
            await self.drop(unit, gone)

    async def drop(self, unit: UnitOfWork, keys: Sequence[str]) -> None:
        """Take keys out of the table that the stream has withdrawn."""
        await unit.connection.execute(self._delete, [binary.TextArray.of(keys)])

    def _step(self, changes: Changes, word: Word, partition: int) -> str:
        key = word.event.key
        changes.homes[key] = partition
        before = changes.current.get(key)
        after = None if isinstance(word.event, Tombstone) else self.merge(before, word.event)
        if before != after or after is None:
            changes.steps.append(Step(key, before, after, word.told_at, word.offset))
        if before == after:
            return "repeated"
        if after is None:
            del changes.current[key]
            return "withdrawn"
        changes.current[key] = after
        return "new" if before is None else "corrected"
