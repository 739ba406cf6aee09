"""The questions to Postgres about a customer's interactions."""

from dataclasses import dataclass
from typing import Final

from api.database import Database, query_text
from api.kit.parameters import Period

_BY_CHANNEL: Final = query_text("interactions_by_channel")
_NARROWED: Final = query_text("interactions_by_channel_narrowed")


@dataclass(frozen=True, slots=True)
class _Counts:
    known: bool
    interactions: dict[str, int]


async def count_interactions(
    database: Database, customer_id: str, *, product: str | None, period: Period
) -> dict[str, int] | None:
    """Interactions per known channel, or None for a customer nobody has heard of.

    Args:
        product: Count only those that talked about this product.
        period: Count only those that occurred in it.
    """
    parameters = {
        "customer_id": customer_id,
        "product": product,
        "counts_from": period.start,
        "counts_to": period.end,
    }
    query = _NARROWED if product or period.bounded else _BY_CHANNEL
    counts = await database.fetch_one(query, _Counts, parameters)
    return counts.interactions if counts and counts.known else None
