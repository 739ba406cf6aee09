"""GET customers, customers/{customer_id} and customers/{customer_id}/timeline"""

from decimal import Decimal
from math import ceil
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.access.callers import Caller, Reader, reader
from api.customers.models import (
    CustomerAnswer,
    CustomersKeyset,
    CustomersPage,
    Timeline,
    TimelineEntry,
    TimelineInteraction,
    TimelineTransaction,
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
from api.kit.freshness import Fresh
from api.kit.pages import (
    After,
    Limit,
    PageNumber,
    TimelineAfter,
    bad_parameter,
    cut_page,
    decode_cursor,
    encode_cursor,
    limit_of,
    link_with,
)
from api.kit.parameters import CustomerId, Narrowing

router = APIRouter(tags=["customers"], dependencies=[Fresh])
timeline_router = APIRouter(tags=["customers"], dependencies=[Fresh])


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
    caller: Reader,
    database: DatabaseDependency,
    filters: Annotated[Filters, Depends(_filters)],
    page: PageNumber = None,
    limit: Limit,
    after: After = None,
) -> Response:
    """Customers that the customers stream has told of, in the order of their ids (2 before 10).

    By `page` with totals, or by `after`: without totals, and as fast at the end of a long list as at its beginning.
    The header `Link` leads to the next page either way.
    """
    if after is None:
        return await _numbered_page(request, caller, database, filters, page=page or 1, limit=limit)
    if page is not None:
        raise bad_parameter("after", "either `page` or `after`, not both")
    return await _page_after(request, caller, database, filters, after=after, limit=limit)


@router.get(
    "/customers/{customer_id}",
    summary="Everything about a customer",
    response_model=CustomerAnswer,
    responses=documented(UnknownCustomer, InvalidRequest, DatabaseAway, TooSlow, InternalError),
)
async def get_customer(caller: Reader, database: DatabaseDependency, customer_id: CustomerId) -> Response:
    """Profile, channels, topics, purchases, categories and moves between segments, all of one moment.

    Attributes are null for a customer who is only named by facts.
    """
    customer = await read_customer(database, customer_id)
    if customer is None:
        raise UnknownCustomer(f"no event has named customer {customer_id!r}")
    return json_answer(CustomerAnswer(data=caller.shown(customer)))


@timeline_router.get(
    "/customers/{customer_id}/timeline",
    summary="What a customer did, newest first",
    response_model=Timeline,
    dependencies=[Depends(reader)],
    responses=documented(UnknownCustomer, InvalidRequest, DatabaseAway, TooSlow, InternalError),
)
async def get_timeline(
    *,
    request: Request,
    database: DatabaseDependency,
    customer_id: CustomerId,
    limit: Annotated[int, Depends(limit_of(20))],
    after: TimelineAfter = None,
) -> Response:
    """Interactions and transactions in their last version; go on with `after`, or with the header `Link`."""
    before = decode_cursor(after, TimelineKey) if after else None
    facts = await read_timeline(database, customer_id, limit=limit + 1, before=before)
    if facts is None:
        raise UnknownCustomer(f"no event has named customer {customer_id!r}")
    facts, following = cut_page(facts, limit, lambda fact: encode_cursor(fact.key))
    answer = Timeline(data=[_entry(fact) for fact in facts], limit=limit, after=following)
    return json_answer(answer, next_page=following and link_with(request, after=following))


async def _numbered_page(
    request: Request, caller: Caller, database: Database, filters: Filters, *, page: int, limit: int
) -> Response:
    total = await count_customers(database, filters)
    profiles = await list_in_order(database, filters, limit=limit, skip=(page - 1) * limit)
    pages = ceil(total / limit)
    answer = CustomersPage(
        data=[caller.shown(profile) for profile in profiles], total=total, page=page, limit=limit, total_pages=pages
    )
    return json_answer(answer, next_page=link_with(request, page=page + 1) if page < pages else None)


async def _page_after(
    request: Request, caller: Caller, database: Database, filters: Filters, *, after: str, limit: int
) -> Response:
    last = decode_cursor(after, CustomersKey).customer_id if after else ""
    profiles = await list_in_order(database, filters, limit=limit + 1, after=last)
    profiles, following = cut_page(
        profiles, limit, lambda profile: encode_cursor(CustomersKey(str(profile.customer_id)))
    )
    answer = CustomersKeyset(data=[caller.shown(profile) for profile in profiles], limit=limit, after=following)
    return json_answer(answer, next_page=following and link_with(request, after=following))


def _entry(fact: Fact) -> TimelineEntry:
    if fact.kind == "interaction":
        return TimelineInteraction(
            event_id=fact.told_as,
            occurred_at=fact.occurred_at,
            channel=fact.channel or "",
            product=fact.product,
            count=fact.count,
            revenue=fact.amount,
        )
    return TimelineTransaction(
        transaction_id=fact.told_as,
        occurred_at=fact.occurred_at,
        product_id=fact.product,
        category=fact.category,
        quantity=fact.count,
        amount=fact.amount or Decimal(0),
        currency=fact.currency or "",
    )
