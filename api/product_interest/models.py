"""What product interest looks like in an answer."""

from pydantic import BaseModel, ConfigDict, Field


class ProductInterest(BaseModel):
    """How much customers of one type talked about one product."""

    customer_type: str = Field(description="`unknown` while no event has told the customer's type.")
    product: str
    interactions: int = Field(description="Interactions about the product.")
    customers: int = Field(description="How many customers of the type talked about it.")


class TypeTotal(BaseModel):
    """Sum over the products that are shown."""

    customer_type: str
    interactions: int


class ProductTotal(BaseModel):
    """Sum over the customer types that are shown."""

    product: str
    interactions: int
    customers: int


class ProductInterestTotals(BaseModel):
    """Sums over the rows that are shown.

    An interaction about two products counts for each of them. Customers are summed per product only: over several
    products the same customer would count again.
    """

    interactions: int
    by_customer_type: list[TypeTotal]
    by_product: list[ProductTotal]


class ProductInterestAnswer(BaseModel):
    """Answer of `GET product-interactions`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "data": [
                        {"customer_type": "Blue", "product": "Sand", "interactions": 3, "customers": 1},
                        {"customer_type": "Red", "product": "Sand", "interactions": 12, "customers": 5},
                    ],
                    "totals": {
                        "interactions": 15,
                        "by_customer_type": [
                            {"customer_type": "Blue", "interactions": 3},
                            {"customer_type": "Red", "interactions": 12},
                        ],
                        "by_product": [{"product": "Sand", "interactions": 15, "customers": 6}],
                    },
                }
            ]
        }
    )

    data: list[ProductInterest] = Field(description="In the order of customer type, then product.")
    totals: ProductInterestTotals
