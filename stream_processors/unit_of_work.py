"""One transaction: facts, totals, rejects and positions of some chunks, or none of them.

1. lock: re-attribution lock (shared, unless the unit re-attributes), then the positions' rows, which are the guard
2. rejects are listed; the stream's module stores the facts and moves the totals, in rows that it checks out of tables
3. the changed rows and the next offsets are written
4. commit; then the tables get their rows back and Kafka its acknowledgement
What each failure leads to: docs/commit.md.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from uuid import UUID

import msgspec
from psycopg import AsyncConnection

from events.errors import C360Error, RejectedEvent
from events.identity import fact_id
from sql import REATTRIBUTION_LOCK
from stream_processors import binary, positions
from stream_processors.chunks import Chunk, Record
from stream_processors.fold import Key, Members, Rows, View
from stream_processors.forgotten import Forgotten
from stream_processors.members import Membership
from stream_processors.tables import CheckedOut, RunningTotal

_INSERT_REJECTS: Final = """
    INSERT INTO rejected_events (reject_id, topic, partition, "offset", stream, field, reason, key, value, headers)
    SELECT r.reject_id, %s, r.partition, r."offset", %s, r.field, r.reason, r.key, r.value, r.headers::jsonb
    FROM unnest(
        %s::uuid[], %s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::bytea[], %s::bytea[], %s::text[]
    ) AS r (reject_id, partition, "offset", field, reason, key, value, headers)
    ON CONFLICT (reject_id) DO NOTHING
"""


#: Re-attribution asks about whole tables, unlike all else that a worker asks (engine.py has it go by index).
_PLAN_FOR_WHOLE_TABLES: Final = """
    SET LOCAL plan_cache_mode = force_custom_plan;
    SET LOCAL enable_seqscan = on;
    SET LOCAL enable_bitmapscan = on;
    SET LOCAL enable_hashjoin = on;
    SET LOCAL enable_mergejoin = on
"""


class NeedsReattribution(C360Error):
    """The unit moves totals that belong to another partition: do it again under the exclusive lock."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that breaks its contract."""

    record: Record
    error: RejectedEvent


@dataclass(slots=True)
class Decoded:
    """A chunk whose records were read: what the stream's module made of them, and what it refused."""

    chunk: Chunk
    #: Whatever the stream's `apply` wants.
    events: Any
    rejected: list[Rejected] = field(default_factory=list)


class Stream(Protocol):
    """What the module of a stream offers."""

    def decode(self, chunk: Chunk) -> Decoded:
        """Read the records of a chunk; never raises for a bad one."""

    async def apply(self, unit: "UnitOfWork", decoded: Sequence[Decoded]) -> None:
        """Store the facts and move the totals within the unit's transaction.

        Raises: NeedsReattribution when the unit is not exclusive and would have to be.
        """


