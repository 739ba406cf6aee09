"""GET freshness"""

from contextlib import suppress
from datetime import UTC, datetime

from fastapi import APIRouter, Depends, Request

from api.access.callers import reader
from api.database import DatabaseDependency
from api.errors import DatabaseAway, InternalError, InvalidRequest, TooSlow, documented
from api.freshness.models import FreshnessAnswer
from api.freshness.queries import freshness, read_places
from api.freshness.waiting import Backlogs, Waiting
from api.kit.freshness import Fresh
from events.errors import Unavailable

router = APIRouter(tags=["operations"], dependencies=[Depends(reader), Fresh])


@router.get(
    "/freshness",
    summary="How fresh each stream and each view is",
    responses=documented(InvalidRequest, DatabaseAway, TooSlow, InternalError),
)
async def get_freshness(request: Request, database: DatabaseDependency) -> FreshnessAnswer:
    """When each last moved, and what waits in Kafka for it.

    A view without lag is current however old its last change is. While Kafka is away, what waits is null.
    """
    waiting: Waiting = request.app.state.waiting
    places = await read_places(database)
    backlogs: Backlogs | None = None
    with suppress(Unavailable):
        backlogs = await waiting.behind({(place.topic, place.partition): place.next_offset for place in places})
    return FreshnessAnswer(data=freshness(places, backlogs, now=datetime.now(UTC)))
