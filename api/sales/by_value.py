"""The customers who bought for most, without reading all of them or an index that every purchase would have to keep.

An amount that a hundred customers reached a moment ago leads to those who reach it now (sql/queries/
top_customers_by_value.sql): if enough do, the largest are among them. If not, as after corrections, all are read once.
"""

from decimal import Decimal
from typing import Final

from api.database import Database, query_text
from api.kit.pages import MOST_ROWS
from api.sales.models import TopCustomer

_BY_VALUE: Final = query_text("top_customers_by_value")
_NONE: Final = Decimal("-Infinity")


class _Candidate(TopCustomer):
    """A customer of the answer, with what is to be remembered."""

    candidates: int
    least: Decimal


class Reached:
    """The amount that was reached by enough customers when they were last asked for."""

    def __init__(self) -> None:
        self.least = _NONE


async def read_by_value(database: Database, reached: Reached, *, most: int) -> list[TopCustomer]:
    """The `most` customers (MOST_ROWS at most) with the largest amounts, largest first."""
    rows = await _ask(database, reached, most)
    if len(rows) < most and reached.least != _NONE:
        reached.least = _NONE
        rows = await _ask(database, reached, most)
    if rows and rows[0].candidates == MOST_ROWS:
        reached.least = rows[0].least
    return list(rows)


async def _ask(database: Database, reached: Reached, most: int) -> list[_Candidate]:
    parameters = {"least": reached.least, "candidates": MOST_ROWS, "most": most}
    return await database.fetch_all(_BY_VALUE, _Candidate, parameters)
