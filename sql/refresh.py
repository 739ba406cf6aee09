"""Refresh what is derived: the materialized views, the columns of `category_amounts_wide`, the monthly report.

A run is one transaction behind an advisory lock: however many refreshers there are, one of them refreshes at a time,
and what it chooses to refresh it chooses behind the lock. Readers see the old rows until the run commits. Each run
leaves a row in `refreshes`, whether it was done or failed.

`category_transitions` is too dear for that: what it is made of is counted in steps, each a transaction of its own, and
only the last one is the run (`Refresher`).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final, TypeVar

import psycopg
from psycopg import sql as query
from psycopg.rows import class_row

from sql import text
from sql.category_columns import WIDE_VIEW, TooManyCategories, add_category_columns
from sql.category_pairs import PairsCount, count_pairs

#: Advisory lock: held by the transaction that refreshes.
REFRESH_LOCK: Final = 0xC360_0006
#: Advisory lock: held by the connection of the one refresher that looks for what is due.
_LEAD_LOCK: Final = 0xC360_0007

MONTHLY_REPORT: Final = "monthly_report"
TRANSITIONS: Final = "category_transitions"

#: Nobody waits for a refresh: it takes one core at most, and no longer for a lock than others can wait behind it.
MANNERS: Final = (
    "SET LOCAL max_parallel_workers_per_gather = 0",
    "SET LOCAL jit = off",
    "SET LOCAL work_mem = '64MB'",
    "SET LOCAL lock_timeout = '5s'",
)
_POPULATED: Final = "SELECT relispopulated FROM pg_class WHERE oid = %s::regclass"

Connection = psycopg.Connection[tuple[Any, ...]]
T = TypeVar("T")


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
    #: It is being refreshed in steps: `tried_at` and `seconds` are those of the last one.
    begun: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What became of one refresh."""

    view: str
    outcome: str
    seconds: float
    rows: int | None
    reason: str | None


@dataclass(slots=True, kw_only=True)
class _Count:
    """What `category_transitions` is made of, being counted."""

    pairs: PairsCount = field(default_factory=PairsCount)
    begun: Moment
    #: When the last step began, and how long it took.
    stepped_at: datetime
    step_seconds: float = 0
    #: All of them, without the rests between.
    seconds: float = 0


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
        started = time.monotonic()
        moment = _read_moment(connection)
        return _run(connection, view, moment, lambda: _refresh(connection, view), started=started)


class Refresher:
    """Refreshes in the background, a little at a time: one at a time has the lead, the others wait to take over.

    Args:
        connection: In autocommit; has the lead until it ends, once `lead` said so.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._count: _Count | None = None

    def lead(self) -> bool:
        """Take the lead, if nobody has it."""
        return self._connection.execute("SELECT pg_try_advisory_lock(%s)", [_LEAD_LOCK]).fetchone() == (True,)

    def refresh_chosen(self, choose: Choice) -> Run | None:
        """Refresh what the choice falls on; None when that is nothing, or not yet done, or somebody else refreshes.

        Raises: as `refresh`.
        """
        with self._connection.transaction():
            locked = self._connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [REFRESH_LOCK]).fetchone()
            if locked != (True,):
                return None
            started = time.monotonic()
            # The time first: what is refreshed has at least what was committed until then.
            moment = _read_moment(self._connection)
            view = choose([self._as_begun(one) for one in read_refreshables(self._connection)], moment)
            if view == TRANSITIONS:
                return self._step(moment, started)
            if view is None:
                return None
            return _run(self._connection, view, moment, lambda: _refresh(self._connection, view), started=started)

    def _as_begun(self, view: Refreshable) -> Refreshable:
        if view.view != TRANSITIONS or self._count is None:
            return view
        if view.tried_at and view.tried_at > self._count.begun.now:  # by somebody else: what they have is newer
            self._count = None
            return view
        return replace(view, begun=True, tried_at=self._count.stepped_at, seconds=self._count.step_seconds)

    def _step(self, moment: Moment, started: float) -> Run | None:
        """Count some more; with the last of it, refresh the view."""
        count = self._count = self._count or _Count(begun=moment, stepped_at=moment.now)
        more, reason = _attempt(self._connection, lambda: count.pairs.step(self._connection))
        if more:
            count.stepped_at, count.step_seconds = moment.now, time.monotonic() - started
            count.seconds += count.step_seconds
            return None
        self._count = None
        started -= count.seconds
        if reason:
            return _record(self._connection, TRANSITIONS, count.begun, None, reason, started=started)
        return _run(self._connection, TRANSITIONS, count.begun, lambda: self._end(count.pairs), started=started)

    def _end(self, pairs: PairsCount) -> int:
        pairs.keep(self._connection)
        return _refresh_materialized(self._connection, TRANSITIONS)


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


def _run(connection: Connection, view: str, moment: Moment, work: Callable[[], int], *, started: float) -> Run:
    """Do the work, which returns the number of rows, and record it.

    Args:
        started: What the monotonic clock showed then; later by the rests, where there were any.
    """
    rows, reason = _attempt(connection, work)
    return _record(connection, view, moment, rows, reason, started=started)


def _record(
    connection: Connection, view: str, moment: Moment, rows: int | None, reason: str | None, *, started: float
) -> Run:
    outcome = "failed" if reason else "done"
    run = Run(view=view, outcome=outcome, seconds=time.monotonic() - started, rows=rows, reason=reason)
    kept = asdict(moment)
    connection.execute(_query("refresh_record"), asdict(run) | kept | {"started_at": kept.pop("now")})
    connection.execute(_query("refresh_forget"), {"view": view})
    return run


def _attempt(connection: Connection, work: Callable[[], T]) -> tuple[T | None, str | None]:
    """What it returns, or the reason why it failed: then it leaves nothing."""
    try:
        with connection.transaction():
            for manner in MANNERS:
                connection.execute(manner.encode())
            return work(), None
    except (psycopg.Error, TooManyCategories) as error:
        if connection.closed:
            raise
        return None, str(error).split("\n", maxsplit=1)[0]


def _refresh(connection: Connection, view: str) -> int:
    """Returns: Its rows; of category_amounts_wide, its columns."""
    if view == WIDE_VIEW:
        return add_category_columns(connection)
    if view == MONTHLY_REPORT:
        return connection.execute(_query("monthly_report")).rowcount
    if view == TRANSITIONS:
        count_pairs(connection)
    return _refresh_materialized(connection, view)


def _refresh_materialized(connection: Connection, view: str) -> int:
    name = query.Identifier(view)
    populated = connection.execute(_POPULATED, [name.as_string(connection)]).fetchone()
    # Nobody can read a view that was never filled, so filling it need not wait for readers.
    concurrently = query.SQL("CONCURRENTLY" if populated == (True,) else "")
    connection.execute(query.SQL("REFRESH MATERIALIZED VIEW {} {}").format(concurrently, name))
    counted = connection.execute(query.SQL("SELECT count(*) FROM {}").format(name)).fetchone()
    return counted[0] if counted else 0


def _query(name: str) -> bytes:
    return text(f"queries/{name}.sql").encode()
