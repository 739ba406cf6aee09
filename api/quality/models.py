"""What data quality looks like in an answer."""

from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from quality.checks import Check, Level
from quality.runs import Result

_RUN: Final[dict[str, Any]] = {
    "started_at": "2026-11-21T09:00:00Z",
    "seconds": 0.004,
    "result": "failed",
    "offenders": 2,
    "examples": [{"product": "P7", "rows": "12"}, {"product": "P9", "rows": "1"}],
    "reason": None,
}
_CHECK: Final[dict[str, Any]] = {
    "check": "products_are_known",
    "level": "warn",
    "meaning": "Transactions name products that the products stream has told.",
    "remedy": "Replay the products; until then their purchases count under the category 'unknown'.",
}


class CheckRun(BaseModel):
    """One answer of one check."""

    started_at: datetime = Field(description="When it was asked (UTC).")
    seconds: float = Field(description="How long the answer took.")
    result: Result = Field(description="`unanswered`: it took too long, or can't be asked of this schema.")
    offenders: int | None = Field(description="How many rows are wrong; null where it is not known.")
    examples: list[dict[str, str | None]] = Field(description="The first of them, without personal data.")
    reason: str | None = Field(description="Why there is no answer.")


class CheckState(BaseModel):
    """A check and its latest run."""

    check: str
    level: Level = Field(description="What its failure means: `error` is an alarm, `warn` is worth a look.")
    meaning: str = Field(description="What holds when it passes.")
    remedy: str = Field(description="What to do when it fails.")
    latest: CheckRun | None = Field(description="null: it was not asked yet.")


class QualityAnswer(BaseModel):
    """Answer of `GET quality`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"healthy": True, "data": [{**_CHECK, "latest": _RUN}]}]})

    healthy: bool = Field(description="Every check of level error has passed the last time it was asked.")
    data: list[CheckState] = Field(description="In the order of their names.")


class CheckHistoryAnswer(BaseModel):
    """Answer of `GET quality/{check}`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_CHECK, "runs": [_RUN], "limit": 100}]})

    check: str
    level: Level = Field(description="What its failure means: `error` is an alarm, `warn` is worth a look.")
    meaning: str = Field(description="What holds when it passes.")
    remedy: str = Field(description="What to do when it fails.")
    runs: list[CheckRun] = Field(description="Newest first.")
    limit: int = Field(description="Most runs of an answer.")


def described(check: Check) -> dict[str, Any]:
    """What an answer says of a check."""
    return {"check": check.name, "level": check.level, "meaning": check.meaning, "remedy": check.remedy}
