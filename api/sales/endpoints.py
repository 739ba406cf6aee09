"""GET daily_sales, top_customers and product_metrics"""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from api.access.callers import Reader, reader
from api.database import DatabaseDependency
from api.errors import DatabaseAway, InternalError, InvalidRequest, TooSlow, documented
from api.kit.answers import json_answer
from api.kit.freshness import Fresh
from api.kit.pages import Limit, SmallRowsLimit
from api.kit.parameters import DaysDependency, Narrowing, PeriodDependency
from api.sales.models import DailySalesAnswer, ProductMetricsAnswer, TopCustomersAnswer
from api.sales.queries import (
    DailyOrder,
    ProductOrder,
    TopOrder,
    read_daily_sales,
    read_product_metrics,
    read_top_customers,
)

_SORT: Final = "What the rows are ordered by; with a leading `-` the largest or latest first."

router = APIRouter(tags=["sales"], dependencies=[Depends(reader), Fresh])


@router.get(
    "/daily_sales",
    summary="Sales per day and currency",
    response_model=DailySalesAnswer,
    responses=documented(InvalidRequest, DatabaseAway, TooSlow, InternalError),
)
async def list_daily_sales(
    *,
    database: DatabaseDependency,
    days: DaysDependency,
    currency: Narrowing,
    sort: Annotated[DailyOrder, Query(description=_SORT)] = "-day",
    limit: SmallRowsLimit,
) -> Response:
    """What was sold on each day (UTC), and to how many customers. Days without a sale have no row.

    Currencies are not converted: a day has a row for each.
    """
    rows = await read_daily_sales(database, days, currencies=currency, order=sort, limit=limit)
    return json_answer(DailySalesAnswer(data=rows, limit=limit))


@router.get(
    "/top_customers",
    summary="The customers who bought most",
    response_model=TopCustomersAnswer,
    responses=documented(InvalidRequest, DatabaseAway, TooSlow, InternalError),
)
async def list_top_customers(
    *,
    request: Request,
    caller: Reader,
    database: DatabaseDependency,
    customer_type: Narrowing,
    segment: Narrowing,
    country: Narrowing,
    sort: Annotated[TopOrder, Query(description=_SORT)] = "-lifetime_value",
    limit: Limit,
) -> Response:
    """Customers by lifetime value, which is the sum of all that they bought, or by another measure of it."""
    rows = await read_top_customers(
        database,
        request.app.state.reached,
        customer_types=customer_type,
        segments=segment,
        countries=country,
        order=sort,
        limit=limit,
    )
    return json_answer(TopCustomersAnswer(data=[caller.shown(row) for row in rows], limit=limit))


@router.get(
    "/product_metrics",
    summary="Sales per product",
    response_model=ProductMetricsAnswer,
    responses=documented(InvalidRequest, DatabaseAway, TooSlow, InternalError),
)
async def list_product_metrics(
    *,
    database: DatabaseDependency,
    period: PeriodDependency,
    category: Narrowing,
    sort: Annotated[ProductOrder, Query(description=_SORT)] = "-revenue",
    limit: Limit,
) -> Response:
    """How much was sold of each product, to how many customers, and when last.

    Without `from` and `to` this is a running total; with them it is counted from the stored facts. Transactions that
    name a category alone are not in it. Amounts are added as told, whatever their currencies.
    """
    rows = await read_product_metrics(database, period, categories=category, order=sort, limit=limit)
    return json_answer(ProductMetricsAnswer(data=rows, limit=limit))
