"""GET health and ready"""

from importlib.metadata import version
from typing import Final

from fastapi import APIRouter

from api.database import DatabaseDependency
from api.errors import RETRY_LATER, InternalError, NotReady, documented
from api.health.models import Health, Readiness
from api.health.queries import check_readiness

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
async def get_readiness(database: DatabaseDependency) -> Readiness:
    """The database is reachable and has this version's migrations: for sending requests here or elsewhere."""
    checks = await check_readiness(database)
    failed = [check for check in checks if not check.passed]
    if failed:
        detail = "; ".join(f"{check.check}: {check.reason}" for check in failed)
        raise NotReady(detail, headers=RETRY_LATER, checks=[check.model_dump(exclude_none=True) for check in checks])
    return Readiness(checks=checks)
