"""The questions to Postgres about customers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, Literal, NamedTuple
from uuid import UUID

from msgspec import Meta

from api.customers.models import Customer, Profile
from api.database import Database, query_text
from events.contracts import LATEST

_IN_ORDER: Final = query_text("customers_in_order")
_COUNT: Final = query_text("customers_count")
_TOTAL: Final = query_text("customers_total")
_CUSTOMER: Final = query_text("customer")
_KNOWN: Final = query_text("customer_known")
_TIMELINE: Final = query_text("customer_timeline")


#: Which facts a timeline has; an interaction and a transaction may share moment and id.
Kind = Literal["interaction", "transaction"]


class CustomersKey(NamedTuple):
    """The last customer shown; what the cursor of the list holds."""

    customer_id: Annotated[str, Meta(pattern=r"^[^\0]*$")]


class TimelineKey(NamedTuple):
    """The last fact shown; what the cursor of a timeline holds."""

    occurred_at: datetime
    event_id: UUID
    kind: Kind


#: Every fact is older: the contract refuses later moments.
_NEWEST: Final = TimelineKey(LATEST, UUID(int=0), "transaction")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which customers to list; an empty list does not narrow."""

    customer_types: Sequence[str]
    segments: Sequence[str]
    industries: Sequence[str]
    countries: Sequence[str]

    def parameters(self) -> dict[str, list[str] | None]:
        """As the queries take them."""
        return {name: list(getattr(self, name)) or None for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Fact:
    """One row of a timeline: an interaction, or a transaction, which has no channel."""

    kind: Kind
    event_id: UUID
    told_as: str
    occurred_at: datetime
    channel: str | None
    product: str | None
    category: str | None
    count: int
    amount: Decimal | None
    currency: str | None

    @property
    def key(self) -> TimelineKey:
        """Its place in the timeline."""
        return TimelineKey(self.occurred_at, self.event_id, self.kind)


@dataclass(frozen=True, slots=True)
class _Count:
    total: int


@dataclass(frozen=True, slots=True)
class _Known:
    customer_id: str


async def count_customers(database: Database, filters: Filters) -> int:
    """How many the list has."""
    parameters = filters.parameters()
    narrowed = any(parameters.values())
    count = await database.fetch_one(_COUNT if narrowed else _TOTAL, _Count, parameters)
    return count.total if count else 0


async def list_in_order(
    database: Database, filters: Filters, *, limit: int, skip: int = 0, after: str = ""
) -> list[Profile]:
    """Customers in the order of their ids.

    Args:
        skip: Leave out so many; slow when large.
        after: Begin behind this id; "" for the beginning.
    """
    parameters = {**filters.parameters(), "most": limit, "skip": skip, "after": after}
    return await database.fetch_all(_IN_ORDER, Profile, parameters)


async def read_customer(database: Database, customer_id: str) -> Customer | None:
    """Everything about one, or None for a customer nobody has heard of."""
    return await database.fetch_one(_CUSTOMER, Customer, {"customer_id": customer_id})


async def read_customers(database: Database, customer_ids: Sequence[str]) -> list[Customer | None]:
    """The same about several, in their order."""
    answers = await database.fetch_each(_CUSTOMER, Customer, [{"customer_id": one} for one in customer_ids])
    return [rows[0] if rows else None for rows in answers]


async def read_timeline(
    database: Database, customer_id: str, *, limit: int, before: TimelineKey | None
) -> list[Fact] | None:
    """Facts of one, newest first, or None for a customer nobody has heard of.

    Args:
        before: Begin behind this one; None for the newest.
    """
    before_at, before_id, before_kind = before or _NEWEST
    parameters = {
        "customer_id": customer_id,
        "before_at": before_at,
        "before_id": before_id,
        "before_kind": before_kind,
        "most": limit,
    }
    facts = await database.fetch_all(_TIMELINE, Fact, parameters)
    if facts:
        return facts
    return [] if await is_known(database, customer_id) else None


async def is_known(database: Database, customer_id: str) -> bool:
    """Whether any event has named this customer."""
    return await database.fetch_one(_KNOWN, _Known, {"customer_id": customer_id}) is not None
