"""Asking checks, in a way that hurts nobody else, and the history of what they answered.

Each check is one read-only transaction with a time limit; it takes no locks that a unit of work would wait for.
"""

import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection, errors
from psycopg.rows import tuple_row
from psycopg.types.json import Jsonb

import sql
from quality.checks import Check, Level

Connection = AsyncConnection[Any]

#: Offending rows that are shown; of the others only the number is told.
EXAMPLES: Final = 10

_LIMITS: Final = """
SELECT
    set_config('statement_timeout', %s, true),
    set_config('lock_timeout', '1s', true),
    set_config('max_parallel_workers_per_gather', '0', true),
    set_config('timezone', 'UTC', true)
"""
# The number of all rows beside each of the first few: asked once.
_ASK: Final = "SELECT count(*) OVER () AS offenders, offender.* FROM (\n{query}\n) AS offender LIMIT {examples}"
_KEEP: Final = sql.text("queries/quality_keep.sql").encode()
_FORGET: Final = sql.text("queries/quality_forget.sql").encode()
_HISTORY: Final = sql.text("queries/quality_history.sql").encode()
_LATEST: Final = sql.text("queries/quality_latest.sql").encode()

#: A row as it is shown: column to text.
Example = Mapping[str, str | None]


class Result(StrEnum):
    """What became of a check."""

    PASSED = "passed"
    FAILED = "failed"
    #: It took too long, or it can't be asked of this schema: nobody knows.
    UNANSWERED = "unanswered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One answer of one check."""

    check: str
    level: Level
    started_at: datetime
    seconds: float
    result: Result
    #: How many rows offend; None where nobody knows.
    offenders: int | None = None
    #: The first of them.
    examples: Sequence[Example] = ()
    #: Why there is no answer.
    reason: str | None = None

    @property
    def alarming(self) -> bool:
        """Whether the whole has failed because of this one."""
        return self.level is Level.ERROR and self.result is not Result.PASSED


@dataclass(frozen=True, slots=True)
class _Answer:
    offenders: int = 0
    examples: Sequence[Example] = ()


async def run_checks(connection: Connection, checks: Iterable[Check], *, timeout_seconds: float) -> AsyncIterator[Run]:
    """Ask each check, one after the other; a check that can't be asked is a result like others.

    Args:
        connection: In autocommit.
        timeout_seconds: For each check.
    Raises: psycopg.OperationalError when Postgres is away.
    """
    for check in checks:
        yield await run_check(connection, check, timeout_seconds=timeout_seconds)


async def run_check(connection: Connection, check: Check, *, timeout_seconds: float) -> Run:
    """Ask one check. Raises as `run_checks`."""
    started_at, began = datetime.now(UTC), time.monotonic()
    answer, reason = _Answer(), None
    try:
        answer = await _ask(connection, check, timeout_seconds)
    except (errors.QueryCanceled, errors.LockNotAvailable):
        reason = f"no answer within {timeout_seconds:g} s"
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        reason = _reason(error)
    failed = Result.FAILED if answer.offenders else Result.PASSED
    return Run(
        check=check.name,
        level=check.level,
        started_at=started_at,
        seconds=time.monotonic() - began,
        result=Result.UNANSWERED if reason else failed,
        offenders=None if reason else answer.offenders,
        examples=answer.examples,
        reason=reason,
    )


async def keep(connection: Connection, run: Run, check: Check) -> None:
    """Add a run to the history: of its examples only the columns that the check says may be kept.

    Raises: psycopg.Error.
    """
    parameters = {
        "check_name": run.check,
        "check_level": run.level,
        "started_at": run.started_at,
        "seconds": run.seconds,
        "result": run.result,
        "offenders": run.offenders,
        "examples": Jsonb(keepable(run.examples, check)),
        "reason": run.reason,
    }
    await connection.execute(_KEEP, parameters)


async def forget(connection: Connection, *, days: int) -> None:
    """Drop runs from the history that are older than this."""
    await connection.execute(_FORGET, {"days": days})


async def latest(connection: Connection, names: Iterable[str]) -> dict[str, Run]:
    """The latest run of each of these checks that has one in the history, as it was kept."""
    cursor = await connection.execute(_LATEST, {"checks": list(names)})
    rows = await cursor.fetchall()
    return {run.check: run for run in map(_stored, rows)}


async def history_of(connection: Connection, name: str, *, most: int = 60) -> list[Run]:
    """Earlier runs of a check, newest first."""
    parameters = {"check_name": name, "ran_from": None, "ran_to": None, "most": most}
    cursor = await connection.execute(_HISTORY, parameters)
    return [_stored(row) for row in await cursor.fetchall()]


def keepable(examples: Sequence[Example], check: Check) -> list[Example]:
    """The examples without the columns that must not be kept; nothing is left where all must not."""
    shown = [{name: row[name] for name in check.kept if name in row} for row in examples]
    return [row for row in shown if row]


async def _ask(connection: Connection, check: Check, timeout_seconds: float) -> _Answer:
    text = _ASK.format(query=check.query, examples=EXAMPLES)
    async with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute("SET TRANSACTION READ ONLY")
        await cursor.execute(_LIMITS, [f"{timeout_seconds:g}s"])
        # Without parameters, so that `%` in it means itself; prepared, so that it is one statement and no more.
        await cursor.execute(text.encode(), prepare=True)
        rows = await cursor.fetchall()
        columns = [column.name for column in (cursor.description or ())[1:]]
    examples = [dict(zip(columns, map(_text, row[1:]), strict=True)) for row in rows]
    return _Answer(rows[0][0] if rows else 0, examples)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _reason(error: psycopg.Error) -> str:
    """What Postgres says of the question; where it speaks of the data (class 22), it might quote them."""
    said = error.diag.message_primary
    kind = type(error).__name__
    return kind if not said or (error.sqlstate or "").startswith("22") else f"{kind}: {said}"


def _stored(row: tuple[Any, ...]) -> Run:
    check, level, started_at, seconds, result, offenders, examples, reason = row
    return Run(
        check=check,
        level=Level(level),
        started_at=started_at,
        seconds=seconds,
        result=Result(result),
        offenders=offenders,
        examples=examples,
        reason=reason,
    )
