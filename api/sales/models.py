"""What sales look like in an answer."""

from datetime import date, datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from api.kit.answers import Amount, AnsweredId
from api.kit.masking import mask_name


class DailySales(BaseModel):
    """What was sold on one day in one currency."""

    day: date = Field(description="In UTC.")
    currency: str = Field(description="ISO 4217.")
    orders: int
    units: int
    revenue: Amount
    customers: int = Field(description="How many different customers bought.")


class DailySalesAnswer(BaseModel):
    """Answer of `GET daily_sales`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "data": [
                        {
                            "day": "2020-02-11",
                            "currency": "EUR",
                            "orders": 2,
                            "units": 3,
                            "revenue": 59.85,
                            "customers": 2,
                        }
                    ],
                    "limit": 100,
                }
            ]
        }
    )

    data: list[DailySales]
    limit: int = Field(description="Most rows of an answer.")


class TopCustomer(BaseModel):
    """What one customer bought; attributes are null where the customers stream says nothing."""

    customer_id: AnsweredId
    first_name: str | None
    last_name: str | None
    customer_type: str | None
    segment: str | None
    country: str | None
    lifetime_value: Amount = Field(description="Sum of all purchases, as told.")
    orders: int
    units: int
    average_order: Amount = Field(description="lifetime_value / orders, to 6 decimals.")
    first_purchase_date: date = Field(description="Day in UTC.")
    last_purchase_date: date = Field(description="Day in UTC.")

    def masked(self) -> Self:
        """The same without personal data."""
        names = {"first_name": self.first_name, "last_name": self.last_name}
        return self.model_copy(update={field: mask_name(name) for field, name in names.items() if name is not None})


class TopCustomersAnswer(BaseModel):
    """Answer of `GET top_customers`."""

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
                            "segment": "Regular",
                            "country": "FR",
                            "lifetime_value": 59.85,
                            "orders": 2,
                            "units": 3,
                            "average_order": 29.925,
                            "first_purchase_date": "2020-01-05",
                            "last_purchase_date": "2020-02-11",
                        }
                    ],
                    "limit": 10,
                }
            ]
        }
    )

    data: list[TopCustomer]
    limit: int = Field(description="Most rows of an answer.")


class ProductMetrics(BaseModel):
    """What was sold of one product; name and price are null where the products stream says nothing."""

    product_id: str
    name: str | None
    category: str = Field(description="`unknown` while no event has told it.")
    price: Amount | None = Field(description="What the products stream says now.")
    orders: int
    units: int
    revenue: Amount
    customers: int = Field(description="How many different customers bought it.")
    average_price: Amount = Field(description="revenue / units, to 6 decimals.")
    last_sold_at: datetime


class ProductMetricsAnswer(BaseModel):
    """Answer of `GET product_metrics`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "data": [
                        {
                            "product_id": "P1",
                            "name": "Kite",
                            "category": "Toys",
                            "price": 19.95,
                            "orders": 2,
                            "units": 3,
                            "revenue": 59.85,
                            "customers": 2,
                            "average_price": 19.95,
                            "last_sold_at": "2020-02-11T16:10:00Z",
                        }
                    ],
                    "limit": 10,
                }
            ]
        }
    )

    data: list[ProductMetrics]
    limit: int = Field(description="Most rows of an answer.")
