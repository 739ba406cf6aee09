"""Checks that are declared rather than written: a TOML table per check, whose `kind` is one of the classes below.

Each class says which rows offend, as a query that `quality.checks.Check` can hold.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import LiteralString

import msgspec
from psycopg import sql

from events.errors import UsageError
from quality.checks import Check, Level


class Declaration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every kind of check says."""

    level: Level
    meaning: str
    remedy: str
    #: Columns of an offending row that may be stored: `quality.checks.Check.kept`.
    kept: tuple[str, ...] = ()

    def query(self) -> sql.Composable:
        """The offending rows."""
        raise NotImplementedError


class Unique(Declaration, frozen=True, kw_only=True, tag="unique"):
    """No two rows have the same values in these columns; rows with a null among them are left out."""

    table: str
    columns: tuple[str, ...]

    def query(self) -> sql.Composable:
        return _format(
            "SELECT {columns}, count(*) AS rows FROM {table} WHERE ({columns}) IS NOT NULL"
            " GROUP BY {columns} HAVING count(*) > 1",
            table=_table(self.table),
            columns=_columns(self.columns),
        )


class NotNull(Declaration, frozen=True, kw_only=True, tag="not_null"):
    """The column has a value in every row; offending rows show the columns in `show`."""

    table: str
    column: str
    show: tuple[str, ...]

    def query(self) -> sql.Composable:
        return _format(
            "SELECT {show} FROM {table} WHERE {column} IS NULL",
            show=_columns(self.show),
            table=_table(self.table),
            column=sql.Identifier(self.column),
        )


class AcceptedValues(Declaration, frozen=True, kw_only=True, tag="accepted_values"):
    """The column has no other values than these, or null."""

    table: str
    column: str
    values: tuple[str | int, ...]

    def query(self) -> sql.Composable:
        return _format(
            "SELECT {column}, count(*) AS rows FROM {table} WHERE {column} NOT IN ({values}) GROUP BY {column}",
            column=sql.Identifier(self.column),
            table=_table(self.table),
            values=sql.SQL(", ").join(map(sql.Literal, self.values)),
        )


class Range(Declaration, frozen=True, kw_only=True, tag="range"):
    """Values are neither below `least` nor above `most`, or null; offending rows show the columns in `show`, too."""

    table: str
    column: str
    show: tuple[str, ...]
    least: int | float | date | None = None
    most: int | float | date | None = None

    def __post_init__(self) -> None:
        if self.least is None and self.most is None:
            raise ValueError("a range needs `least` or `most`")

    def query(self) -> sql.Composable:
        bounds = (("{column} < {bound}", self.least), ("{column} > {bound}", self.most))
        column = sql.Identifier(self.column)
        outside = [
            _format(text, column=column, bound=sql.Literal(bound)) for text, bound in bounds if bound is not None
        ]
        return _format(
            "SELECT {show}, {column} FROM {table} WHERE {outside}",
            show=_columns(self.show),
            column=column,
            table=_table(self.table),
            outside=sql.SQL(" OR ").join(outside),
        )


class Known(Declaration, frozen=True, kw_only=True, tag="known"):
    """Referential integrity: each value of the column, unless null, is there in the column of the other table."""

    table: str
    column: str
    other_table: str
    other_column: str

    def query(self) -> sql.Composable:
        return _format(
            "SELECT t.{column}, count(*) AS rows FROM {table} AS t WHERE t.{column} IS NOT NULL"
            " AND NOT EXISTS (SELECT FROM {other_table} AS o WHERE o.{other_column} = t.{column}) GROUP BY t.{column}",
            table=_table(self.table),
            column=sql.Identifier(self.column),
            other_table=_table(self.other_table),
            other_column=sql.Identifier(self.other_column),
        )


