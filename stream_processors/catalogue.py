"""What every worker knows by heart: which products each month discussed, and which category each product has.

Small tables, changed rarely, and always under the exclusive re-attribution lock: they are read anew when a unit of work
sees that the epoch moved on.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from psycopg import AsyncConnection

from stream_processors.binary import Micros, days_of
from stream_processors.facts import Facts
from stream_processors.forgotten import Forgotten
from stream_processors.views import UNKNOWN

_UNIX_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()


class Catalogue:
    """Tables product_discussions and products, in memory."""

    def __init__(self) -> None:
        #: Earliest moment known to be stored for each channel; empty after `reload`, as channels may be gone by then.
        self.channels: dict[str, Micros] = {}
        #: Who was forgotten after what is read now was told.
        self.forgotten = Forgotten()
        #: Day since 1970-01-01 to the products discussed in its month.
        self._discussed: dict[int, tuple[str, ...]] = {}
        self._categories: dict[str, str] = {}

    async def reload(self, connection: AsyncConnection[Any]) -> None:
        """Read the tables, within a unit of work."""
        self.channels = {}
        self.forgotten = await Forgotten.load(connection)
        cursor = await connection.execute("SELECT month, product FROM product_discussions ORDER BY month, product")
        rows = await cursor.fetchall()
        self._discussed = {
            day: products
            for month, group in groupby(rows, itemgetter(0))
            for products in [tuple(product for _, product in group)]
            for day in _days_of(month)
        }
        cursor = await connection.execute("SELECT product_id, category FROM products WHERE category IS NOT NULL")
        self._categories = dict(await cursor.fetchall())

    def topics(self, facts: Facts) -> tuple[list[int], list[str]]:
        """The products that interactions talk about: places in `facts`, and a product for each of them."""
        places: list[int] = []
        products: list[str] = []
        if not self._discussed and facts["product"].count(None) == len(facts):
            return places, products
        discussed = self._discussed
        for place, (product, day) in enumerate(zip(facts["product"], days_of(facts["occurred_at"]), strict=True)):
            if product is not None:
                places.append(place)
                products.append(product)
            elif talked_about := discussed.get(day):
                places += [place] * len(talked_about)
                products += talked_about
        return places, products

    def categories(self, told: Sequence[str | None], product_ids: Sequence[str | None]) -> list[str]:
        """The category of each purchase: the one told, else that of its product, else unknown."""
        known = self._categories.get
        return [category or known(product or "", UNKNOWN) for category, product in zip(told, product_ids, strict=True)]


def _days_of(month: date) -> Iterable[int]:
    """Days since 1970-01-01 of a month that is given by its first day."""
    following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    return range(month.toordinal() - _UNIX_EPOCH_ORDINAL, following.toordinal() - _UNIX_EPOCH_ORDINAL)
