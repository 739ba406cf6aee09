"""GET lineage"""

from fastapi import APIRouter, Depends, Request

from api.access.callers import reader
from api.errors import DatabaseAway, InternalError, documented
from api.lineage.models import LineageAnswer
from api.lineage.reading import Lineage

router = APIRouter(tags=["operations"], dependencies=[Depends(reader)])


@router.get("/lineage", summary="What there is, and who reads whom", responses=documented(DatabaseAway, InternalError))
async def get_lineage(request: Request) -> LineageAnswer:
    """Every topic, table, view and endpoint with its fields, and who reads which of them.

    Topics come from the contracts, tables and views from the database as it is now, and what a query reads from
    Postgres. A running total reads what the question reads that it answers; what every endpoint asks before it begins
    (the token, the position) is left out. The same as pages for people: `c360 docs`.
    """
    lineage: Lineage = request.app.state.lineage
    return LineageAnswer.model_validate(await lineage.graph(), from_attributes=True)
