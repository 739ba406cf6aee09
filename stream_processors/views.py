"""The running totals, each declared as what it is: a key, and measures over facts.

`interactions` has the columns customer_id, channel, occurred_at, product, count, revenue, partition;
`interaction_topics` repeats an interaction for each product that it talks about.
"""

from typing import Final

from stream_processors.fold import First, Kind, Last, Sum, Told, View

UNKNOWN_TYPE: Final = "unknown"

#: Of interactions.
CHANNEL_TOTALS: Final = View(
    "channel_totals",
    key={"customer_id": Kind.TEXT, "channel": Kind.TEXT},
    measures=(
        Sum("interactions", of="count"),
        Sum("revenue", of="revenue", kind=Kind.NUMERIC),
        First("first_at", of="occurred_at"),
        Last("last_at", of="occurred_at"),
    ),
    table="channel_totals",
    recompute="verify/channel_totals.sql",
)

#: Of interaction_topics. The partition follows from the customer; it is in the key because re-attribution groups by it.
TOPIC_TOTALS: Final = View(
    "topic_totals",
    key={"customer_id": Kind.TEXT, "channel": Kind.TEXT, "product": Kind.TEXT, "partition": Kind.BIGINT},
    measures=(Sum("interactions", of="count"),),
    table="topic_totals",
)

#: Of interaction_topics: what product interest is rolled up from. Kept in memory only, as topic totals say the same.
CUSTOMER_PRODUCTS: Final = View(
    "customer_products",
    key={"customer_id": Kind.TEXT, "product": Kind.TEXT, "partition": Kind.BIGINT},
    measures=(Sum("interactions", of="count"),),
    load="""
        SELECT customer_id, product, partition, sum(interactions)::bigint
        FROM topic_totals AS t
        JOIN unnest(%s::text[], %s::text[], %s::bigint[]) AS k (customer_id, product, partition)
        USING (customer_id, product, partition)
        GROUP BY customer_id, product, partition
    """,
)

#: Of customer_products, by the type of the customer: see `interest`.
PRODUCT_INTEREST: Final = View(
    "product_interest",
    key={"customer_type": Kind.TEXT, "product": Kind.TEXT, "partition": Kind.BIGINT},
    measures=(Sum("interactions", of="interactions"), Sum("customers", of="customers")),
    table="product_interest_parts",
)

#: The type of each customer; the customers stream writes it with the other attributes.
CUSTOMER_TYPES: Final = View(
    "customer_types",
    key={"customer_id": Kind.TEXT},
    measures=(Told("customer_type", of="customer_type", zero=UNKNOWN_TYPE),),
    load="""
        SELECT customer_id, customer_type
        FROM customers JOIN unnest(%s::text[]) AS k (customer_id) USING (customer_id)
        WHERE customer_type IS NOT NULL
    """,
)

ALL: Final = (CHANNEL_TOTALS, TOPIC_TOTALS, CUSTOMER_PRODUCTS, PRODUCT_INTEREST, CUSTOMER_TYPES)
