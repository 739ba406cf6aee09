"""The questions to Postgres about data quality."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from api.database import Database, query_text
from api.kit.parameters import Period
from api.quality.models import CheckRun
from quality.runs import Result

_LATEST: Final = query_text("quality_latest")
_HISTORY: Final = query_text("quality_history")


@dataclass(frozen=True, slots=True)
class _Row:
    check_name: str
    level: str
    started_at: datetime
    seconds: float
    result: str
    offenders: int | None
    examples: list[dict[str, str | None]]
    reason: str | None

    def shown(self) -> CheckRun:
        return CheckRun(
            started_at=self.started_at,
            seconds=self.seconds,
            result=Result(self.result),
            offenders=self.offenders,
            examples=self.examples,
            reason=self.reason,
        )


async def read_latest_runs(database: Database, checks: Iterable[str]) -> dict[str, CheckRun]:
    """The latest run of each of these checks that was ever asked."""
    rows = await database.fetch_all(_LATEST, _Row, {"checks": list(checks)})
    return {row.check_name: row.shown() for row in rows}


async def read_check_history(database: Database, check: str, period: Period, *, limit: int) -> list[CheckRun]:
    """The runs of one check in a period, newest first."""
    parameters = {"check_name": check, "ran_from": period.start, "ran_to": period.end, "most": limit}
    return [row.shown() for row in await database.fetch_all(_HISTORY, _Row, parameters)]
