"""What the dashboard's own questions look like in an answer."""

from datetime import date, datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from api.kit.answers import Amount, AnsweredId
from api.kit.masking import mask_name


class ChannelActivity(BaseModel):
    """What all customers together did on one channel."""

    channel: str
    interactions: int


class CurrencySales(BaseModel):
    """What was sold so far in one currency."""

    currency: str = Field(description="ISO 4217.")
    orders: int
    units: int
    revenue: Amount


class Outcomes(BaseModel):
    """What became of the events that were read so far; their sum grows with every event."""

    new: int = Field(description="Told a fact for the first time.")
    repeated: int = Field(description="Changed nothing.")
    corrected: int = Field(description="Replaced an earlier version of their fact.")
    withdrawn: int = Field(description="Took a fact away.")
    rejected: int = Field(description="Broke the contract, and were set aside.")


class Overview(BaseModel):
    """How much there is altogether."""

    customers: int = Field(description="Customers that the customers stream has told of, without those forgotten.")
    interactions: int
    channels: list[ChannelActivity] = Field(description="Every known channel, the one first used first.")
    sales: list[CurrencySales] = Field(description="The currency with most orders first.")
    events: Outcomes
    refused: int = Field(description="Events, and rows of sources, that were refused so far.")
    last_refused_at: datetime | None
    committed_at: datetime | None = Field(description="When the totals last changed; null: never yet.")


class OverviewAnswer(BaseModel):
    """Answer of `GET overview`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "data": {
                        "customers": 5,
                        "interactions": 4,
                        "channels": [
                            {"channel": "Email", "interactions": 3},
                            {"channel": "Call", "interactions": 1},
                        ],
                        "sales": [{"currency": "EUR", "orders": 2, "units": 3, "revenue": 59.85}],
                        "events": {"new": 11, "repeated": 0, "corrected": 0, "withdrawn": 0, "rejected": 1},
                        "refused": 1,
                        "last_refused_at": "2020-02-11T16:10:00.5Z",
                        "committed_at": "2020-02-11T16:10:00.5Z",
                    }
                }
            ]
        }
    )

    data: Overview


class FoundCustomer(BaseModel):
    """One customer that may be meant; attributes are null where the customers stream says nothing."""

    customer_id: AnsweredId
    first_name: str | None
    last_name: str | None
    customer_type: str | None
    segment: str | None
    country: str | None

    def masked(self) -> Self:
        """The same without personal data."""
        names = {"first_name": self.first_name, "last_name": self.last_name}
        return self.model_copy(update={field: mask_name(name) for field, name in names.items() if name is not None})


class SearchAnswer(BaseModel):
    """Answer of `GET search`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "data": [
                        {
                            "customer_id": 1,
                            "first_name": "J***",
                            "last_name": "D***",
                            "customer_type": "Red",
                            "segment": None,
                            "country": "FR",
                        }
                    ],
                    "limit": 8,
                }
            ]
        }
    )

    data: list[FoundCustomer]
    limit: int = Field(description="Most rows of an answer.")


class DailyRevenue(BaseModel):
    """What a customer did on one day."""

    day: date = Field(description="In UTC.")
    revenue: Amount = Field(description="Of interactions and purchases together, as told.")
    interactions: int


class DailyRevenueAnswer(BaseModel):
    """Answer of `GET customers/{customer_id}/daily_revenue`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"data": [{"day": "2020-02-11", "revenue": 39.90, "interactions": 2}], "limit": 100}]
        }
    )

    data: list[DailyRevenue] = Field(description="Newest first; days on which nothing happened have no row.")
    limit: int = Field(description="Most rows of an answer.")
