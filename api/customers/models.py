"""What customers look like in an answer."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from api.analytics.models import PERIODS_EXAMPLE, NextBestCategory, RevenuePeriods
from api.kit.answers import Amount, AnsweredId
from api.kit.masking import mask_address, mask_date, mask_email, mask_name, mask_phone
from api.kit.pages import Keyset, Page

_MASKS: Final[dict[str, Callable[[str], str]]] = {
    "first_name": mask_name,
    "last_name": mask_name,
    "email": mask_email,
    "phone": mask_phone,
    "address": mask_address,
    "date_of_birth": mask_date,
}

_PROFILE: Final[dict[str, Any]] = {
    "customer_id": 1,
    "first_name": "J***",
    "last_name": "D***",
    "email": "j***@***",
    "phone": "***67",
    "address": "***",
    "date_of_birth": "1980-**-**",
    "account_balance": 1250.50,
    "occupation": "Jedi",
    "customer_type": "Red",
    "segment": None,
    "industry": None,
    "country": "FR",
    "account_id": None,
    "created_at": "2019-10-01T00:00:00Z",
}


class Profile(BaseModel):
    """What the customers stream says of a customer; null where it says nothing. Personal data is masked."""

    customer_id: AnsweredId
    first_name: str | None
    last_name: str | None
    email: str | None
    phone: str | None
    address: str | None
    date_of_birth: str | None
    account_balance: Amount | None = Field(description="In the account's own currency.")
    occupation: str | None
    customer_type: str | None
    segment: str | None
    industry: str | None
    country: str | None
    account_id: str | None
    created_at: datetime | None = Field(description="When the source says the customer came into being.")

    def masked(self) -> Self:
        """The same without personal data."""
        told = ((name, mask, getattr(self, name)) for name, mask in _MASKS.items())
        return self.model_copy(update={name: mask(value) for name, mask, value in told if value is not None})


class ChannelTotals(BaseModel):
    """What a customer did on one channel."""

    channel: str
    interactions: int
    revenue: Amount = Field(description="In EUR.")
    first_at: datetime
    last_at: datetime


class TopicTotals(BaseModel):
    """How much a customer talked about one product."""

    product: str
    interactions: int
    by_channel: dict[str, int]


class Purchases(BaseModel):
    """What a customer bought so far; amounts are added as told, whatever their currencies."""

    orders: int
    units: int
    amount: Amount
    average_order: Amount = Field(description="amount / orders, to 6 decimals.")
    first_purchase_date: date = Field(description="Day in UTC.")
    last_purchase_date: date = Field(description="Day in UTC.")


class CategoryAmounts(BaseModel):
    """What a customer bought in one product category."""

    category: str = Field(description="`unknown` while no event has told the category of the product.")
    orders: int
    units: int
    amount: Amount


class SegmentChange(BaseModel):
    """A move from one segment to another; null: none."""

    changed_at: datetime = Field(description="When the event that told it was written to its topic.")
    old_segment: str | None
    new_segment: str | None


class Customer(Profile):
    """Everything that is known of a customer."""

    channels: list[ChannelTotals] = Field(description="The channels that the customer used, first used first.")
    topics: list[TopicTotals] = Field(description="The products talked about, most first.")
    lifetime_value: Amount = Field(description="Sum of all purchases, as told.")
    purchases: Purchases | None = Field(description="Null: bought nothing yet.")
    categories: list[CategoryAmounts] = Field(description="The categories bought from, largest amount first.")
    segment_changes: list[SegmentChange] = Field(description="Newest first; the first segment is no change.")
    revenue: RevenuePeriods = Field(description="By period, as of today.")
    next_best_category: NextBestCategory | None = Field(
        description="What the customer will most likely buy next; null while nobody bought anything."
    )


class CustomerAnswer(BaseModel):
    """Answer of `GET customers/{customer_id}`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "data": {
                        **_PROFILE,
                        "channels": [
                            {
                                "channel": "Email",
                                "interactions": 1,
                                "revenue": 0,
                                "first_at": "2019-10-04T09:00:00Z",
                                "last_at": "2019-10-04T09:00:00Z",
                            }
                        ],
                        "topics": [{"product": "Sand", "interactions": 1, "by_channel": {"Email": 1}}],
                        "lifetime_value": 59.85,
                        "purchases": {
                            "orders": 2,
                            "units": 3,
                            "amount": 59.85,
                            "average_order": 29.925,
                            "first_purchase_date": "2020-01-05",
                            "last_purchase_date": "2020-02-11",
                        },
                        "categories": [{"category": "Toys", "orders": 2, "units": 3, "amount": 59.85}],
                        "segment_changes": [
                            {"changed_at": "2020-02-01T08:00:00Z", "old_segment": "New", "new_segment": "Regular"}
                        ],
                        "revenue": PERIODS_EXAMPLE,
                        "next_best_category": {
                            "category": "Toys",
                            "probability": 0.6,
                            "popularity": 0.5,
                            "bought_before": True,
                            "evidence": [],
                        },
                    }
                }
            ]
        }
    )

    data: Customer


class CustomersPage(Page[Profile]):
    """Answer of `GET customers`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"data": [_PROFILE], "total": 25, "page": 1, "limit": 10, "total_pages": 3}]}
    )


class CustomersKeyset(Keyset[Profile]):
    """Answer of `GET customers?after=`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"data": [_PROFILE], "limit": 10, "after": "WyIxIl0"}]})


class TimelineInteraction(BaseModel):
    """A customer was in touch."""

    kind: Literal["interaction"] = "interaction"
    event_id: str = Field(description="The event's id as its source told it.")
    occurred_at: datetime
    channel: str
    product: str | None = Field(description="As told; null: whatever was discussed in its month.")
    count: int = Field(description="How many contacts this stands for.")
    revenue: Amount | None = Field(description="In EUR.")


class TimelineTransaction(BaseModel):
    """A customer bought something."""

    kind: Literal["transaction"] = "transaction"
    transaction_id: str = Field(description="The transaction's id as its source told it.")
    occurred_at: datetime
    product_id: str | None
    category: str | None = Field(description="As told; null: the category of the product.")
    quantity: int
    amount: Amount = Field(description="Of all units together; negative for refunds.")
    currency: str


#: One thing that a customer did.
TimelineEntry = Annotated[TimelineInteraction | TimelineTransaction, Field(discriminator="kind")]


class Timeline(Keyset[TimelineEntry]):
    """Answer of `GET customers/{customer_id}/timeline`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "data": [
                        {
                            "kind": "transaction",
                            "transaction_id": "t-77",
                            "occurred_at": "2020-02-11T16:10:00Z",
                            "product_id": "P1",
                            "category": None,
                            "quantity": 2,
                            "amount": 39.90,
                            "currency": "EUR",
                        },
                        {
                            "kind": "interaction",
                            "event_id": "e-1001",
                            "occurred_at": "2019-10-04T09:00:00Z",
                            "channel": "Email",
                            "product": None,
                            "count": 1,
                            "revenue": None,
                        },
                    ],
                    "limit": 20,
                    "after": None,
                }
            ]
        }
    )
