"""The questions to Postgres that only the dashboard asks."""

from dataclasses import dataclass
from typing import Final

from api.dashboard.models import DailyRevenue, FoundCustomer, Overview
from api.database import Database, query_text
from events.identity import canonical_id

_OVERVIEW: Final = query_text("overview")
_SEARCH: Final = query_text("customer_search")
_DAILY_REVENUE: Final = query_text("customer_daily_revenue")
_KNOWN: Final = query_text("customer_known")

#: With fewer, a search by name would find too many of a million customers to put them in order quickly.
_FEWEST_LETTERS: Final = 2


@dataclass(frozen=True, slots=True)
class _Known:
    customer_id: str


async def read_overview(database: Database) -> Overview:
    """All customers, channels, sales and events together."""
    (overview,) = await database.fetch_all(_OVERVIEW, Overview)
    return overview


async def search_customers(database: Database, term: str, *, names: bool, limit: int) -> list[FoundCustomer]:
    """Customers whose id begins with the term.

    Args:
        names: Look at names and email addresses, too; not for callers who may not see them.
    """
    by_name = names and len(term) >= _FEWEST_LETTERS
    parameters = {"customer_id": canonical_id(term), "term": term.lower(), "names": by_name, "most": limit}
    return await database.fetch_all(_SEARCH, FoundCustomer, parameters)


async def read_daily_revenue(database: Database, customer_id: str, *, limit: int) -> list[DailyRevenue] | None:
    """Days of one customer, newest first, or None for a customer nobody has heard of."""
    days = await database.fetch_all(_DAILY_REVENUE, DailyRevenue, {"customer_id": customer_id, "most": limit})
    if days:
        return days
    return [] if await database.fetch_one(_KNOWN, _Known, {"customer_id": customer_id}) else None
