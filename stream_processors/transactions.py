"""Transactions: what customers bought, per customer, category, day and product."""

from collections.abc import Sequence
from typing import Any

from events import topics
from events.contracts import Transaction
from events.identity import canonical_id, fact_ids
from stream_processors.binary import days_of, micros
from stream_processors.fact_stream import FactStream
from stream_processors.facts import Facts, FactTable, shared
from stream_processors.fold import Kind, Source
from stream_processors.totals import Sources
from stream_processors.unit_of_work import UnitOfWork


class Transactions(FactStream):
    """The stream of purchases."""

    topic = topics.TRANSACTIONS.name
    table = FactTable(
        "transactions",
        {
            "transaction_id": Kind.UUID,
            "occurred_at": Kind.MOMENT,
            "quantity": Kind.INTEGER,
            "partition": Kind.SMALLINT,
            "customer_id": Kind.TEXT,
            "product_id": Kind.TEXT,
            "category": Kind.TEXT,
            "amount": Kind.NUMERIC,
            "currency": Kind.TEXT,
            "source_id": Kind.TEXT,
        },
    )

    def read(self, events: Sequence[Any], partition: int) -> Facts:
        """The columns of table transactions."""
        transactions: Sequence[Transaction] = events
        ids, source_ids = fact_ids([event.transaction_id for event in transactions])
        return Facts(
            {
                "transaction_id": ids,
                "occurred_at": [micros(event.occurred_at) for event in transactions],
                "quantity": [event.quantity for event in transactions],
                "partition": [partition] * len(transactions),
                "customer_id": shared([event.customer_id for event in transactions]),
                "product_id": shared([event.product_id for event in transactions]),
                "category": shared([event.category for event in transactions]),
                "amount": [event.amount for event in transactions],
                "currency": shared([event.currency for event in transactions]),
                "source_id": source_ids,
            }
        )

    def fits(self, facts: Facts) -> bool:
        """A product or a category is told, and products are in canonical form."""
        products = set(facts["product_id"]) - {None}
        return all(canonical_id(product) == product for product in products) and not any(
            product is None and category is None
            for product, category in zip(facts["product_id"], facts["category"], strict=True)
        )

    async def sources(self, unit: UnitOfWork, facts: Facts | None) -> Sources:  # noqa: ARG002
        """TRANSACTIONS: customer_id, occurred_at, day, product, category, units, revenue, currency, partition.

        interactions is 0. PRODUCT_TRANSACTIONS: the same, of those that name a product.
        """
        if facts is None:
            return {}
        transactions: dict[str, list[Any]] = {
            "customer_id": facts["customer_id"],
            "occurred_at": facts["occurred_at"],
            "day": days_of(facts["occurred_at"]),
            "product": facts["product_id"],
            "category": self._catalogue.categories(facts["category"], facts["product_id"]),
            "units": facts["quantity"],
            "revenue": facts["amount"],
            "currency": facts["currency"],
            "interactions": [0] * len(facts),
            "partition": facts["partition"],
        }
        places = [place for place, product in enumerate(facts["product_id"]) if product is not None]
        if not places:
            return {Source.TRANSACTIONS: transactions}
        of_products = transactions
        if len(places) < len(facts):
            of_products = {name: [values[place] for place in places] for name, values in transactions.items()}
        return {Source.TRANSACTIONS: transactions, Source.PRODUCT_TRANSACTIONS: of_products}
