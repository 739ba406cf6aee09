"""`c360 verify`: hold every view against plain SQL over the stored facts, and every position against its outcomes."""

from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg import sql

from c360.database import Connection, connect
from c360.output import OUT, print_json, table
from c360.target import resolve_target
from settings import Settings
from sql import FOLDER

_EXAMPLES = 5

# Both directions: a row that is missing from the view, and a row that should not be there.
_COUNTS = """
WITH expected AS ({query}), actual AS (SELECT {columns} FROM {view})
SELECT (SELECT count(*) FROM actual),
    (SELECT count(*) FROM (TABLE expected EXCEPT ALL TABLE actual) AS missing),
    (SELECT count(*) FROM (TABLE actual EXCEPT ALL TABLE expected) AS unexpected)
"""
_MISSING = """
WITH expected AS ({query}), actual AS (SELECT {columns} FROM {view})
(TABLE expected EXCEPT ALL TABLE actual) LIMIT {examples}
"""
_UNEXPECTED = """
WITH expected AS ({query}), actual AS (SELECT {columns} FROM {view})
(TABLE actual EXCEPT ALL TABLE expected) LIMIT {examples}
"""
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


def verify(*, json: bool = False, data_dir: Path | None = None) -> int:
    """Hold every view against plain SQL over the stored facts; exits with 1 when anything differs.

    All is read in one snapshot, so it may run while events are processed.

    Parameters
    ----------
    json: bool
        Print the result as JSON.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    result = verification(resolve_target(Settings(), data_dir).database_url)
    if json:
        print_json(result)
    else:
        print_verification(result)
    return 0 if result.ok else 1


def verification(url: str) -> Verification:
    """Compare, in one snapshot.

    Raises: Unavailable; RefusedState when the database was not migrated.
    """
    with connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        views = [_check_view(connection, file) for file in sorted((FOLDER / "verify").glob("*.sql"))]
        positions = [
            PositionCheck(topic=topic, partition=partition, next_offset=next_offset, accounted=accounted)
            for topic, partition, next_offset, accounted in connection.execute(_ACCOUNTS)
        ]
    ok = all(view.missing == view.unexpected == 0 for view in views)
    accounted_for = all(position.next_offset == position.accounted for position in positions)
    return Verification(ok=ok and accounted_for, views=views, positions=positions)


def _check_view(connection: Connection, file: Path) -> ViewCheck:
    query = sql.SQL(file.read_text(encoding="utf-8"))
    columns = _columns(connection, query)
    parts = {
        "query": query,
        "columns": sql.SQL(", ").join(map(sql.Identifier, columns)),
        "view": sql.Identifier(file.stem),
        "examples": sql.Literal(_EXAMPLES),
    }
    counts = connection.execute(sql.SQL(_COUNTS).format(**parts)).fetchone()
    rows, missing, unexpected = counts or (0, 0, 0)

    def examples(statement: sql.SQL, wanted: int) -> list[dict[str, str]]:
        found = connection.execute(statement.format(**parts)) if wanted else ()
        return [dict(zip(columns, map(str, row), strict=True)) for row in found]

    return ViewCheck(
        view=file.stem,
        rows=rows,
        missing=missing,
        unexpected=unexpected,
        missing_examples=examples(sql.SQL(_MISSING), missing),
        unexpected_examples=examples(sql.SQL(_UNEXPECTED), unexpected),
    )


def _columns(connection: Connection, query: sql.SQL) -> list[str]:
    cursor: psycopg.Cursor[Any] = connection.execute(sql.SQL("SELECT * FROM ({}) AS q LIMIT 0").format(query))
    return [column.name for column in cursor.description or ()]


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
