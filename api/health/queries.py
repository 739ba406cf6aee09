"""What must hold before the API can answer."""

from dataclasses import dataclass
from typing import Final

import sql
from api.database import Database, MissingSchema, query_text
from api.health.models import Check
from events.errors import Unavailable

_APPLIED: Final = query_text("applied_migrations")
_NEEDED: Final = frozenset(
    path.stem for path in (sql.FOLDER / "migrations").glob("*.sql") if not path.stem.endswith(".rollback")
)


@dataclass(frozen=True, slots=True)
class _Migration:
    migration_id: str


async def check_readiness(database: Database) -> list[Check]:
    """Hold each condition against the database, cheaply enough to be asked every second."""
    try:
        applied = {row.migration_id for row in await database.fetch_all(_APPLIED, _Migration)}
    except MissingSchema:
        applied = set()
    except Unavailable as error:
        return [Check(check="database", passed=False, reason=str(error))]
    missing = ", ".join(sorted(_NEEDED - applied))
    reason = f"not applied: {missing}" if missing else None
    return [Check(check="database", passed=True), Check(check="migrations", passed=not missing, reason=reason)]
