"""Which products each month discussed, as every worker knows it: an interaction without a product belongs to them."""

from collections.abc import Iterable
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from psycopg import AsyncConnection

from stream_processors.fold import Columns
from stream_processors.interaction_facts import Facts

_MICROS_PER_DAY: Final = 86_400_000_000
_UNIX_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_TOPIC_COLUMNS: Final = ("customer_id", "channel", "count", "partition")


class Discussions:
    """Table product_discussions in memory, by day: a few hundred small entries per year."""

    def __init__(self) -> None:
        self._products: dict[int, tuple[str, ...]] = {}

    async def reload(self, connection: AsyncConnection[Any]) -> None:
        """Read the table anew; called within a unit of work that sees a new re-attribution epoch."""
        cursor = await connection.execute("SELECT month, product FROM product_discussions ORDER BY month, product")
        rows = await cursor.fetchall()
        self._products = {
            day: products
            for month, group in groupby(rows, itemgetter(0))
            for products in [tuple(product for _, product in group)]
            for day in _days_of(month)
        }

    def explode(self, facts: Facts | None) -> Columns | None:
        """Repeat each fact for every product that it talks about; None when none does."""
        if facts is None or (not self._products and facts.product.count(None) == len(facts.product)):
            return None
        places: list[int] = []
        products: list[str] = []
        discussed = self._products
        for place, (product, occurred_at) in enumerate(zip(facts.product, facts.occurred_at, strict=True)):
            if product is not None:
                places.append(place)
                products.append(product)
            elif talked_about := discussed.get(occurred_at // _MICROS_PER_DAY):
                places += [place] * len(talked_about)
                products += talked_about
        if not places:
            return None
        columns = {name: [getattr(facts, name)[place] for place in places] for name in _TOPIC_COLUMNS}
        return columns | {"product": products}


def _days_of(month: date) -> Iterable[int]:
    """Days since 1970-01-01 of a month that is given by its first day."""
    following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    return range(month.toordinal() - _UNIX_EPOCH_ORDINAL, following.toordinal() - _UNIX_EPOCH_ORDINAL)
