"""What must hold before the API can answer."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import sql
from api.database import Database, MissingSchema, query_text
from api.freshness.queries import lag_seconds
from api.freshness.waiting import Waiting
from api.health.models import Check
from api.kit.position import Position
from events import topics
from events.errors import Unavailable

_APPLIED: Final = query_text("applied_migrations")
_NEEDED: Final = frozenset(
    path.stem for path in (sql.FOLDER / "migrations").glob("*.sql") if not path.stem.endswith(".rollback")
)


@dataclass(frozen=True, slots=True)
class _Migration:
    migration_id: str


async def check_database(database: Database) -> list[Check]:
    """Is it there, and current? Cheaply enough to be asked every second."""
    try:
        applied = {row.migration_id for row in await database.fetch_all(_APPLIED, _Migration)}
    except MissingSchema:
        applied = set()
    except Unavailable as error:
        return [Check(check="database", passed=False, reason=str(error))]
    missing = ", ".join(sorted(_NEEDED - applied))
    reason = f"not applied: {missing}" if missing else None
    return [Check(check="database", passed=True), Check(check="migrations", passed=not missing, reason=reason)]


async def check_lag(waiting: Waiting, position: Position, *, most_seconds: float) -> list[Check]:
    """Is the broker there, and does no event wait for longer than it may? Nothing to check without a broker."""
    if not waiting.has_broker:
        return []
    try:
        backlogs = await waiting.behind(position)
    except Unavailable as error:
        return [Check(check="broker", passed=False, reason=str(error))]
    there = Check(check="broker", passed=True)
    if not most_seconds:
        return [there]
    seconds = lag_seconds(backlogs, topics.BY_NAME, now=datetime.now(UTC))
    late = f"an event waits since {seconds:.0f} s: does a processor run?" if seconds > most_seconds else None
    return [there, Check(check="lag", passed=late is None, reason=late)]
