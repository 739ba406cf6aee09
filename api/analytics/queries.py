"""The questions to Postgres about what is derived."""

from dataclasses import dataclass
from datetime import date
from typing import Final, TypeVar

from api.analytics.models import (
    ColumnStatistics,
    CustomerRevenue,
    IndustryRevenue,
    MonthlyReport,
    NextBestCategory,
    RankedCustomer,
    Refreshed,
    SegmentMover,
    SegmentShare,
    TopRevenueCustomer,
)
from api.database import Database, query_text
from events.errors import Unavailable

_REFRESHED: Final = query_text("refreshed")
_CURRENCIES: Final = query_text("currencies")
_INDUSTRIES: Final = query_text("industry_revenue")
_SEGMENTS: Final = query_text("segment_shares")
_MOVERS: Final = query_text("segment_movers")
_MOVERS_COUNT: Final = query_text("segment_movers_count")
_TOP: Final = query_text("top_20_customers")
_STEADY: Final = query_text("steady_customers")
_STEADY_COUNT: Final = query_text("steady_customers_count")
_STATISTICS: Final = query_text("column_statistics")
_REPORTS: Final = query_text("monthly_reports")
_REVENUE: Final = query_text("customer_revenue")
_NEXT_BEST: Final = query_text("next_best_categories")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Currency:
    currency: str


@dataclass(frozen=True, slots=True)
class _Total:
    total: int


@dataclass(frozen=True, slots=True)
class SteadyTotals:
    """How many the top 10 % are, and how many of them had revenue in every month."""

    top_10_percent: int
    total: int


async def read_refreshed(database: Database, view: str) -> Refreshed:
    """How old a materialized view is; ask before it is read, then it is no older than that.

    Raises: Unavailable.
    """
    refreshed = await database.fetch_one(_REFRESHED, Refreshed, {"view": view})
    if refreshed is None:
        raise Unavailable(f"{view} was never refreshed: `c360 refresh` does it")
    return refreshed


async def read_currencies(database: Database) -> list[str]:
    """In which currencies anybody bought anything."""
    return [row.currency for row in await database.fetch_all(_CURRENCIES, _Currency)]


async def read_industries(database: Database) -> list[IndustryRevenue]:
    """One row per industry, highest revenue first."""
    return await database.fetch_all(_INDUSTRIES, IndustryRevenue)


async def read_segments(database: Database) -> list[SegmentShare]:
    """One row per segment, most customers first."""
    return await database.fetch_all(_SEGMENTS, SegmentShare)


async def count_movers(database: Database) -> int:
    """How many customers changed the segment in the last 12 months."""
    return await _total(database, _MOVERS_COUNT)


async def read_movers(database: Database, *, limit: int, skip: int) -> list[SegmentMover]:
    """They, latest first."""
    return await database.fetch_all(_MOVERS, SegmentMover, {"most": limit, "skip": skip})


async def read_top_20(database: Database) -> list[TopRevenueCustomer]:
    """The 20 customers with the highest revenue."""
    return await database.fetch_all(_TOP, TopRevenueCustomer)


async def count_steady(database: Database) -> SteadyTotals:
    """How many the top 10 % are, and how many of them had revenue in every month."""
    return await database.fetch_one(_STEADY_COUNT, SteadyTotals) or SteadyTotals(0, 0)


async def read_steady(database: Database, *, limit: int, skip: int) -> list[RankedCustomer]:
    """Those of the top 10 % with revenue in every one of the last 12 months, highest revenue first."""
    return await database.fetch_all(_STEADY, RankedCustomer, {"most": limit, "skip": skip})


async def read_statistics(database: Database) -> list[ColumnStatistics]:
    """One row per numeric column and currency."""
    return await database.fetch_all(_STATISTICS, ColumnStatistics)


async def read_reports(database: Database, *, limit: int) -> list[MonthlyReport]:
    """The monthly reports, newest first."""
    return await database.fetch_all(_REPORTS, MonthlyReport, {"most": limit})


async def read_revenue(database: Database, customer_id: str, *, as_of: date | None) -> CustomerRevenue | None:
    """The periods of a customer, or None for one nobody has heard of.

    Args:
        as_of: None: today.
    """
    return await database.fetch_one(_REVENUE, CustomerRevenue, {"customer_id": customer_id, "as_of": as_of})


async def read_next_best(database: Database, customer_id: str, *, limit: int) -> list[NextBestCategory]:
    """What the customer may buy next, likeliest first."""
    return await database.fetch_all(_NEXT_BEST, NextBestCategory, {"customer_id": customer_id, "most": limit})


async def _total(database: Database, query: bytes) -> int:
    counted = await database.fetch_one(query, _Total)
    return counted.total if counted else 0
