"""The questions to Postgres about sales."""

from collections.abc import Sequence
from typing import Any, Final, Literal

from api.database import Database, query_text
from api.kit.parameters import Days, Period
from api.sales.by_value import Reached, find_by_value, read_by_value
from api.sales.models import DailySales, ProductMetrics, TopCustomer

_DAILY_SALES: Final = query_text("daily_sales")
_TOP_CUSTOMERS: Final = query_text("top_customers")
_PRODUCT_METRICS: Final = query_text("product_metrics")
_PRODUCT_METRICS_NARROWED: Final = query_text("product_metrics_narrowed")

#: By what each list may be ordered; the queries know the same names, without the `-`.
DailyOrder = Literal[
    "day", "-day", "orders", "-orders", "units", "-units", "revenue", "-revenue", "customers", "-customers"
]
TopOrder = Literal[
    "lifetime_value",
    "-lifetime_value",
    "orders",
    "-orders",
    "units",
    "-units",
    "average_order",
    "-average_order",
    "last_purchase_date",
    "-last_purchase_date",
]
ProductOrder = Literal[
    "revenue",
    "-revenue",
    "orders",
    "-orders",
    "units",
    "-units",
    "customers",
    "-customers",
    "average_price",
    "-average_price",
    "last_sold_at",
    "-last_sold_at",
]


async def read_daily_sales(
    database: Database, days: Days, *, currencies: Sequence[str], order: DailyOrder, limit: int
) -> list[DailySales]:
    """One row per day and currency that had sales; an empty sequence does not narrow."""
    parameters = {"days_from": days.start, "days_to": days.end, "currencies": list(currencies) or None}
    return await database.fetch_all(_DAILY_SALES, DailySales, {**parameters, **_ordered(order), "most": limit})


async def read_top_customers(
    database: Database,
    reached: Reached,
    *,
    customer_types: Sequence[str],
    segments: Sequence[str],
    countries: Sequence[str],
    order: TopOrder,
    limit: int,
) -> list[TopCustomer]:
    """One row per customer who bought anything; an empty sequence does not narrow."""
    filters = {
        "customer_types": list(customer_types) or None,
        "segments": list(segments) or None,
        "countries": list(countries) or None,
    }
    if order == "-lifetime_value":
        if not any(filters.values()):
            return await read_by_value(database, reached, most=limit)
        if found := await find_by_value(database, reached, filters, most=limit):
            return found
    return await database.fetch_all(_TOP_CUSTOMERS, TopCustomer, {**filters, **_ordered(order), "most": limit})


async def read_product_metrics(
    database: Database, period: Period, *, categories: Sequence[str], order: ProductOrder, limit: int
) -> list[ProductMetrics]:
    """One row per product that was sold (in the period, if it is bounded); an empty sequence does not narrow."""
    parameters = {"sold_from": period.start, "sold_to": period.end, "categories": list(categories) or None}
    query = _PRODUCT_METRICS_NARROWED if period.bounded else _PRODUCT_METRICS
    return await database.fetch_all(query, ProductMetrics, {**parameters, **_ordered(order), "most": limit})


def _ordered(order: str) -> dict[str, Any]:
    return {"sorted_by": order.removeprefix("-"), "direction": -1 if order.startswith("-") else 1}
