"""What can be followed, and how it is read: what a view answers, and all that is known of customers."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pydantic import BaseModel

from api.customers.models import Customer
from api.customers.queries import read_customers
from api.dashboard.queries import read_overview
from api.database import Database, query_text
from api.kit.answers import encode_json
from api.kit.parameters import Days, Period
from api.live.feeds import Source
from api.live.models import View
from api.product_interest.models import ProductInterestAnswer
from api.product_interest.queries import read_product_interest, total_interest
from api.sales.by_value import Reached, read_by_value
from api.sales.models import DailySalesAnswer, ProductMetricsAnswer, TopCustomersAnswer
from api.sales.queries import read_daily_sales, read_product_metrics

#: Rows of the views that have a limit.
_ROWS: Final = 30
#: So many customers are read at once; the first ones are sent while the next ones are read.
_BATCH: Final = 50
_VERSIONS: Final = query_text("customer_versions")


async def _overview(database: Database, _: Reached) -> BaseModel:
    return await read_overview(database)


async def _product_interactions(database: Database, _: Reached) -> BaseModel:
    rows = await read_product_interest(database, customer_types=[], products=[])
    return ProductInterestAnswer(data=rows, totals=total_interest(rows))


async def _daily_sales(database: Database, _: Reached) -> BaseModel:
    days = await read_daily_sales(database, Days(None, None), currencies=[], order="-day", limit=_ROWS)
    return DailySalesAnswer(data=days, limit=_ROWS)


async def _top_customers(database: Database, reached: Reached) -> BaseModel:
    """Masked for everybody: the state is shared."""
    top = await read_by_value(database, reached, most=_ROWS)
    return TopCustomersAnswer(data=[row.masked() for row in top], limit=_ROWS)


async def _product_metrics(database: Database, _: Reached) -> BaseModel:
    sold = await read_product_metrics(database, Period(None, None), categories=[], order="-revenue", limit=_ROWS)
    return ProductMetricsAnswer(data=sold, limit=_ROWS)


_QUESTIONS: Final[Mapping[View, Callable[[Database, Reached], Awaitable[BaseModel]]]] = {
    "overview": _overview,
    "product-interactions": _product_interactions,
    "daily_sales": _daily_sales,
    "top_customers": _top_customers,
    "product_metrics": _product_metrics,
}


def view_source(database: Database, reached: Reached, view: View) -> Source[Any]:
    """Reads a view, which any commit may have moved."""

    async def read(followed: Collection[View], _: Collection[View]) -> AsyncIterator[tuple[View, bytes]]:
        if view in followed:
            yield view, encode_json(await _QUESTIONS[view](database, reached))

    return read


class FollowedCustomer(NamedTuple):
    """A customer, as those see it who may see personal data or not."""

    customer_id: str
    personal: bool


@dataclass(frozen=True, slots=True)
class _Version:
    customer_id: str
    version: str


def customers_source(database: Database) -> Source[Any]:
    """Reads those customers of whom something moved: one question tells which, however many are followed."""
    known: dict[str, str] = {}

    async def read(
        followed: Collection[FollowedCustomer], wanted: Collection[FollowedCustomer]
    ) -> AsyncIterator[tuple[FollowedCustomer, bytes]]:
        parameters = {"customer_ids": list({key.customer_id for key in followed})}
        found = await database.fetch_all(_VERSIONS, _Version, parameters)
        versions = {row.customer_id: row.version for row in found}
        new = {key.customer_id for key in wanted}
        moved = [one for one, version in versions.items() if one in new or known.get(one) != version]
        known.clear()
        known.update(versions)
        for start in range(0, len(moved), _BATCH):
            batch = moved[start : start + _BATCH]
            for customer_id, customer in zip(batch, await read_customers(database, batch), strict=True):
                for personal in (True, False):
                    if (key := FollowedCustomer(customer_id, personal)) in followed:
                        yield key, _json(customer, personal=personal)

    return read


def _json(customer: Customer | None, *, personal: bool) -> bytes:
    """As `Caller.shown` shows it."""
    if customer is None:
        return b"null"
    return encode_json(customer if personal else customer.masked())
