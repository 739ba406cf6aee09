"""GET quality and quality/{check}"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request

from api.access.callers import reader
from api.database import DatabaseDependency
from api.errors import DatabaseAway, InternalError, InvalidRequest, TooSlow, UnknownCheck, documented
from api.kit.pages import limit_of
from api.kit.parameters import Name, PeriodDependency
from api.quality.models import CheckHistoryAnswer, CheckState, QualityAnswer, described
from api.quality.queries import read_check_history, read_latest_runs
from quality.checks import Level
from quality.runs import Result
from quality.watch import Watch

router = APIRouter(tags=["operations"], dependencies=[Depends(reader)])


async def _watch(request: Request) -> Watch:
    watch: Watch = request.app.state.watch
    return watch


WatchDependency = Annotated[Watch, Depends(_watch)]


@router.get(
    "/quality",
    summary="What the data-quality checks say",
    responses=documented(DatabaseAway, TooSlow, InternalError),
)
async def list_checks(*, database: DatabaseDependency, watch: WatchDependency) -> QualityAnswer:
    """Each check with its latest run, whoever asked it: the API does so continuously, `c360 check` at once.

    A check that was not asked yet is not healthy.
    """
    latest = await read_latest_runs(database, watch.checks)
    states = [CheckState(**described(check), latest=latest.get(name)) for name, check in watch.checks.items()]
    return QualityAnswer(healthy=all(_passed(state) for state in states if state.level is Level.ERROR), data=states)


@router.get(
    "/quality/{check}",
    summary="What one data-quality check said before",
    responses=documented(UnknownCheck, InvalidRequest, DatabaseAway, TooSlow, InternalError),
)
async def get_check_history(
    *,
    check: Annotated[Name, Path(openapi_examples={"one": {"value": "revenue_agrees"}})],
    database: DatabaseDependency,
    watch: WatchDependency,
    period: PeriodDependency,
    limit: Annotated[int, Depends(limit_of(100))],
) -> CheckHistoryAnswer:
    """The runs of a check, newest first; how long they are kept is for the setting C360_CHECK_HISTORY_DAYS to say."""
    known = watch.checks.get(check)
    if known is None:
        raise UnknownCheck(f"there is no check {check!r}: GET quality lists them")
    runs = await read_check_history(database, check, period, limit=limit)
    return CheckHistoryAnswer(**described(known), runs=runs, limit=limit)


def _passed(state: CheckState) -> bool:
    return state.latest is not None and state.latest.result is Result.PASSED
