"""GET live"""

from collections.abc import Hashable
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from api.access.callers import Reader
from api.access.tokens import Scope
from api.database import DatabaseDependency
from api.errors import DatabaseAway, InternalError, InvalidRequest, TooSlow, documented
from api.kit.parameters import Name
from api.kit.position import LONGEST
from api.live.feeds import Feeds
from api.live.models import View
from api.live.responses import EventStream
from api.live.sources import FollowedCustomer, customers_source, view_source
from events.identity import canonical_id

_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_EXAMPLE: Final = (
    'retry: 1000\n\nevent: customer\ndata: {"customer_id":1,"channels":[{"channel":"Email","interactions":1}]}\n'
    "id: interactions:0@43\n\n"
)
_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Events, without end: `event` is `customer` or the view, `id` the position, `data` the state.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    }
}

router = APIRouter(tags=["live"])


@router.get(
    "/live",
    summary="Totals as they change",
    response_class=EventStream,
    status_code=200,  # FastAPI would look for it among the parameters of the class
    responses={**_STREAM, **documented(InvalidRequest, DatabaseAway, TooSlow, InternalError)},
)
async def follow_totals(
    *,
    request: Request,
    caller: Reader,
    database: DatabaseDependency,
    customer_id: Annotated[Name | None, Query(description="Follow all that is known of this customer.")] = None,
    view: Annotated[View | None, Query(description="Follow what the question of this name answers.")] = None,
    last_event_id: Annotated[
        str | None,
        Header(max_length=LONGEST, description="Id of the last event that was seen: nothing is sent until it changed."),
    ] = None,
) -> Response:
    """Server-sent events: the state of now, then every new one, within tens of milliseconds of the commit.

    Name either a customer or a view. Each event is the whole state; a slow reader skips states, never the last one.
    `data` of a customer whom no event has named is null. Every 15 seconds without an event a comment is sent.
    """
    if (customer_id is None) == (view is None):
        reason = "either `customer_id` or `view`, and not both"
        raise RequestValidationError([{"loc": ("query", "view"), "msg": reason, "type": "value_error"}])
    feeds: Feeds = request.app.state.feeds
    key: Hashable
    if view is not None:
        key, feed = view, feeds.feed(view, partial(view_source, database, request.app.state.reached, view))
    else:
        key = FollowedCustomer(canonical_id(customer_id or ""), caller.may(Scope.PERSONAL_DATA))
        feed = feeds.feed("customer", partial(customers_source, database))
    follower = feed.join(key, last_seen=last_event_id)
    leave = partial(feed.leave, key, follower)
    try:
        await follower.ready()  # what is wrong with the database is said before the stream begins
    except BaseException:
        leave()
        raise
    return EventStream(follower.events(), slow_seconds=request.app.state.slow_seconds, at_end=leave, headers=_HEADERS)
