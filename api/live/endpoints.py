"""GET live"""

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.responses import Response

from api.access.callers import Caller, Reader
from api.customers.queries import read_customer
from api.dashboard.queries import read_overview
from api.database import Database, DatabaseDependency
from api.errors import DatabaseAway, InternalError, InvalidRequest, TooSlow, documented
from api.kit.answers import encode_json
from api.kit.parameters import Days, Name, Period
from api.kit.position import LONGEST, Position
from api.live.models import View
from api.live.responses import EventStream
from api.live.streams import Read, Seats, SharedViews, follow
from api.positions import Positions
from api.product_interest.models import ProductInterestAnswer
from api.product_interest.queries import read_product_interest, total_interest
from api.sales.by_value import Reached, read_by_value
from api.sales.models import DailySalesAnswer, ProductMetricsAnswer, TopCustomersAnswer
from api.sales.queries import read_daily_sales, read_product_metrics
from events import topics
from events.errors import Unavailable
from events.identity import canonical_id
from events.topics import partition_of

_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
#: Rows of the views that have a limit.
_ROWS: Final = 30
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
    positions: Positions = request.app.state.positions
    if (customer_id is None) == (view is None):
        reason = "either `customer_id` or `view`, and not both"
        raise RequestValidationError([{"loc": ("query", "view"), "msg": reason, "type": "value_error"}])
    if view is not None:
        views: SharedViews = request.app.state.shared_views
        read = views.sharing(view, positions, _of_view(database, request.app.state.reached, view))
        concerns = _any_change()
    else:
        wanted = canonical_id(customer_id or "")
        read, concerns = _of_customer(database, caller, wanted), _touches(wanted)
    # What is wrong with the database is said before the stream begins; what is shared may be from before.
    if not positions.reachable:
        raise Unavailable("the database can't be reached")
    seats: Seats = request.app.state.seats
    seats.refuse_if_full()
    await read()
    events = follow(positions, read, seats=seats, name=view or "customer", last_seen=last_event_id, concerns=concerns)
    return EventStream(events, headers=_HEADERS)


def _of_customer(database: Database, caller: Caller, customer_id: str) -> Read:
    async def read() -> bytes:
        customer = await read_customer(database, customer_id)
        return encode_json(caller.shown(customer)) if customer else b"null"

    return read


def _of_view(database: Database, reached: Reached, view: View) -> Read:
    """Masked for everybody: the state is shared."""

    async def read() -> bytes:
        return encode_json(await _ask(database, reached, view))

    return read


async def _ask(database: Database, reached: Reached, view: View) -> BaseModel:
    match view:
        case "overview":
            return await read_overview(database)
        case "product-interactions":
            rows = await read_product_interest(database, customer_types=[], products=[])
            return ProductInterestAnswer(data=rows, totals=total_interest(rows))
        case "daily_sales":
            days = await read_daily_sales(database, Days(None, None), currencies=[], order="-day", limit=_ROWS)
            return DailySalesAnswer(data=days, limit=_ROWS)
        case "top_customers":
            top = await read_by_value(database, reached, most=_ROWS)
            return TopCustomersAnswer(data=[row.masked() for row in top], limit=_ROWS)
        case "product_metrics":
            sold = await read_product_metrics(
                database, Period(None, None), categories=[], order="-revenue", limit=_ROWS
            )
            return ProductMetricsAnswer(data=sold, limit=_ROWS)


def _any_change() -> Callable[[Position, Position], bool]:
    """A view may change with any commit."""
    return lambda _before, _after: True


def _touches(customer_id: str) -> Callable[[Position, Position], bool]:
    """Of customer-keyed topics, only the customer's own partition matters."""
    key = customer_id.encode()

    def touches(before: Position, after: Position) -> bool:
        moved = [place for place, offset in after.items() if before.get(place) != offset]
        counts = {topic: sum(1 for other, _ in after if other == topic) for topic, _ in moved}
        return any(
            not topics.BY_NAME[topic].customer_keyed or partition == partition_of(key, counts[topic])
            for topic, partition in moved
            if topic in topics.BY_NAME
        )

    return touches
