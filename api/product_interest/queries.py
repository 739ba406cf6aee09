"""The questions to Postgres about product interest, and the sums over their answers."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from api.database import Database, query_text
from api.product_interest.models import ProductInterest, ProductInterestTotals, ProductTotal, TypeTotal

_PRODUCT_INTEREST: Final = query_text("product_interest")


async def read_product_interest(
    database: Database, *, customer_types: Sequence[str], products: Sequence[str]
) -> list[ProductInterest]:
    """One row per customer type and product, in that order; an empty sequence does not narrow."""
    parameters = {"customer_types": list(customer_types) or None, "products": list(products) or None}
    return await database.fetch_all(_PRODUCT_INTEREST, ProductInterest, parameters)


def total_interest(rows: Sequence[ProductInterest]) -> ProductInterestTotals:
    """Sum what is shown."""
    by_type: Counter[str] = Counter()
    by_product: Counter[str] = Counter()
    customers: Counter[str] = Counter()
    for row in rows:
        by_type[row.customer_type] += row.interactions
        by_product[row.product] += row.interactions
        customers[row.product] += row.customers
    return ProductInterestTotals(
        interactions=by_type.total(),
        by_customer_type=[TypeTotal(customer_type=name, interactions=n) for name, n in sorted(by_type.items())],
        by_product=[
            ProductTotal(product=name, interactions=n, customers=customers[name])
            for name, n in sorted(by_product.items())
        ],
    )
