"""Running totals as Faust tables whose durable form, and changelog, is the Postgres table.

A unit of work checks rows out, changes them, writes them in its transaction, and gives them back once that is
committed. A unit that fails gives nothing back, so it leaves no trace in memory: the rows are read again from Postgres.
Of a row that is not in memory and only grows, nothing is read: Postgres adds the unit's increment to what is stored.
"""

from collections import ChainMap
from collections.abc import Collection, Iterable, Mapping, MutableMapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

import faust
from faust.tables import TableManager
from faust.tables.recovery import Recovery
from psycopg import AsyncConnection
from psycopg import sql as query

from events.errors import Unexpected
from stream_processors import binary
from stream_processors.columns import ARRAYS, key_arrays
from stream_processors.fold import First, Key, Kind, Last, Measure, Row, Rows, View, put_rows
from stream_processors.members import KnownMembers

_PLACEHOLDERS: Final = {Kind.NUMERIC: "%s::text[]::numeric[]"}
#: How columns are read into the form that they have in memory.
_READ: Final = {
    Kind.MOMENT: query.SQL("(extract(EPOCH FROM {}) * 1000000)::bigint"),
    Kind.DATE: query.SQL("({} - DATE '1970-01-01')"),
}


#: How Postgres adds an increment to what is stored; all other measures are sums.
_EXTREMES: Final[Mapping[type[Measure], query.SQL]] = {First: query.SQL("least"), Last: query.SQL("greatest")}


@dataclass(slots=True)
class CheckedOut:
    """Rows of a running total that are in the hands of a unit of work."""

    rows: Rows = field(default_factory=dict)
    #: Of them, those that are not in the database.
    new: set[Key] = field(default_factory=set)
    #: Of them, those that hold the unit's increments alone, as nobody knows what is stored.
    increments: Rows = field(default_factory=dict)

    @property
    def whole(self) -> Rows:
        """Those that hold all there is."""
        if not self.increments:
            return self.rows
        return {key: row for key, row in self.rows.items() if key not in self.increments}


class RunningTotal(faust.Table[Key, Row]):
    """A view's rows by key: those used lately, of the partitions that this worker owns.

    Reading it as a mapping shows what is in memory. It has no changelog topic and nothing to recover: what is not in
    memory is read from Postgres when a unit of work needs it.
    """

    def __init__(self, app: faust.App, view: View, *, capacity: int) -> None:
        super().__init__(app, name=view.name, partitions=1)
        self.view = view
        #: Whom its distinct counts count, by the names of `view.members`.
        self.members = {members.name: KnownMembers(members, capacity=capacity) for members in view.members}
        self._statements = Statements(view)
        self._capacity = capacity
        # Two generations are a cheap LRU: when the young one is full it becomes the old one, and what was not used
        # since the last time that happened is dropped.
        self._young: Rows = {}
        self._old: Rows = {}
        # Keys of which increments were written lately, in two generations, too.
        self._met: set[Key] = set()
        self._met_before: set[Key] = set()

    @property
    def data(self) -> MutableMapping[Key, Row]:  # type: ignore[override]
        """All rows in memory."""
        return ChainMap(self._young, self._old)

    @property
    def _crowded(self) -> bool:
        """Whether there are more rows than are kept in memory; of tables alone: the rest is looked up in others."""
        return bool(self._old) and self.view.table is not None

    async def on_start(self) -> None:
        """Faust would declare the changelog topic here."""

    async def on_rebalance(self, *_: Any) -> None:
        """Forget everything: another worker may have moved the totals of any partition meanwhile."""
        self.forget()

    async def on_recovery_completed(self, *_: Any) -> None:
        """There was nothing to recover."""

    def on_key_set(self, key: Key, value: Row) -> None:
        """Faust would write to the changelog topic here; the unit of work writes to Postgres."""

    def on_key_del(self, key: Key) -> None:
        """As on_key_set."""

    def forget(self) -> None:
        """Drop all rows; they will be read again."""
        self._young, self._old = {}, {}
        self._met, self._met_before = set(), set()
        for members in self.members.values():
            members.forget()

    async def check_out(
        self, connection: AsyncConnection[Any], out: CheckedOut, keys: Mapping[Key, None], *, whole: bool
    ) -> None:
        """Take rows out for one unit of work; a key without facts gets a row of zeros.

        Args:
            out: What the unit has of this total; its rows keep their changes.
            keys: In the order of their facts, which is that of memory: to go through it at random takes twice the time.
            whole: Whether the unit must know the rows. Else they only grow: where there are more than memory takes, one
                that is not there may be an increment. If its key is met again soon, it is worth reading and keeping.
        """
        for rows in (self._young, self._old):
            for key in rows.keys() & keys.keys():
                out.rows[key] = row = rows.pop(key)
                if not row[0]:
                    out.new.add(key)
        missing = [key for key in keys if key not in out.rows] if out.rows else list(keys)
        if whole:
            await self._complete(connection, out, out.increments.keys() & keys.keys())
        if whole or not self._crowded:
            await self._read(connection, out, missing)
            return
        again = keys.keys() & self._met | keys.keys() & self._met_before
        await self._read(connection, out, [key for key in missing if key in again] if again else ())
        zero = self.view.zero()
        out.increments |= (fresh := {key: zero.copy() for key in missing if key not in again})
        out.rows |= fresh

    def give_back(self, out: CheckedOut) -> None:
        """Keep the rows of a unit of work that committed, and the keys of its increments."""
        rows = out.whole
        if len(self._young) + len(rows) > self._capacity:
            self._old, self._young = self._young, {}
        self._young |= rows
        if len(self._met) + len(out.increments) > self._capacity:
            self._met_before, self._met = self._met, set()
        self._met.update(out.increments)

    async def write(self, connection: AsyncConnection[Any], out: CheckedOut) -> None:
        """Store changed rows; those that have no facts left are deleted, here and there.

        Raises: Unexpected when a row is not there that was when it was read.
        """
        if self.view.table is None:
            return
        if out.increments:
            await self._statements.increase(connection, out.increments)
        whole = out.whole
        kept = {key: row for key, row in whole.items() if row[0]}
        added = {key: kept.pop(key) for key in out.new & kept.keys()}
        if added:
            await self._statements.insert(connection, added)
        if kept:
            await self._statements.update(connection, kept)
        if len(added) + len(kept) < len(whole) and (gone := whole.keys() - added.keys() - kept.keys() - out.new):
            await self._statements.delete(connection, gone)

    async def recompute(self, connection: AsyncConnection[Any], out: CheckedOut, stale: set[Key]) -> None:
        """Ask the stored facts for the rows of keys with a measure that couldn't be taken back."""
        out.rows |= {key: self.view.zero() for key in stale}
        out.rows |= await self._statements.ask_facts(connection, stale)

    async def _read(self, connection: AsyncConnection[Any], out: CheckedOut, keys: Collection[Key]) -> None:
        """Get rows from Postgres; who has none gets zeros, and is new."""
        if not keys:
            return
        zero = self.view.zero()
        out.rows |= {key: zero.copy() for key in keys}
        out.rows |= (stored := await self._statements.load(connection, keys))
        out.new.update(key for key in keys if key not in stored)
        self._met.difference_update(keys)

    async def _complete(self, connection: AsyncConnection[Any], out: CheckedOut, keys: AbstractSet[Key]) -> None:
        """Make whole rows of increments, as they have to be known after all."""
        increments = {key: out.increments.pop(key) for key in keys}
        await self._read(connection, out, increments)
        put_rows(self.view, out.rows, increments)


