"""The customers who bought for most, without reading all of them or an index that every purchase would have to keep.

An amount that many customers reached a moment ago leads to those who reach it now (sql/queries/
top_customers_by_value.sql): if enough do, the largest are among them. If not, as after corrections, all are read once.
Likewise the largest of a segment, a type or a country are among the largest of all, unless it is a small one.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from api.database import Database, query_text
from api.kit.pages import MOST_ROWS
from api.sales.models import TopCustomer

_BY_VALUE: Final = query_text("top_customers_by_value")
_NONE: Final = Decimal("-Infinity")
#: Among so many the largest of some are looked for: of a twentieth of all customers, that gives about 50.
_CANDIDATES_OF_SOME: Final = 1000

#: Names of attributes to the values to narrow to; None: all.
Filters = Mapping[str, Sequence[str] | None]

_EVERYBODY: Final[Filters] = {"customer_types": None, "segments": None, "countries": None}


class _Candidate(TopCustomer):
    """A customer of the answer, with what is to be remembered."""

    candidates: int
    least: Decimal


class Reached:
    """The amounts that were reached by enough customers when they were last asked for, by how many are enough."""

    def __init__(self) -> None:
        self.least: dict[int, Decimal] = {}


async def read_by_value(database: Database, reached: Reached, *, most: int) -> list[TopCustomer]:
    """The `most` customers (MOST_ROWS at most) with the largest amounts, largest first."""
    remembered = MOST_ROWS in reached.least
    rows = await _ask(database, reached, _EVERYBODY, most, candidates=MOST_ROWS)
    if len(rows) < most and remembered:
        reached.least.pop(MOST_ROWS, None)
        rows = await _ask(database, reached, _EVERYBODY, most, candidates=MOST_ROWS)
    return list(rows)


async def find_by_value(
    database: Database, reached: Reached, filters: Filters, *, most: int
) -> list[TopCustomer] | None:
    """The same of some; None when they are too few among the largest of all: everybody has to be looked at."""
    rows = await _ask(database, reached, filters, most, candidates=_CANDIDATES_OF_SOME)
    return list(rows) if len(rows) == most else None


async def _ask(
    database: Database, reached: Reached, filters: Filters, most: int, *, candidates: int
) -> list[_Candidate]:
    least = reached.least.get(candidates, _NONE)
    parameters = {**filters, "least": least, "candidates": candidates, "most": most}
    rows = await database.fetch_all(_BY_VALUE, _Candidate, parameters)
    if rows and rows[0].candidates == candidates:
        reached.least[candidates] = rows[0].least
    elif rows:
        reached.least.pop(candidates, None)
    return rows
