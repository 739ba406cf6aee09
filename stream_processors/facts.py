"""Facts by column, and their tables: a chunk is read, looked up and stored as a whole."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, repeat
from struct import Struct
from typing import Any, Final

from psycopg import AsyncConnection

from stream_processors import binary
from stream_processors.fold import Kind, all_null
from stream_processors.settle import Version

#: Struct format and length of the kinds with a fixed width.
_FIXED: Final = {Kind.UUID: ("16s", 16), Kind.MOMENT: ("q", 8), Kind.INTEGER: ("i", 4), Kind.SMALLINT: ("h", 2)}


class Facts:
    """Facts of one table: column name to values, all of the same length."""

    __slots__ = ("columns",)

    def __init__(self, columns: dict[str, list[Any]]) -> None:
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns["partition"])

    def __getitem__(self, column: str) -> list[Any]:
        return self.columns[column]

    def at(self, places: Sequence[int]) -> "Facts":
        """The facts at these places."""
        return Facts({name: [values[place] for place in places] for name, values in self.columns.items()})

    @classmethod
    def joined(cls, parts: Sequence["Facts"]) -> "Facts":
        """The facts of several chunks, in order."""
        if len(parts) == 1:
            return parts[0]
        return cls({name: list(chain.from_iterable(part[name] for part in parts)) for name in parts[0].columns})


def shared(texts: Sequence[Any]) -> list[Any]:
    """The same texts, equal ones as one object: a chunk repeats them, and is looked up by them many times."""
    known: dict[Any, Any] = {}
    return list(map(known.setdefault, texts, texts))


class FactTable:
    """A table of facts: its columns in the order of the table, those of fixed width first.

    The first column is the identity, the last one the identity as told where that is not a UUID; what lies between is
    the version of the fact. Columns without a fixed width may be null.
    """

    def __init__(self, name: str, columns: Mapping[str, Kind]) -> None:
        self.columns = dict(columns)
        self.identity, *self._version, self._source_id = columns
        self._fixed = [column for column, kind in columns.items() if kind in _FIXED]
        self._others = [column for column in columns if column not in self._fixed]
        self._lengths = [_FIXED[columns[column]][1] for column in self._fixed]
        self._struct = Struct("!h" + "".join(f"i{_FIXED[columns[column]][0]}" for column in self._fixed))
        self._copy = f"COPY {name} FROM STDIN (FORMAT binary)"
        version = ", ".join(_readable(column, columns[column]) for column in self._version)
        select = f"SELECT uuid_send({self.identity}), {version} FROM {name}"  # noqa: S608 - constants of ours
        self._stored = f"{select} WHERE {self.identity} = ANY(%s)"
        self._of_customer = f"{select} WHERE customer_id = %s"
        self._delete = f"DELETE FROM {name} WHERE {self.identity} = ANY(%s)"  # noqa: S608 - constants of ours

    def version(self, facts: Facts, place: int) -> Version:
        """What the fact at a place says, apart from its identity."""
        return tuple(facts[column][place] for column in self._version)

    def of_versions(self, versions: Mapping[bytes, Version]) -> Facts:
        """Facts that were stored before."""
        values = map(list, zip(*versions.values(), strict=True))
        columns = dict(zip(self._version, values, strict=True))
        return Facts({self.identity: list(versions), **columns, self._source_id: [None] * len(versions)})

    async def stored(self, connection: AsyncConnection[Any], ids: Sequence[bytes]) -> dict[bytes, Version]:
        """The versions in the database, of the identities that have one."""
        cursor = await connection.execute(self._stored, [binary.UuidArray.of(ids)], binary=True)
        return {bytes(row[0]): row[1:] for row in await cursor.fetchall()}

    async def of_customer(self, connection: AsyncConnection[Any], customer_id: str) -> dict[bytes, Version]:
        """The versions of all facts of one customer."""
        cursor = await connection.execute(self._of_customer, [customer_id], binary=True)
        return {bytes(row[0]): row[1:] for row in await cursor.fetchall()}

    async def delete(self, connection: AsyncConnection[Any], ids: Sequence[bytes]) -> None:
        """Drop stored facts."""
        await connection.execute(self._delete, [binary.UuidArray.of(ids)])

    async def insert(self, connection: AsyncConnection[Any], facts: Facts) -> None:
        """Store facts whose identities are not in the table.

        Raises: psycopg.errors.UniqueViolation when one is after all: another partition told it at the same moment.
        """
        async with connection.cursor().copy(self._copy) as copy:
            await copy.write(self._rows(facts))

    def _rows(self, facts: Facts) -> bytes:
        fixed: list[Iterable[Any]] = [repeat(len(self.columns))]
        for column, length in zip(self._fixed, self._lengths, strict=True):
            values = facts[column]
            if self.columns[column] is Kind.MOMENT:
                values = binary.postgres_micros(values)
            fixed += [repeat(length), values]
        return binary.copy_rows(self._struct, fixed, self._fields(facts))

    def _fields(self, facts: Facts) -> list[Iterable[bytes]]:
        """The encoded columns without a fixed width; neighbours that say the same in all rows make one column."""
        text = binary.TextFields()
        fields: list[Iterable[bytes]] = []
        same = b""
        for column in self._others:
            values = facts[column]
            if all_null(values) or (self.columns[column] is Kind.TEXT and values.count(values[0]) == len(values)):
                same += text[values[0]]
                continue
            fields += [repeat(same, len(facts))] if same else []
            same = b""
            fields.append(
                map(binary.numeric_field if self.columns[column] is Kind.NUMERIC else text.__getitem__, values)
            )
        return [*fields, repeat(same, len(facts))] if same else fields


def _readable(column: str, kind: Kind) -> str:
    return f"(extract(EPOCH FROM {column}) * 1000000)::bigint" if kind is Kind.MOMENT else column