class PatientRecovery(Recovery):
    """Waits for the claim of the partitions for as long as Postgres is away: Faust would go on without it."""

    async def _wait(self, coro: Any, timeout: Any = None) -> None:  # noqa: ARG002, ASYNC109 - Faust's signature
        await super()._wait(coro)


class Tables(TableManager):
    """Faust's table manager, without the changelog topics."""

    @property
    def recovery(self) -> Recovery:
        if self._recovery is None:
            self._recovery = PatientRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    def add(self, table: RunningTotal) -> RunningTotal:  # type: ignore[override]
        """Register a table under its name."""
        self[table.name] = table
        return table

    async def _update_channels(self) -> None:
        self._tables_finalized.set()
        for table in self.values():
            await table.maybe_start()
        self._tables_registered.set()


class Statements:
    """The SQL of one view, made from its declaration."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._kinds = [*view.key.values(), *(measure.kind for measure in view.measures)]
        self._arrays = [ARRAYS[kind] for kind in self._kinds]
        self._width = len(view.key)
        columns = [*view.key, *(measure.name for measure in view.measures)]
        self._load = query.SQL(view.load) if view.load else self._select(view, columns)
        if view.table:
            self._insert, self._update = self._add(view, columns), self._replace(view, columns)
            self._increase = self._insert + self._or_add_up(view)
            self._delete = self._remove(view)
            self._ask = query.SQL("SELECT {} FROM {} WHERE {} = ANY(%s)").format(
                self._readable(columns), query.Identifier(f"{view.table}_from_facts"), query.Identifier(columns[0])
            )

    async def load(self, connection: AsyncConnection[Any], keys: Collection[Key]) -> Rows:
        """The stored rows of these keys."""
        cursor = await connection.execute(self._load, key_arrays(self._view, keys), binary=True)
        return self._rows(await cursor.fetchall())

    async def ask_facts(self, connection: AsyncConnection[Any], keys: set[Key]) -> Rows:
        """The rows of these keys as the facts have them."""
        firsts = self._arrays[0].of(list({key[0] for key in keys}))
        cursor = await connection.execute(self._ask, [firsts], binary=True)
        return {key: row for key, row in self._rows(await cursor.fetchall()).items() if key in keys}

    async def insert(self, connection: AsyncConnection[Any], rows: Rows) -> None:
        """Store rows that are not there."""
        await connection.execute(self._insert, self._columns(rows))

    async def increase(self, connection: AsyncConnection[Any], rows: Rows) -> None:
        """Add increments to rows, whether those are there or not."""
        await connection.execute(self._increase, self._columns(rows))

    async def update(self, connection: AsyncConnection[Any], rows: Rows) -> None:
        """Store rows that are there: half of what an upsert costs, which looks and locks before it writes.

        Raises: Unexpected.
        """
        cursor = await connection.execute(self._update, self._columns(rows))
        if cursor.rowcount != len(rows):
            raise Unexpected(
                f"{self._view.table} lacks {len(rows) - cursor.rowcount} of {len(rows)} rows that were there when they "
                "were read: did anybody else write to it? `c360 verify` tells, `c360 rebuild` mends"
            )

    async def delete(self, connection: AsyncConnection[Any], keys: AbstractSet[Key]) -> None:
        """Delete the rows of these keys."""
        await connection.execute(self._delete, key_arrays(self._view, keys))

    def _columns(self, rows: Rows) -> list[binary.Array]:
        columns = chain(zip(*rows, strict=True), zip(*rows.values(), strict=True))
        return [array.of(column) for array, column in zip(self._arrays, columns, strict=True)]

    def _rows(self, fetched: list[tuple[Any, ...]]) -> Rows:
        return {row[: self._width]: list(row[self._width :]) for row in fetched}

    def _select(self, view: View, columns: list[str]) -> query.Composed:
        return query.SQL("SELECT {} FROM {} JOIN {} USING ({})").format(
            self._readable(columns), query.Identifier(str(view.table)), self._keys(view), _names(view.key)
        )

    def _add(self, view: View, columns: list[str]) -> query.Composed:
        return query.SQL("INSERT INTO {} AS t ({}) SELECT * FROM unnest({})").format(
            query.Identifier(str(view.table)), _names(columns), _placeholders(self._kinds)
        )

    def _or_add_up(self, view: View) -> query.Composed:
        """In the order of the keys, which neighbours in the index share their way to."""
        order = query.SQL(", ").join(query.SQL(str(place)) for place in range(1, len(view.key) + 1))
        return query.SQL(" ORDER BY {} ON CONFLICT ({}) DO UPDATE SET {}").format(
            order, _names(view.key), query.SQL(", ").join(map(_added_up, view.measures))
        )

    def _replace(self, view: View, columns: list[str]) -> query.Composed:
        changes = [query.SQL("{0} = n.{0}").format(query.Identifier(measure.name)) for measure in view.measures]
        return query.SQL("UPDATE {} AS t SET {} FROM unnest({}) AS n ({}) WHERE {}").format(
            query.Identifier(str(view.table)),
            query.SQL(", ").join(changes),
            _placeholders(self._kinds),
            _names(columns),
            _matches(view.key, "n"),
        )

    def _remove(self, view: View) -> query.Composed:
        return query.SQL("DELETE FROM {} AS t USING {} WHERE {}").format(
            query.Identifier(str(view.table)), self._keys(view), _matches(view.key, "k")
        )

    def _keys(self, view: View) -> query.Composed:
        return query.SQL("unnest({}) AS k ({})").format(_placeholders(list(view.key.values())), _names(view.key))

    def _readable(self, columns: list[str]) -> query.Composed:
        """The columns in the form that they have in memory."""
        as_it_is = query.SQL("{}")
        return query.SQL(", ").join(
            _READ.get(kind, as_it_is).format(query.Identifier(name))
            for name, kind in zip(columns, self._kinds, strict=True)
        )


def _added_up(measure: Measure) -> query.Composed:
    both = query.SQL("t.{0}, excluded.{0}" if type(measure) in _EXTREMES else "t.{0} + excluded.{0}")
    change = query.SQL("{} = {}(").format(query.Identifier(measure.name), _EXTREMES.get(type(measure), query.SQL("")))
    return change + both.format(query.Identifier(measure.name)) + query.SQL(")")


def _names(columns: Iterable[str]) -> query.Composed:
    return query.SQL(", ").join(map(query.Identifier, columns))


def _matches(key: Iterable[str], other: str) -> query.Composed:
    match = query.SQL("t.{0} = {1}.{0}")
    return query.SQL(" AND ").join(match.format(query.Identifier(name), query.Identifier(other)) for name in key)


def _placeholders(kinds: list[Kind]) -> query.Composed:
    return query.SQL(", ").join(query.SQL(_PLACEHOLDERS.get(kind, f"%s::{kind.value}[]")) for kind in kinds)