class UnitOfWork:
    """The state of one transaction while it is made."""

    def __init__(
        self, connection: AsyncConnection[Any], tables: Mapping[str, RunningTotal], *, exclusive: bool
    ) -> None:
        self.connection = connection
        #: True when nobody else writes: totals of other partitions may be moved.
        self.exclusive = exclusive
        #: Partition numbers whose customers this unit may touch.
        self.partitions: frozenset[int] = frozenset()
        #: Per partition number, how many records had which outcome.
        self.outcomes: dict[int, Counter[str]] = {}
        #: What to remember once the transaction is committed.
        self.after_commit: list[Callable[[], object]] = []
        self._tables = tables
        self._out: dict[str, CheckedOut] = {}
        self._memberships: dict[str, Membership] = {}

    async def lock(self, decoded: Sequence[Decoded], owner: UUID) -> tuple[list[Decoded], int]:
        """Take the locks, in the one order that all workers keep.

        Returns: What is still to be done (see positions.guard), and the current re-attribution epoch.
        Raises: positions.PositionMoved; RefusedState when the schema is not that of this version.
        """
        function = "pg_advisory_xact_lock" if self.exclusive else "pg_advisory_xact_lock_shared"
        # One by one: within a pipeline Postgres has no timeout for a worker that is frozen while it holds the locks.
        await self.connection.execute(f"SELECT {function}({REATTRIBUTION_LOCK})")
        if self.exclusive:
            await self.connection.execute(_PLAN_FOR_WHOLE_TABLES)
        row = await (await self.connection.execute("SELECT epoch, schema FROM reattribution")).fetchone()
        assert row is not None
        positions.refuse_other_schema(row[1])
        todo = await positions.guard(self.connection, [one.chunk for one in decoded], owner)
        kept = [one for one in decoded if one.chunk in todo]
        self.partitions = frozenset(one.chunk.partition for one in kept)
        self.outcomes = {partition: Counter() for partition in self.partitions}
        return kept, row[0]

    async def rows(self, view: View, keys: Iterable[Key], *, whole: bool = True) -> Rows:
        """Check rows of a view out; those already checked out by this unit keep their changes.

        Args:
            whole: False when nothing will be taken out of these rows; then they may be no more than what is put in.
        """
        out = self._out.setdefault(view.name, CheckedOut())
        await self._tables[view.name].check_out(self.connection, out, dict.fromkeys(keys), whole=whole)
        return out.rows

    def membership(self, view: View, members: Members) -> Membership:
        """Who is a member and who is not, as far as this unit asked and as it changed that."""
        if members.name not in self._memberships:
            known = self._tables[view.name].members[members.name]
            self._memberships[members.name] = Membership(known, self.connection)
        return self._memberships[members.name]

    async def recompute(self, view: View, stale: set[Key]) -> None:
        """Ask the facts, as they are stored now, for rows that could not be moved by arithmetic."""
        if stale:
            await self._tables[view.name].recompute(self.connection, self._out[view.name], stale)

    def count(self, outcomes: Mapping[int, Counter[str]]) -> None:
        """Add to what became of the records."""
        for partition, counter in outcomes.items():
            self.outcomes[partition].update(counter)

    async def store(self, decoded: Sequence[Decoded]) -> None:
        """Write the changed rows and the next offsets."""
        for name, out in self._out.items():
            await self._tables[name].write(self.connection, out)
        for one in decoded:
            self.outcomes[one.chunk.partition].update(rejected=len(one.rejected), skipped=one.chunk.skipped)
        last = {one.chunk.partition: one.chunk for one in decoded}
        await positions.advance(self.connection, decoded[0].chunk.topic, last, self.outcomes)

    def give_back(self) -> None:
        """Return the rows to the tables, and remember the rest, after the commit."""
        for remember in self.after_commit:
            remember()
        for name, out in self._out.items():
            self._tables[name].give_back(out)
        for membership in self._memberships.values():
            membership.remember()

    async def store_rejects(self, decoded: Sequence[Decoded], forgotten: Forgotten) -> None:
        """List the records that break their contract, but for those of who was forgotten since."""
        rejects = [
            (one.chunk, reject.record, reject.error)
            for one in decoded
            for reject in one.rejected
            if not forgotten.names_one(one.chunk.topic, one.chunk.partition, reject.record)
        ]
        if not rejects:
            return
        topic = rejects[0][0].topic
        parameters = [
            binary.UuidArray.of([_reject_id(chunk, record) for chunk, record, _ in rejects]),
            binary.Int8Array.of([chunk.partition for chunk, _, _ in rejects]),
            binary.Int8Array.of([record.offset for _, record, _ in rejects]),
            binary.TextArray.of([error.field for _, _, error in rejects]),
            binary.TextArray.of([_storable(error.reason) for _, _, error in rejects]),
            binary.ByteaArray.of([record.key for _, record, _ in rejects]),
            binary.ByteaArray.of([record.value for _, record, _ in rejects]),
            binary.TextArray.of([_headers_json(record) for _, record, _ in rejects]),
        ]
        await self.connection.execute(_INSERT_REJECTS, [topic, topic, *parameters])


def _reject_id(chunk: Chunk, record: Record) -> bytes:
    """Where the record stands and what it says: an offset alone comes again when a topic is created anew."""
    return fact_id(f"{chunk.topic}/{chunk.partition}/{record.offset} {record.key!r} {record.value!r}")


def _headers_json(record: Record) -> str:
    pairs = [
        (_storable(name), None if value is None else _storable(value.decode(errors="replace")))
        for name, value in record.headers
    ]
    return msgspec.json.encode(pairs).decode()


def _storable(text: str) -> str:
    """Postgres holds no NUL characters and no lone surrogates."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
