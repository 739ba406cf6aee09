"""The sums under the rows of product interest."""

from api.product_interest.models import ProductInterest, ProductTotal, TypeTotal
from api.product_interest.queries import total_interest


def interest(customer_type: str, product: str, interactions: int, customers: int) -> ProductInterest:
    return ProductInterest(customer_type=customer_type, product=product, interactions=interactions, customers=customers)


def test_totals_are_the_sums_of_what_is_shown() -> None:
    totals = total_interest(
        [interest("Blue", "Sand", 3, 1), interest("Red", "Orange", 2, 2), interest("Red", "Sand", 12, 5)]
    )
    assert totals.interactions == 3 + 2 + 12
    assert totals.by_customer_type == [
        TypeTotal(customer_type="Blue", interactions=3),
        TypeTotal(customer_type="Red", interactions=2 + 12),
    ]
    assert totals.by_product == [
        ProductTotal(product="Orange", interactions=2, customers=2),
        ProductTotal(product="Sand", interactions=3 + 12, customers=1 + 5),
    ]


def test_nothing_sums_to_nothing() -> None:
    totals = total_interest([])
    assert totals.interactions == 0
    assert totals.by_customer_type == []
    assert totals.by_product == []