class Fresh(Declaration, frozen=True, kw_only=True, tag="fresh"):
    """Some row is from within this time before now, such as `1 day`; rows of the future do not count."""

    table: str
    column: str
    within: str

    def query(self) -> sql.Composable:
        return _format(
            "SELECT now() - {within}::interval AS nothing_since WHERE NOT EXISTS ("
            "SELECT FROM {table} WHERE {column} >= now() - {within}::interval AND {column} <= now())",
            within=sql.Literal(self.within),
            table=_table(self.table),
            column=sql.Identifier(self.column),
        )


class Volume(Declaration, frozen=True, kw_only=True, tag="volume"):
    """Yesterday (UTC) had between `least` and `most` times as much as the same weekday of the four weeks before.

    Weeks without anything are left out of the average; with less than two others there is nothing to compare with.
    """

    table: str
    #: A date or a moment.
    column: str
    #: A column to add up; none: rows are counted.
    sum: str | None = None
    least: float = 0.5
    most: float = 2

    def query(self) -> sql.Composable:
        return _format(
            "WITH days AS (SELECT d.ago, d.day, (SELECT coalesce(sum({amount}), 0) FROM {table}"
            " WHERE {column} >= d.day AND {column} < d.day + 1) AS amount"
            " FROM (SELECT ago, current_date - 1 - 7 * ago AS day FROM generate_series(0, 4) AS ago) AS d)"
            " SELECT last.day, last.amount, round(avg(usual.amount), 2) AS usual"
            " FROM days AS last JOIN days AS usual ON usual.ago > 0 AND usual.amount > 0 WHERE last.ago = 0"
            " GROUP BY last.day, last.amount HAVING count(*) >= 2"
            " AND last.amount NOT BETWEEN {least} * avg(usual.amount) AND {most} * avg(usual.amount)",
            amount=sql.Identifier(self.sum) if self.sum else sql.Literal(1),
            table=_table(self.table),
            column=sql.Identifier(self.column),
            least=sql.Literal(self.least),
            most=sql.Literal(self.most),
        )


class Agree(Declaration, frozen=True, kw_only=True, tag="agree"):
    """The sums of two tables are the same for each value of the columns `by`."""

    tables: tuple[str, str]
    columns: tuple[str, str]
    by: tuple[str, ...]

    def query(self) -> sql.Composable:
        one, other = (
            _format(
                "SELECT {by}, sum({column}) AS total FROM {table} GROUP BY {by}",
                by=_columns(self.by),
                column=sql.Identifier(column),
                table=_table(table),
            )
            for table, column in zip(self.tables, self.columns, strict=True)
        )
        return _format(
            "SELECT {by}, one.total AS {one_name}, other.total AS {other_name}"
            " FROM ({one}) AS one FULL JOIN ({other}) AS other USING ({by})"
            " WHERE coalesce(one.total, 0) <> coalesce(other.total, 0)",
            by=_columns(self.by),
            one=one,
            other=other,
            one_name=sql.Identifier(self.tables[0].rpartition(".")[2]),
            other_name=sql.Identifier(self.tables[1].rpartition(".")[2]),
        )


class Off(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="off"):
    """Switches off the check of this name."""


_Kind = Unique | NotNull | AcceptedValues | Range | Known | Fresh | Volume | Agree | Off


def read_declarations(path: Path) -> Iterator[tuple[str, Check | None]]:
    """The checks of a file, by name; None where it switches one off.

    Raises: UsageError naming the place in the file.
    """
    try:
        declared = msgspec.toml.decode(path.read_bytes(), type=dict[str, _Kind])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}") from error
    for name, one in declared.items():
        yield name, None if isinstance(one, Off) else _check(name, one)


def _check(name: str, one: Declaration) -> Check:
    query = one.query().as_string(None)
    return Check(name=name, level=one.level, meaning=one.meaning, remedy=one.remedy, kept=one.kept, query=query)


def _format(text: LiteralString, **parts: sql.Composable) -> sql.Composed:
    return sql.SQL(text).format(**parts)


def _table(name: str) -> sql.Identifier:
    """A table, with its schema or without."""
    return sql.Identifier(*name.split("."))


def _columns(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
