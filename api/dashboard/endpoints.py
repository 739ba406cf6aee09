"""GET /, overview, search and customers/{customer_id}/daily_revenue"""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import FileResponse

from api.access.callers import Reader, reader
from api.access.tokens import Scope
from api.dashboard.models import DailyRevenueAnswer, OverviewAnswer, SearchAnswer
from api.dashboard.queries import read_daily_revenue, read_overview, search_customers
from api.database import DatabaseDependency
from api.errors import DatabaseAway, InternalError, InvalidRequest, TooSlow, UnknownCustomer, documented
from api.kit.answers import json_answer
from api.kit.freshness import Fresh
from api.kit.pages import Limit, SmallRowsLimit
from api.kit.parameters import CustomerId, Name
from api.pages.endpoints import STATIC

#: The page talks to nobody but us, and runs nothing but our files.
_POLICY: Final = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
_PAGE_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-cache",
}
#: Days with sales or interactions of one customer, in one answer.

page_router = APIRouter()
router = APIRouter(tags=["dashboard"], dependencies=[Depends(reader), Fresh])


@page_router.get("/", include_in_schema=False)
async def show_dashboard() -> FileResponse:
    return FileResponse(STATIC / "dashboard" / "index.html", headers=_PAGE_HEADERS)


@router.get(
    "/overview",
    summary="How much there is altogether",
    response_model=OverviewAnswer,
    responses=documented(InvalidRequest, DatabaseAway, TooSlow, InternalError),
)
async def get_overview(database: DatabaseDependency) -> Response:
    """Customers, interactions by channel, sales by currency, and what became of the events that were read."""
    return json_answer(OverviewAnswer(data=await read_overview(database)))


@router.get(
    "/search",
    summary="Find a customer",
    response_model=SearchAnswer,
    responses=documented(InvalidRequest, DatabaseAway, TooSlow, InternalError),
)
async def search(
    caller: Reader,
    database: DatabaseDependency,
    q: Annotated[Name, Query(description="How the id begins; with scope `personal-data` also a name or an email.")],
    limit: Limit,
) -> Response:
    """Customers whose id begins so, shorter ids first.

    Tokens of scope `personal-data` find customers also by the beginning of the last name, the full name or the email
    address, from two letters on; others don't, since finding would tell what masking hides.
    """
    found = await search_customers(database, q, names=caller.may(Scope.PERSONAL_DATA), limit=limit)
    return json_answer(SearchAnswer(data=[caller.shown(customer) for customer in found], limit=limit))


@router.get(
    "/customers/{customer_id}/daily_revenue",
    summary="A customer's revenue and interactions per day",
    response_model=DailyRevenueAnswer,
    responses=documented(UnknownCustomer, InvalidRequest, DatabaseAway, TooSlow, InternalError),
)
async def list_daily_revenue(
    database: DatabaseDependency,
    customer_id: CustomerId,
    limit: SmallRowsLimit,
) -> Response:
    """Revenues of interactions and amounts of purchases together, newest day first. Currencies are not converted."""
    days = await read_daily_revenue(database, customer_id, limit=limit)
    if days is None:
        raise UnknownCustomer(f"no event has named customer {customer_id!r}")
    return json_answer(DailyRevenueAnswer(data=days, limit=limit))
