"""GET product-interactions"""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response

from api.access.callers import reader
from api.database import DatabaseDependency
from api.errors import DatabaseAway, InternalError, InvalidRequest, TooSlow, documented
from api.kit.answers import json_answer
from api.kit.freshness import Fresh
from api.kit.parameters import Name
from api.product_interest.models import ProductInterestAnswer
from api.product_interest.queries import read_product_interest, total_interest

#: More would be a mistake: there are only so many types and products worth listing in a URL.
MOST_NAMES: Final = 100

router = APIRouter(tags=["interactions"], dependencies=[Depends(reader), Fresh])


@router.get(
    "/product-interactions",
    summary="Interactions per product for each customer type",
    response_model=ProductInterestAnswer,
    responses=documented(InvalidRequest, DatabaseAway, TooSlow, InternalError),
)
async def list_product_interactions(
    database: DatabaseDependency,
    customer_type: Annotated[
        list[Name], Query(default_factory=list, max_length=MOST_NAMES, description="Only these; may be repeated.")
    ],
    product: Annotated[
        list[Name], Query(default_factory=list, max_length=MOST_NAMES, description="Only these; may be repeated.")
    ],
) -> Response:
    """How much customers of each type talk about each product, and how many of them do.

    An interaction is about the product that it names, else about every product that was discussed in its month.
    """
    rows = await read_product_interest(database, customer_types=customer_type, products=product)
    return json_answer(ProductInterestAnswer(data=rows, totals=total_interest(rows)))
