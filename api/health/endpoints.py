"""GET health and ready"""

from importlib.metadata import version
from typing import Final

from fastapi import APIRouter, Request

from api.database import DatabaseDependency
from api.errors import RETRY_LATER, InternalError, NotReady, documented
from api.health.models import Health, Readiness
from api.health.queries import check_database, check_lag

VERSION: Final = version("live-customer-360")

router = APIRouter(tags=["operations"])
ready_router = APIRouter(tags=["operations"])


@router.get("/health", summary="Is the process alive?", responses=documented(InternalError))
async def get_health() -> Health:
    """Answers as long as the process does, whatever became of the database: for restarting what hangs."""
    return Health(version=VERSION)


@ready_router.get(
    "/ready",
    summary="Can it answer?",
    response_model_exclude_none=True,
    responses=documented(NotReady, InternalError),
)
async def get_readiness(request: Request, database: DatabaseDependency) -> Readiness:
    """For sending requests here or elsewhere: the database is there and migrated, and no event waits for too long.

    A broker that is away fails nothing but writes: the status is `degraded` then, and still 200.
    """
    state = request.app.state
    checks = await check_database(database)
    if all(check.passed for check in checks):
        checks += await check_lag(state.waiting, state.positions.current, most_seconds=state.ready_lag_seconds)
    failed = [check for check in checks if not check.passed]
    if any(check.check != "broker" for check in failed):
        detail = "; ".join(f"{check.check}: {check.reason}" for check in failed)
        raise NotReady(detail, headers=RETRY_LATER, checks=[check.model_dump(exclude_none=True) for check in checks])
    return Readiness(status="degraded" if failed else "ready", checks=checks)
