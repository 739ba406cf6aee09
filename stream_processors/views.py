"""The running totals, each declared as what it is: a key, and measures over the facts of a source.

The table of each, and the same question asked of the facts, stand in sql/totals/. To add one: docs/adding-a-view.md.
Columns of the sources: `interactions.Interactions.sources`, `transactions.Transactions.sources`.
"""

from typing import Final

from stream_processors.fold import Count, Distinct, First, Kind, Last, Members, Source, Sum, Told, View

UNKNOWN: Final = "unknown"

CHANNEL_TOTALS: Final = View(
    "channel_totals",
    key={"customer_id": Kind.TEXT, "channel": Kind.TEXT},
    measures=(
        Sum("interactions", of="interactions"),
        Sum("revenue", of="revenue", kind=Kind.NUMERIC),
        First("first_at", of="occurred_at"),
        Last("last_at", of="occurred_at"),
    ),
    sources=(Source.INTERACTIONS,),
    table="channel_totals",
)

#: Of all customers together: one number per channel that nobody has to add up over a million of them.
CHANNEL_ACTIVITY: Final = View(
    "channel_activity",
    key={"channel": Kind.TEXT, "partition": Kind.SMALLINT},
    measures=(Sum("interactions", of="interactions"),),
    sources=(Source.INTERACTIONS,),
    table="channel_activity_parts",
)

TOPIC_TOTALS: Final = View(
    "topic_totals",
    key={"customer_id": Kind.TEXT, "channel": Kind.TEXT, "product": Kind.TEXT, "partition": Kind.SMALLINT},
    measures=(Sum("interactions", of="interactions"),),
    sources=(Source.INTERACTION_TOPICS,),
    table="topic_totals",
)

#: Who talks about what. Topic totals say the same, channel by channel.
INTERESTED: Final = Members(
    "interested",
    key={"customer_id": Kind.TEXT, "product": Kind.TEXT, "partition": Kind.SMALLINT},
    known="""
        SELECT DISTINCT customer_id, product, partition
        FROM topic_totals
        JOIN unnest(%s::text[], %s::text[], %s::smallint[]) AS k (customer_id, product, partition)
        USING (customer_id, product, partition)
    """,
    all_of="SELECT DISTINCT customer_id, product, partition FROM topic_totals WHERE customer_id = ANY(%s)",
    remaining="""
        SELECT DISTINCT customer_id, product, partition
        FROM interaction_topics
        JOIN unnest(%s::text[], %s::text[], %s::smallint[]) AS k (customer_id, product, partition)
        USING (customer_id, product, partition)
    """,
)

PRODUCT_INTEREST: Final = View(
    "product_interest",
    key={"customer_type": Kind.TEXT, "product": Kind.TEXT, "partition": Kind.SMALLINT},
    measures=(Sum("interactions", of="interactions"), Distinct("customers", INTERESTED)),
    sources=(Source.INTERACTION_TOPICS,),
    table="product_interest_parts",
)

CUSTOMER_PURCHASES: Final = View(
    "customer_purchases",
    key={"customer_id": Kind.TEXT},
    measures=(
        Count("orders"),
        Sum("units", of="units"),
        Sum("amount", of="revenue", kind=Kind.NUMERIC),
        First("first_purchase_date", of="day", kind=Kind.DATE),
        Last("last_purchase_date", of="day", kind=Kind.DATE),
    ),
    sources=(Source.TRANSACTIONS,),
    table="customer_purchases",
)

CATEGORY_AMOUNTS: Final = View(
    "category_amounts",
    key={"customer_id": Kind.TEXT, "category": Kind.TEXT},
    measures=(Count("orders"), Sum("units", of="units"), Sum("amount", of="revenue", kind=Kind.NUMERIC)),
    sources=(Source.TRANSACTIONS,),
    table="category_amounts",
)

#: Who bought on a day: asked of the facts, which have an index for it.
DAY_BUYERS: Final = Members(
    "day_buyers",
    key={"customer_id": Kind.TEXT, "day": Kind.DATE, "currency": Kind.TEXT},
    known="""
        SELECT k.customer_id, k.day - DATE '1970-01-01', k.currency
        FROM unnest(%s::text[], %s::date[], %s::text[]) AS k (customer_id, day, currency)
        WHERE EXISTS (
            SELECT FROM transactions AS t
            WHERE t.customer_id = k.customer_id AND t.currency = k.currency
                AND t.occurred_at >= k.day::timestamp AT TIME ZONE 'UTC'
                AND t.occurred_at < (k.day + 1)::timestamp AT TIME ZONE 'UTC'
        )
    """,
    all_of="""
        SELECT DISTINCT customer_id, (occurred_at AT TIME ZONE 'UTC')::date - DATE '1970-01-01', currency
        FROM transactions WHERE customer_id = ANY(%s)
    """,
)

DAILY_SALES: Final = View(
    "daily_sales",
    key={"day": Kind.DATE, "currency": Kind.TEXT, "partition": Kind.SMALLINT},
    measures=(
        Count("orders"),
        Sum("units", of="units"),
        Sum("revenue", of="revenue", kind=Kind.NUMERIC),
        Distinct("customers", DAY_BUYERS),
    ),
    sources=(Source.TRANSACTIONS,),
    table="daily_sales_parts",
)

#: Who bought a product: asked of the facts, which have an index for it.
PRODUCT_BUYERS: Final = Members(
    "product_buyers",
    key={"customer_id": Kind.TEXT, "product": Kind.TEXT},
    known="""
        SELECT k.customer_id, k.product
        FROM unnest(%s::text[], %s::text[]) AS k (customer_id, product)
        WHERE EXISTS (SELECT FROM transactions AS t WHERE t.customer_id = k.customer_id AND t.product_id = k.product)
    """,
    all_of="""
        SELECT DISTINCT customer_id, product_id FROM transactions
        WHERE customer_id = ANY(%s) AND product_id IS NOT NULL
    """,
)

PRODUCT_SALES: Final = View(
    "product_sales",
    key={"product": Kind.TEXT, "partition": Kind.SMALLINT},
    measures=(
        Count("orders"),
        Sum("units", of="units"),
        Sum("revenue", of="revenue", kind=Kind.NUMERIC),
        Distinct("customers", PRODUCT_BUYERS),
        Last("last_sold", of="occurred_at"),
    ),
    sources=(Source.PRODUCT_TRANSACTIONS,),
    table="product_sales_parts",
)

DAILY_REVENUE: Final = View(
    "daily_revenue",
    key={"customer_id": Kind.TEXT, "day": Kind.DATE},
    measures=(
        Count("facts"),
        Sum("revenue", of="revenue", kind=Kind.NUMERIC),
        Sum("interactions", of="interactions"),
    ),
    sources=(Source.INTERACTIONS, Source.TRANSACTIONS),
    table="daily_revenue",
)

#: The type of each customer; the customers stream writes it with the other attributes.
CUSTOMER_TYPES: Final = View(
    "customer_types",
    key={"customer_id": Kind.TEXT},
    measures=(Told("customer_type", of="customer_type", zero=UNKNOWN),),
    load="""
        SELECT customer_id, customer_type
        FROM customers JOIN unnest(%s::text[]) AS k (customer_id) USING (customer_id)
        WHERE customer_type IS NOT NULL
    """,
)

#: Everything that `tables` keeps in memory.
ALL: Final = tuple(view for view in globals().copy().values() if isinstance(view, View))
