"""What derived analytics look like in an answer."""

from datetime import date, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.kit.answers import Amount, AnsweredId
from api.kit.pages import Page

_REFRESHED: Final[dict[str, Any]] = {
    "refreshed_at": "2024-03-01T08:59:30Z",
    "age_seconds": 12.5,
    "as_of": "2024-03-01",
    "position": "customers:0@25,interactions:0@41,transactions:0@1000",
}
_CURRENCIES: Final = Field(
    description="In which currencies anybody bought anything; with more than one, amounts are added as told."
)

Category = Literal["Low", "Mid", "High"]


class Refreshed(BaseModel):
    """How old an answer is that was computed before it was asked for."""

    refreshed_at: datetime = Field(description="When it was computed: everything committed before is in it.")
    age_seconds: Amount = Field(description="How long ago that is.")
    as_of: date = Field(description="What today was then (UTC), for what depends on it.")
    position: str = Field(description="How far the totals were then, as in the header C360-Position.")


class IndustryRevenue(BaseModel):
    """What one industry brought in."""

    industry: str = Field(description="`unknown`: of customers whose industry no event has told.")
    place: int | None = Field(description="1: the highest revenue; equal revenues share a place; null for `unknown`.")
    customers: int
    revenue: Amount = Field(description="Of interactions and purchases, as told.")
    revenue_percent: Amount | None = Field(description="Of all revenue; null where that is 0.")
    revenue_category: Category | None = Field(
        description="Low: below the first quartile of the industries; High: above the third; null for `unknown`."
    )
    customers_category: Category | None = Field(description="The same for the numbers of customers.")


class IndustriesAnswer(Refreshed):
    """Answer of `GET analytics/industries`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_REFRESHED,
                    "currencies": ["EUR"],
                    "data": [
                        {
                            "industry": "Banking",
                            "place": 1,
                            "customers": 7,
                            "revenue": 1834.50,
                            "revenue_percent": 61.15,
                            "revenue_category": "High",
                            "customers_category": "Mid",
                        }
                    ],
                }
            ]
        }
    )

    currencies: list[str] = _CURRENCIES
    data: list[IndustryRevenue] = Field(description="Highest revenue first, `unknown` last.")


class SegmentShare(BaseModel):
    """How many customers are in one segment."""

    segment: str = Field(description="`unknown`: customers whose segment no event has told.")
    customers: int
    customers_percent: Amount = Field(description="Of all customers, to 2 decimals.")


class SegmentsAnswer(Refreshed):
    """Answer of `GET analytics/segments`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{**_REFRESHED, "data": [{"segment": "SMB", "customers": 12, "customers_percent": 48.00}]}]
        }
    )

    data: list[SegmentShare] = Field(description="Most customers first.")


class SegmentMover(BaseModel):
    """A customer who changed the segment."""

    customer_id: AnsweredId
    changes: int = Field(description="How often, within the 12 months.")
    last_changed_at: datetime
    old_segment: str | None = Field(description="Before the first of these changes; null: none.")
    new_segment: str | None = Field(description="After the last of them; null: none.")


class SegmentMoversPage(Refreshed, Page[SegmentMover]):
    """Answer of `GET analytics/segment-movers`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "data": [
                        {
                            "customer_id": 1,
                            "changes": 1,
                            "last_changed_at": "2024-02-01T08:00:00Z",
                            "old_segment": "New",
                            "new_segment": "Regular",
                        }
                    ],
                    "total": 1,
                    "page": 1,
                    "limit": 10,
                    "total_pages": 1,
                    **_REFRESHED,
                }
            ]
        }
    )


class RankedCustomer(BaseModel):
    """A customer among those with the highest revenue."""

    customer_id: AnsweredId
    place: int = Field(description="1: the highest revenue; equal revenues share a place.")
    revenue: Amount = Field(description="Of interactions and purchases, as told.")


class TopRevenueCustomer(RankedCustomer):
    """One of the 20."""

    segment: str
    industry: str


class TopRevenueAnswer(Refreshed):
    """Answer of `GET analytics/top-customers`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_REFRESHED,
                    "currencies": ["EUR"],
                    "data": [
                        {
                            "customer_id": 1,
                            "place": 1,
                            "revenue": 1203.85,
                            "segment": "Regular",
                            "industry": "Banking",
                        }
                    ],
                }
            ]
        }
    )

    currencies: list[str] = _CURRENCIES
    data: list[TopRevenueCustomer]


