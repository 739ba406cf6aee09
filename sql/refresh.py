"""Refresh what is derived: the materialized views, the columns of `category_amounts_wide`, the monthly report.

A run is one transaction behind an advisory lock: however many refreshers there are, one of them refreshes at a time,
and what it chooses to refresh it chooses behind the lock. Readers see the old rows until the run commits. Each run
leaves a row in `refreshes`, whether it was done or failed.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final

import psycopg
from psycopg import sql as query
from psycopg.rows import class_row

from sql import text
from sql.category_columns import WIDE_VIEW, TooManyCategories, add_category_columns

#: Advisory lock: held by the transaction that refreshes.
REFRESH_LOCK: Final = 0xC360_0006

MONTHLY_REPORT: Final = "monthly_report"

#: Nobody waits for a refresh: it takes one core at most, and no longer for a lock than others can wait behind it.
MANNERS: Final = (
    "SET LOCAL max_parallel_workers_per_gather = 0",
    "SET LOCAL jit = off",
    "SET LOCAL work_mem = '64MB'",
    "SET LOCAL lock_timeout = '5s'",
)
_POPULATED: Final = "SELECT relispopulated FROM pg_class WHERE oid = %s::regclass"

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What the time is, and how far the totals are."""

    now: datetime
    as_of: date
    #: As in the header C360-Position.
    position: str
    #: Of reattribution: moves with what changes totals without moving a position.
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshable:
    """One view with its last run, and its last run that was done; None where there was none."""

    view: str
    tried_at: datetime | None
    seconds: float | None
    outcome: str | None
    #: Why the last run failed, if it did.
    reason: str | None
    rows: int | None
    refreshed_at: datetime | None
    age_seconds: float | None
    as_of: date | None
    position: str | None
    epoch: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What became of one refresh."""

    view: str
    outcome: str
    seconds: float
    rows: int | None
    reason: str | None


#: Says which view is to be refreshed now, if any.
Choice = Callable[[Sequence[Refreshable], Moment], str | None]


def read_refreshables(connection: Connection) -> list[Refreshable]:
    """Everything that is refreshed, in the order of the names."""
    return connection.cursor(row_factory=class_row(Refreshable)).execute(_query("refreshes")).fetchall()


def refresh(connection: Connection, view: str) -> Run:
    """Refresh one view now, after whoever else refreshes.

    Raises: psycopg.Error when the connection is lost; what Postgres refuses is in the run.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [REFRESH_LOCK])
        return _run(connection, view, _read_moment(connection))


def refresh_chosen(connection: Connection, choose: Choice) -> Run | None:
    """Refresh what the choice falls on; None when that is nothing, or somebody else refreshes right now.

    Raises: as `refresh`.
    """
    with connection.transaction():
        locked = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [REFRESH_LOCK]).fetchone()
        if locked != (True,):
            return None
        # The time first: what is refreshed has at least what was committed until then.
        moment = _read_moment(connection)
        view = choose(read_refreshables(connection), moment)
        return _run(connection, view, moment) if view else None


def refresh_new(connection: Connection) -> None:
    """Fill the materialized views that were just created, and see to it that there is a `category_amounts_wide`.

    Raises: psycopg.Error.
    """
    empty = connection.execute(
        "SELECT matviewname FROM pg_matviews WHERE schemaname = current_schema() AND NOT ispopulated ORDER BY 1"
    ).fetchall()
    missing = connection.execute("SELECT to_regclass(%s) IS NULL", [WIDE_VIEW]).fetchone()
    for view in [name for (name,) in empty] + ([WIDE_VIEW] if missing == (True,) else []):
        run = refresh(connection, view)
        if run.reason:
            raise psycopg.DataError(f"{view} can't be filled: {run.reason}")


def _read_moment(connection: Connection) -> Moment:
    moment = connection.cursor(row_factory=class_row(Moment)).execute(_query("refresh_moment")).fetchone()
    assert moment
    return moment


def _run(connection: Connection, view: str, moment: Moment) -> Run:
    for manner in MANNERS:
        connection.execute(manner.encode())
    rows, reason = None, None
    try:
        with connection.transaction():
            rows = _refresh(connection, view)
    except (psycopg.Error, TooManyCategories) as error:
        if connection.closed:
            raise
        reason = str(error).split("\n", maxsplit=1)[0]
    outcome = "failed" if reason else "done"
    kept = asdict(moment)
    started_at = kept.pop("now")
    run = {"view": view, "started_at": started_at, "outcome": outcome, "rows": rows, "reason": reason, **kept}
    recorded = connection.execute(_query("refresh_record"), run).fetchone()
    connection.execute(_query("refresh_forget"), {"view": view})
    assert recorded
    return Run(view=view, outcome=outcome, seconds=recorded[0], rows=rows, reason=reason)


def _refresh(connection: Connection, view: str) -> int:
    """Returns: Its rows; of category_amounts_wide, its columns."""
    if view == WIDE_VIEW:
        return add_category_columns(connection)
    if view == MONTHLY_REPORT:
        return connection.execute(_query("monthly_report")).rowcount
    name = query.Identifier(view)
    populated = connection.execute(_POPULATED, [name.as_string(connection)]).fetchone()
    # Nobody can read a view that was never filled, so filling it need not wait for readers.
    concurrently = query.SQL("CONCURRENTLY" if populated == (True,) else "")
    connection.execute(query.SQL("REFRESH MATERIALIZED VIEW {} {}").format(concurrently, name))
    counted = connection.execute(query.SQL("SELECT count(*) FROM {}").format(name)).fetchone()
    return counted[0] if counted else 0


def _query(name: str) -> bytes:
    return text(f"queries/{name}.sql").encode()
