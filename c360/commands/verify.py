"""`c360 verify`: hold every view against plain SQL over the stored facts, and every position against its outcomes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg import sql

from c360.database import Connection, connect
from c360.output import OUT, print_json, table
from c360.target import resolve_target
from events.errors import UsageError
from settings import Settings
from sql.migrate import totals

_EXAMPLES = 5

# Both directions: a row that is missing from the view, and a row that should not be there.
_COUNTS = """
SELECT (SELECT count(*) FROM {table}),
    (SELECT count(*) FROM (TABLE {question} EXCEPT ALL TABLE {table}) AS missing),
    (SELECT count(*) FROM (TABLE {table} EXCEPT ALL TABLE {question}) AS unexpected)
"""
_MISSING = "(TABLE {question} EXCEPT ALL TABLE {table}) LIMIT {examples}"
_UNEXPECTED = "(TABLE {table} EXCEPT ALL TABLE {question}) LIMIT {examples}"
_ACCOUNTS = """
SELECT topic, partition, next_offset,
    new + repeated + corrected + withdrawn + rejected + skipped AS accounted
FROM positions WHERE retired_at IS NULL ORDER BY topic, partition
"""


class ViewCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One view held against the facts."""

    view: str
    rows: int
    #: Rows that the facts give and the view lacks, or has with other values; and the other way round.
    missing: int
    unexpected: int
    #: The first few of each, column by column.
    missing_examples: list[dict[str, str]]
    unexpected_examples: list[dict[str, str]]


class PositionCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One partition: as many outcomes as offsets."""

    topic: str
    partition: int
    next_offset: int
    accounted: int


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """The whole, as of one moment."""

    ok: bool
    views: list[ViewCheck]
    positions: list[PositionCheck]


def verify(*views: str, json: bool = False, data_dir: Path | None = None) -> int:
    """Hold views against plain SQL over the stored facts; exits with 1 when anything differs.

    All is read in one snapshot, so it may run while events are processed.

    Parameters
    ----------
    views: str
        Tables of running totals, such as channel_totals; none: all of them.
    json: bool
        Print the result as JSON.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    result = verification(resolve_target(Settings(), data_dir).database_url, views)
    if json:
        print_json(result)
    else:
        print_verification(result)
    return 0 if result.ok else 1


def verification(url: str, names: Sequence[str] = ()) -> Verification:
    """Compare, in one snapshot; without names, every running total.

    Raises: Unavailable; RefusedState when the database was not migrated; UsageError for a name that is none.
    """
    with connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        views = [_check_view(connection, name) for name in chosen_totals(connection, names)]
        positions = [
            PositionCheck(topic=topic, partition=partition, next_offset=next_offset, accounted=accounted)
            for topic, partition, next_offset, accounted in connection.execute(_ACCOUNTS)
        ]
    ok = all(view.missing == view.unexpected == 0 for view in views)
    accounted_for = all(position.next_offset == position.accounted for position in positions)
    return Verification(ok=ok and accounted_for, views=views, positions=positions)


def chosen_totals(connection: Connection, names: Sequence[str]) -> list[str]:
    """These tables of running totals, or all of them.

    Raises: UsageError for a name that is none.
    """
    known = totals(connection)
    for name in names:
        if name not in known:
            raise UsageError(f"there is no running total {name!r}: choose from {', '.join(known)}")
    return list(names) or known


def _check_view(connection: Connection, name: str) -> ViewCheck:
    parts = {
        "table": sql.Identifier(name),
        "question": sql.Identifier(f"{name}_from_facts"),
        "examples": sql.Literal(_EXAMPLES),
    }
    counts = connection.execute(sql.SQL(_COUNTS).format(**parts)).fetchone()
    rows, missing, unexpected = counts or (0, 0, 0)

    def examples(statement: str, wanted: int) -> list[dict[str, str]]:
        if not wanted:
            return []
        found: psycopg.Cursor[Any] = connection.execute(sql.SQL(statement).format(**parts))
        columns = [column.name for column in found.description or ()]
        return [dict(zip(columns, map(str, row), strict=True)) for row in found]

    return ViewCheck(
        view=name,
        rows=rows,
        missing=missing,
        unexpected=unexpected,
        missing_examples=examples(_MISSING, missing),
        unexpected_examples=examples(_UNEXPECTED, unexpected),
    )


def print_verification(result: Verification) -> None:
    """Print it for people."""
    shown = table("view", "rows", "differences", numbers=("rows", "differences"))
    for view in result.views:
        shown.add_row(view.view, f"{view.rows:,}", f"{view.missing + view.unexpected:,}")
    OUT.print(shown)
    for view in result.views:
        for kind, examples in (("lacks", view.missing_examples), ("should not have", view.unexpected_examples)):
            for example in examples:
                row = ", ".join(f"{name}={value}" for name, value in example.items())
                OUT.print(f"{view.view} {kind} {row}", markup=False)
    for position in result.positions:
        if position.next_offset != position.accounted:
            place = f"{position.topic}[{position.partition}]"
            OUT.print(
                f"{place} read {position.next_offset:,} offsets, accounted for {position.accounted:,}", markup=False
            )
    OUT.print(f"{len(result.positions)} partitions: every offset accounted for" if result.ok else "DIFFERENCES FOUND")
