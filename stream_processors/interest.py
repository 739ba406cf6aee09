"""Product interest: what the customers of each type talk about, rolled up from what each customer talks about."""

from collections.abc import Mapping, Sequence
from typing import Final

from stream_processors import binary
from stream_processors.fold import Columns, Key, put
from stream_processors.unit_of_work import UnitOfWork
from stream_processors.views import CUSTOMER_TYPES, PRODUCT_INTEREST

_TOPICS_OF: Final = """
    SELECT customer_id, product, partition, sum(interactions)::bigint
    FROM topic_totals WHERE customer_id = ANY(%s)
    GROUP BY customer_id, product, partition
"""


async def roll_up(unit: UnitOfWork, changes: Sequence[tuple[Key, int, int]]) -> None:
    """Pass changes of customers' interest on to their types.

    Args:
        changes: (customer_id, product, partition), and the customer's interactions about it before and after.
    """
    types = await unit.rows(CUSTOMER_TYPES, {(key[0],) for key, _, _ in changes})
    moves = [
        (types[key[0],][0], key[1], key[2], after - before, (after > 0) - (before > 0))
        for key, before, after in changes
        if before != after
    ]
    await _put(unit, moves)


async def change_types(unit: UnitOfWork, changed: Mapping[str, tuple[str, str]]) -> None:
    """Move customers from one type to another, with all that they talked about.

    Args:
        changed: customer_id to (old type, new type), of customers of this unit's partitions.
    """
    types = await unit.rows(CUSTOMER_TYPES, [(customer_id,) for customer_id in changed])
    cursor = await unit.connection.execute(_TOPICS_OF, [binary.TextArray.of(list(changed))])
    moves = []
    for customer_id, product, partition, interactions in await cursor.fetchall():
        old, new = changed[customer_id]
        moves.append((old, product, partition, -interactions, -1))
        moves.append((new, product, partition, interactions, 1))
    await _put(unit, moves)
    for customer_id, (_, new) in changed.items():
        types[customer_id,][0] = new


async def _put(unit: UnitOfWork, moves: Sequence[tuple[object, ...]]) -> None:
    if not moves:
        return
    names = ("customer_type", "product", "partition", "interactions", "customers")
    columns: Columns = dict(zip(names, zip(*moves, strict=True), strict=True))
    keys = PRODUCT_INTEREST.keys(columns)
    put(PRODUCT_INTEREST, await unit.rows(PRODUCT_INTEREST, keys), keys, columns)
