"""GET interactions/{customer_id}"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from api.access.callers import reader
from api.database import DatabaseDependency
from api.errors import DatabaseAway, InternalError, InvalidRequest, TooSlow, UnknownCustomer, documented
from api.interactions.models import CustomerInteractions, InteractionsAnswer
from api.interactions.queries import count_interactions
from api.kit.answers import json_answer
from api.kit.freshness import Fresh
from api.kit.parameters import CustomerId, Name, PeriodDependency

router = APIRouter(tags=["interactions"], dependencies=[Depends(reader), Fresh])


@router.get(
    "/interactions/{customer_id}",
    summary="Interactions of a customer, per channel",
    response_model=InteractionsAnswer,
    responses=documented(UnknownCustomer, InvalidRequest, DatabaseAway, TooSlow, InternalError),
)
async def get_interactions(
    database: DatabaseDependency,
    customer_id: CustomerId,
    period: PeriodDependency,
    product: Annotated[
        Name | None,
        Query(description="Only interactions about this product: it was named, or discussed in that month."),
    ] = None,
) -> Response:
    """How often the customer was in touch on each channel, zeros included, current to the last committed event.

    Without parameters this is a running total. `product` narrows it to one product, `from` and `to` to a period.
    """
    interactions = await count_interactions(database, customer_id, product=product, period=period)
    if interactions is None:
        raise UnknownCustomer(f"no event has named customer {customer_id!r}")
    answer = InteractionsAnswer(data=CustomerInteractions(customer_id=customer_id, interactions=interactions))
    return json_answer(answer)
