"""GET analytics/..., customers/{customer_id}/revenue and customers/{customer_id}/next-best-category"""

from math import ceil
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.access.callers import reader
from api.analytics.models import (
    CustomerRevenueAnswer,
    IndustriesAnswer,
    MonthlyReportsAnswer,
    NextBestAnswer,
    SegmentMoversPage,
    SegmentsAnswer,
    StatisticsAnswer,
    SteadyCustomersPage,
    TopRevenueAnswer,
)
from api.analytics.queries import (
    count_movers,
    count_steady,
    read_currencies,
    read_industries,
    read_movers,
    read_next_best,
    read_refreshed,
    read_reports,
    read_revenue,
    read_segments,
    read_statistics,
    read_steady,
    read_top_20,
)
from api.customers.queries import is_known
from api.database import DatabaseDependency
from api.errors import DatabaseAway, InternalError, InvalidRequest, TooSlow, UnknownCustomer, documented
from api.kit.answers import json_answer
from api.kit.freshness import Fresh
from api.kit.pages import LAST_PAGE, Limit, limit_of, link_with
from api.kit.parameters import CustomerId, Day

router = APIRouter(tags=["analytics"], dependencies=[Depends(reader), Fresh])

_RESPONSES = documented(InvalidRequest, DatabaseAway, TooSlow, InternalError)
_OF_CUSTOMER = documented(UnknownCustomer, InvalidRequest, DatabaseAway, TooSlow, InternalError)

Number = Annotated[int, Query(ge=1, le=LAST_PAGE, description="Which page, counted from 1.")]


@router.get(
    "/analytics/industries",
    summary="Revenue by industry",
    response_model=IndustriesAnswer,
    responses=_RESPONSES,
)
async def list_industries(database: DatabaseDependency) -> Response:
    """Which industry brings in most, with Low, Mid and High by the quartiles of revenue and of customers."""
    refreshed = await read_refreshed(database, "industry_revenue")
    currencies, rows = await read_currencies(database), await read_industries(database)
    return json_answer(IndustriesAnswer(**dict(refreshed), currencies=currencies, data=rows))


@router.get(
    "/analytics/segments",
    summary="Share of customers per segment",
    response_model=SegmentsAnswer,
    responses=_RESPONSES,
)
async def list_segments(database: DatabaseDependency) -> Response:
    """Everyone whom any event has named is a customer; `unknown` are those whose segment no event has told."""
    refreshed = await read_refreshed(database, "segment_shares")
    return json_answer(SegmentsAnswer(**dict(refreshed), data=await read_segments(database)))


@router.get(
    "/analytics/segment-movers",
    summary="Customers who changed segment in the last 12 months",
    response_model=SegmentMoversPage,
    responses=_RESPONSES,
)
async def list_segment_movers(
    *, request: Request, database: DatabaseDependency, page: Number = 1, limit: Limit
) -> Response:
    """Latest first. The 12 months end with `as_of`, which is among them."""
    refreshed = await read_refreshed(database, "segment_movers")
    total = await count_movers(database)
    rows = await read_movers(database, limit=limit, skip=(page - 1) * limit)
    pages = ceil(total / limit)
    answer = SegmentMoversPage(**dict(refreshed), data=rows, total=total, page=page, limit=limit, total_pages=pages)
    return json_answer(answer, next_page=_next_page(request, page, pages))


@router.get(
    "/analytics/top-customers",
    summary="The 20 customers with the highest revenue",
    response_model=TopRevenueAnswer,
    responses=_RESPONSES,
)
async def list_top_revenue_customers(database: DatabaseDependency) -> Response:
    """By the revenue of interactions and purchases together; `top_customers` knows purchases alone, but live."""
    refreshed = await read_refreshed(database, "top_20_customers")
    currencies, rows = await read_currencies(database), await read_top_20(database)
    return json_answer(TopRevenueAnswer(**dict(refreshed), currencies=currencies, data=rows))


@router.get(
    "/analytics/steady-customers",
    summary="Those of the top 10 % with revenue in every one of the last 12 months",
    response_model=SteadyCustomersPage,
    responses=_RESPONSES,
)
async def list_steady_customers(
    *, request: Request, database: DatabaseDependency, page: Number = 1, limit: Limit
) -> Response:
    """Highest revenue first.

    The top 10 % are of the customers with revenue; whoever is equal to the last of them belongs to them. The months
    are the 12 calendar months before that of `as_of`, so nobody is steady who is younger than that.
    """
    refreshed = await read_refreshed(database, "top_decile_customers")
    totals, currencies = await count_steady(database), await read_currencies(database)
    rows = await read_steady(database, limit=limit, skip=(page - 1) * limit)
    pages = ceil(totals.total / limit)
    answer = SteadyCustomersPage(
        **dict(refreshed),
        data=rows,
        total=totals.total,
        page=page,
        limit=limit,
        total_pages=pages,
        currencies=currencies,
        top_10_percent=totals.top_10_percent,
    )
    return json_answer(answer, next_page=_next_page(request, page, pages))


@router.get(
    "/analytics/statistics",
    summary="Descriptive statistics of the numeric columns",
    response_model=StatisticsAnswer,
    responses=_RESPONSES,
)
async def list_statistics(database: DatabaseDependency) -> Response:
    """Of customers, interactions and transactions; amounts per currency. A table without rows has none here."""
    refreshed = await read_refreshed(database, "column_statistics")
    return json_answer(StatisticsAnswer(**dict(refreshed), data=await read_statistics(database)))


@router.get(
    "/analytics/monthly-reports",
    summary="What the answers were after the end of each month",
    response_model=MonthlyReportsAnswer,
    responses=_RESPONSES,
)
async def list_monthly_reports(database: DatabaseDependency, limit: Annotated[int, Depends(limit_of(12))]) -> Response:
    """Made once by schedule (`C360_REPORT_SCHEDULE`), and not changed by facts that come later."""
    return json_answer(MonthlyReportsAnswer(data=await read_reports(database, limit=limit), limit=limit))


@router.get(
    "/customers/{customer_id}/revenue",
    summary="What a customer brought in, by period",
    response_model=CustomerRevenueAnswer,
    responses=_OF_CUSTOMER,
)
async def get_customer_revenue(
    *,
    database: DatabaseDependency,
    customer_id: CustomerId,
    as_of: Annotated[Day | None, Query(description="The last day that counts (UTC); by default today.")] = None,
) -> Response:
    """Live, from the running total of each day: facts that come late are in their period."""
    revenue = await read_revenue(database, customer_id, as_of=as_of)
    if revenue is None:
        raise UnknownCustomer(f"no event has named customer {customer_id!r}")
    return json_answer(CustomerRevenueAnswer(data=revenue))


@router.get(
    "/customers/{customer_id}/next-best-category",
    summary="What a customer may buy next",
    response_model=NextBestAnswer,
    responses=_OF_CUSTOMER,
)
async def list_next_best_categories(
    *, database: DatabaseDependency, customer_id: CustomerId, limit: Annotated[int, Depends(limit_of(3))]
) -> Response:
    """Product categories by the probability that the customer's next purchase is of them, with the evidence.

    The customer's purchases are those of now; what customers buy after what is refreshed.
    """
    if not await is_known(database, customer_id):
        raise UnknownCustomer(f"no event has named customer {customer_id!r}")
    refreshed = await read_refreshed(database, "category_transitions")
    rows = await read_next_best(database, customer_id, limit=limit)
    return json_answer(NextBestAnswer(**dict(refreshed), data=rows, limit=limit))


def _next_page(request: Request, page: int, pages: int) -> str | None:
    return link_with(request, page=page + 1) if page < pages else None