class SteadyCustomersPage(Refreshed, Page[RankedCustomer]):
    """Answer of `GET analytics/steady-customers`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "data": [{"customer_id": 1, "place": 1, "revenue": 1203.85}],
                    "total": 1,
                    "page": 1,
                    "limit": 10,
                    "total_pages": 1,
                    **_REFRESHED,
                    "currencies": ["EUR"],
                    "top_10_percent": 3,
                }
            ]
        }
    )

    currencies: list[str] = _CURRENCIES
    top_10_percent: int = Field(description="How many customers the top 10 % are, steady or not.")


class ColumnStatistics(BaseModel):
    """How the numbers of one column are distributed; amounts per currency."""

    table_name: str
    column_name: str
    currency: str | None = Field(description="Null: no money, or a currency that is not told.")
    count: int = Field(description="Rows that have a value.")
    missing: int = Field(description="Rows that have none.")
    min: Amount | None
    max: Amount | None
    mean: Amount | None = Field(description="To 6 decimals.")
    stddev: Amount | None = Field(description="Of a sample, to 6 decimals; null for less than two values.")
    q1: Amount | None = Field(description="First quartile, interpolated.")
    median: Amount | None
    q3: Amount | None = Field(description="Third quartile, interpolated.")


class StatisticsAnswer(Refreshed):
    """Answer of `GET analytics/statistics`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_REFRESHED,
                    "data": [
                        {
                            "table_name": "transactions",
                            "column_name": "amount",
                            "currency": "EUR",
                            "count": 1000,
                            "missing": 0,
                            "min": -12.50,
                            "max": 980,
                            "mean": 61.237,
                            "stddev": 84.02,
                            "q1": 14.9,
                            "median": 31.5,
                            "q3": 75,
                        }
                    ],
                }
            ]
        }
    )

    data: list[ColumnStatistics]


class MonthlyReport(BaseModel):
    """What the business questions were answered with after the end of a month."""

    month: date = Field(description="First day of the month.")
    made_at: datetime = Field(description="Facts that came later are not in it.")
    report: dict[str, Any] = Field(description="Revenue, industries, segments, moves, the best customers as numbers.")


class MonthlyReportsAnswer(BaseModel):
    """Answer of `GET analytics/monthly-reports`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "data": [
                        {
                            "month": "2024-02-01",
                            "made_at": "2024-03-01T09:00:00Z",
                            "report": {"revenue": {"month": 1834.50, "month_before": 1600, "year_to_date": 3434.50}},
                        }
                    ],
                    "limit": 12,
                }
            ]
        }
    )

    data: list[MonthlyReport] = Field(description="Newest first.")
    limit: int


class RevenuePeriods(BaseModel):
    """What a customer brought in, in the periods around a day; interactions and purchases, as told."""

    as_of: date = Field(description="Last day that counts (UTC).")
    last_month: Amount = Field(description="The calendar month before that of as_of.")
    last_quarter: Amount = Field(description="The calendar quarter before that of as_of.")
    quarter_before: Amount = Field(description="The one before last_quarter.")
    month_to_date: Amount = Field(description="From the first day of the month, as_of included.")
    year_to_date: Amount = Field(description="From 1 January, as_of included.")
    quarter_over_quarter: Amount | None = Field(
        description="By how many percent of quarter_before last_quarter is above it; null where that is 0."
    )


class CustomerRevenue(RevenuePeriods):
    """The periods of one customer."""

    customer_id: AnsweredId
    last_updated: datetime | None = Field(
        description="When interactions or purchases were last committed to the totals; null: never."
    )


PERIODS_EXAMPLE: Final[dict[str, Any]] = {
    "as_of": "2020-04-01",
    "last_month": 0,
    "last_quarter": 59.85,
    "quarter_before": 0,
    "month_to_date": 0,
    "year_to_date": 59.85,
    "quarter_over_quarter": None,
}


class CustomerRevenueAnswer(BaseModel):
    """Answer of `GET customers/{customer_id}/revenue`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"data": {**PERIODS_EXAMPLE, "customer_id": 1, "last_updated": "2020-04-01T07:15:00Z"}}]
        }
    )

    data: CustomerRevenue


class Evidence(BaseModel):
    """Why a category is likely: one of those that the customer bought lately leads to it."""

    category: str = Field(description="Bought by the customer.")
    purchases: int = Field(description="How many of the customer's last five purchases that is.")
    times: int = Field(description="How often anybody bought the likely category within five purchases after this one.")
    support: Amount = Field(description="That as a share of all such pairs.")
    confidence: Amount = Field(description="Probability that it follows this one.")
    lift: Amount = Field(description="That, by its probability after any category: above 1, this one leads to it.")


class NextBestCategory(BaseModel):
    """A category that a customer may buy next."""

    category: str
    probability: Amount = Field(description="That the next purchase is of this category.")
    popularity: Amount = Field(description="Share of all purchases that are.")
    bought_before: bool = Field(description="Whether the customer has bought it before.")
    evidence: list[Evidence] = Field(description="Strongest first; empty for a customer who bought nothing yet.")


class NextBestAnswer(Refreshed):
    """Answer of `GET customers/{customer_id}/next-best-category`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **_REFRESHED,
                    "data": [
                        {
                            "category": "Apps & Games",
                            "probability": 0.31,
                            "popularity": 0.18,
                            "bought_before": False,
                            "evidence": [
                                {
                                    "category": "Electronics",
                                    "purchases": 2,
                                    "times": 310,
                                    "support": 0.041,
                                    "confidence": 0.35,
                                    "lift": 1.94,
                                }
                            ],
                        }
                    ],
                    "limit": 3,
                }
            ]
        }
    )

    data: list[NextBestCategory] = Field(description="Likeliest first; a repeat is possible.")
    limit: int = Field(description="Most rows of an answer.")
