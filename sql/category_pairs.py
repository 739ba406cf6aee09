"""Count `category_pairs`, what `category_transitions` is made of, some customers at a time.

That reads every purchase in the order of its customer. One statement would take a core for as long as it needs, and
hold the snapshot that keeps Postgres from clearing away the old versions of the running totals; so there are many
short ones, and whoever counts in the background rests between them. What happens meanwhile is told of the customers
who come after it: a purchase that is corrected to another customer may be missed, or count twice, and a product that
changes its category may count for both, until the next time.
"""

from collections import Counter
from typing import Any, Final

import psycopg

from sql import text

#: A step reads so many, and those of one more customer: some tens of milliseconds.
PURCHASES_AT_ONCE: Final = 20_000

_BOUND: Final = text("queries/category_pairs_bound.sql").encode()
_SOME: Final = text("queries/category_pairs_some.sql").encode()
_KEEP: Final = text("queries/category_pairs_keep.sql").encode()
_COLUMNS: Final = ("from_category", "to_category", "distance", "times")

Connection = psycopg.Connection[tuple[Any, ...]]


class PairsCount:
    """A count under way: `step` until that says that all is counted, then `keep`."""

    def __init__(self) -> None:
        self._times: Counter[tuple[str, str, int]] = Counter()
        self._after = ""

    def step(self, connection: Connection) -> bool:
        """Count some more customers; False: those were the last.

        Raises: psycopg.Error; the count may go on after that.
        """
        bound = {"after": self._after, "purchases": PURCHASES_AT_ONCE}
        ((upto, more),) = connection.execute(_BOUND, bound).fetchall()
        some = {"after": self._after, "upto": upto}
        for from_category, to_category, distance, times in connection.execute(_SOME, some):
            self._times[from_category, to_category, distance] += times
        self._after = upto
        return bool(more)

    def keep(self, connection: Connection) -> None:
        """Put it in the place of the count before, in the transaction of the caller."""
        connection.execute("DELETE FROM category_pairs")
        rows = [(*pair, times) for pair, times in self._times.items()]
        connection.execute(_KEEP, {name: [row[place] for row in rows] for place, name in enumerate(_COLUMNS)})


def count_pairs(connection: Connection) -> None:
    """Count everything now, without a rest, in the transaction of the caller.

    Raises: psycopg.Error.
    """
    count = PairsCount()
    while count.step(connection):
        pass
    count.keep(connection)
