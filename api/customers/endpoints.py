"""GET customers, customers/{customer_id} and customers/{customer_id}/timeline"""

from math import ceil
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from api.customers.models import (
    CustomerAnswer,
    CustomersKeyset,
    CustomersPage,
    Timeline,
    TimelineEntry,
)
from api.customers.queries import (
    CustomersKey,
    Fact,
    Filters,
    TimelineKey,
    count_customers,
    list_in_order,
    read_customer,
    read_timeline,
)
from api.database import Database, DatabaseDependency
from api.errors import DatabaseAway, InternalError, InvalidRequest, TooSlow, UnknownCustomer, documented
from api.kit.answers import json_answer
from api.kit.pages import (
    After,
    Limit,
    PageNumber,
    TimelineAfter,
    bad_parameter,
    cut_page,
    decode_cursor,
    encode_cursor,
    link_with,
)
from api.kit.parameters import CustomerId, Name

_MOST_NAMES: Final = 20

Narrowing = Annotated[
    list[Name], Query(default_factory=list, max_length=_MOST_NAMES, description="Only these; may be repeated.")
]

router = APIRouter(tags=["customers"])
timeline_router = APIRouter(tags=["customers"])


async def _filters(customer_type: Narrowing, segment: Narrowing, industry: Narrowing, country: Narrowing) -> Filters:
    return Filters(customer_types=customer_type, segments=segment, industries=industry, countries=country)


@router.get(
    "/customers",
    summary="Customers, page by page",
    response_model=CustomersPage | CustomersKeyset,
    responses=documented(InvalidRequest, DatabaseAway, TooSlow, InternalError),
)
async def list_customers(
    *,
    request: Request,
    database: DatabaseDependency,
    filters: Annotated[Filters, Depends(_filters)],
    page: PageNumber = None,
    limit: Limit = 10,
    after: After = None,
) -> Response:
    """Customers that the customers stream has told of, in the order of their ids (2 before 10).

    By `page` with totals, or by `after`: without totals, and as fast at the end of a long list as at its beginning.
    The header `Link` leads to the next page either way.
    """
    if after is None:
        return await _numbered_page(request, database, filters, page or 1, limit)
    if page is not None:
        raise bad_parameter("after", "either `page` or `after`, not both")
    return await _page_after(request, database, filters, after, limit)


@router.get(
    "/customers/{customer_id}",
    summary="Everything about a customer",
    response_model=CustomerAnswer,
    responses=documented(UnknownCustomer, InvalidRequest, DatabaseAway, TooSlow, InternalError),
)
async def get_customer(database: DatabaseDependency, customer_id: CustomerId) -> Response:
    """Profile, channels and topics, all of one moment. Attributes are null for a customer only named by facts."""
    customer = await read_customer(database, customer_id)
    if customer is None:
        raise UnknownCustomer(f"no event has named customer {customer_id!r}")
    return json_answer(CustomerAnswer(data=customer.masked()))


@timeline_router.get(
    "/customers/{customer_id}/timeline",
    summary="What a customer did, newest first",
    response_model=Timeline,
    responses=documented(UnknownCustomer, InvalidRequest, DatabaseAway, TooSlow, InternalError),
)
async def get_timeline(
    *,
    request: Request,
    database: DatabaseDependency,
    customer_id: CustomerId,
    limit: Limit = 20,
    after: TimelineAfter = None,
) -> Response:
    """The customer's facts in their last version; go on with `after`, or with the header `Link`."""
    before = decode_cursor(after, TimelineKey) if after else None
    facts = await read_timeline(database, customer_id, limit=limit + 1, before=before)
    if facts is None:
        raise UnknownCustomer(f"no event has named customer {customer_id!r}")
    facts, following = cut_page(facts, limit, lambda fact: encode_cursor(TimelineKey(fact.occurred_at, fact.event_id)))
    answer = Timeline(data=[_entry(fact) for fact in facts], limit=limit, after=following)
    return json_answer(answer, next_page=following and link_with(request, after=following))


async def _numbered_page(request: Request, database: Database, filters: Filters, page: int, limit: int) -> Response:
    total = await count_customers(database, filters)
    profiles = await list_in_order(database, filters, limit=limit, skip=(page - 1) * limit)
    pages = ceil(total / limit)
    answer = CustomersPage(
        data=[profile.masked() for profile in profiles], total=total, page=page, limit=limit, total_pages=pages
    )
    return json_answer(answer, next_page=link_with(request, page=page + 1) if page < pages else None)


async def _page_after(request: Request, database: Database, filters: Filters, after: str, limit: int) -> Response:
    last = decode_cursor(after, CustomersKey).customer_id if after else ""
    profiles = await list_in_order(database, filters, limit=limit + 1, after=last)
    profiles, following = cut_page(
        profiles, limit, lambda profile: encode_cursor(CustomersKey(str(profile.customer_id)))
    )
    answer = CustomersKeyset(data=[profile.masked() for profile in profiles], limit=limit, after=following)
    return json_answer(answer, next_page=following and link_with(request, after=following))


def _entry(fact: Fact) -> TimelineEntry:
    return TimelineEntry(
        event_id=fact.told_as,
        occurred_at=fact.occurred_at,
        channel=fact.channel,
        product=fact.product,
        count=fact.count,
        revenue=fact.revenue,
    )
