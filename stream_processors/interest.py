"""Product interest when a customer changes type: all that the customer talked about moves along."""

from collections.abc import Mapping
from typing import Final

from stream_processors import binary
from stream_processors.fold import Columns, put
from stream_processors.unit_of_work import UnitOfWork
from stream_processors.views import INTERESTED, PRODUCT_INTEREST

_TOPICS_OF: Final = """
    SELECT customer_id, product, partition, sum(interactions)::bigint
    FROM topic_totals WHERE customer_id = ANY(%s)
    GROUP BY customer_id, product, partition
"""
_COLUMNS: Final = ("customer_type", "product", "partition", "interactions", INTERESTED.name)


async def change_types(unit: UnitOfWork, changed: Mapping[str, tuple[str, str]]) -> None:
    """Move customers from one type to another.

    Args:
        changed: customer_id to (old type, new type), of customers of this unit's partitions.
    """
    if not changed:
        return
    cursor = await unit.connection.execute(_TOPICS_OF, [binary.TextArray.of(list(changed))])
    moves: list[tuple[str, str, int, int, int]] = []
    for customer_id, product, partition, interactions in await cursor.fetchall():
        old, new = changed[customer_id]
        moves.append((old, product, partition, -interactions, -1))
        moves.append((new, product, partition, interactions, 1))
    if moves:
        columns: Columns = dict(zip(_COLUMNS, zip(*moves, strict=True), strict=True))
        keys = PRODUCT_INTEREST.keys(columns)
        put(PRODUCT_INTEREST, await unit.rows(PRODUCT_INTEREST, keys), keys, columns)
