"""GET shared/{table}"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from api.access.callers import partner
from api.database import DatabaseDependency
from api.errors import DatabaseAway, InternalError, InvalidRequest, NothingShared, TooSlow, documented
from api.kit.answers import json_answer
from api.kit.pages import LAST_PAGE, SmallRowsLimit
from api.shared.models import SharedAnswer, SharedTable
from api.shared.queries import read_contents, read_shared

#: More than a page of other lists: partners read whole tables.

router = APIRouter(tags=["sharing"], dependencies=[Depends(partner)])


@router.get(
    "/shared/{table}",
    summary="What is shared with partners",
    response_model=SharedAnswer,
    responses=documented(NothingShared, InvalidRequest, DatabaseAway, TooSlow, InternalError),
)
async def list_shared(
    *,
    table: Annotated[SharedTable, Path(openapi_examples={"one": {"value": "spend_by_segment"}})],
    database: DatabaseDependency,
    limit: SmallRowsLimit,
    page: Annotated[int, Query(ge=1, le=LAST_PAGE, description="Which page, counted from 1.")] = 1,
) -> Response:
    """Rows under pseudonyms, or of groups that are large enough, as of the last `c360 share refresh`."""
    contents = await read_contents(database, table)
    if contents is None:
        raise NothingShared("nothing is shared yet")
    rows = await read_shared(database, table, page=page, limit=limit)
    return json_answer(SharedAnswer(contents=contents, data=rows, page=page, limit=limit))
