"""Answers that include what was written before: a question may carry a position, and every answer does."""

from typing import Annotated, Final

from fastapi import Depends, Header, Query, Request
from fastapi.exceptions import RequestValidationError

from api.access.callers import Reader
from api.errors import NotYetIncluded
from api.kit.position import LONGEST, PATTERN, read_position
from api.kit.request_context import add_headers
from api.positions import Positions

POSITION: Final = "C360-Position"
AGE: Final = "C360-Age"

_DESCRIPTION: Final = "Answer only once everything before this position is included: what a write answered."


async def _be_fresh(
    *,
    request: Request,
    _: Reader,
    header: Annotated[
        str | None,
        Header(alias=POSITION, max_length=LONGEST, pattern=PATTERN, description=_DESCRIPTION),
    ] = None,
    position: Annotated[
        str | None,
        Query(
            max_length=LONGEST, pattern=PATTERN, description=f"The same as header {POSITION}, for where it is handier."
        ),
    ] = None,
    wait: Annotated[
        float, Query(ge=0, le=30, description="For how many seconds at most to wait for the position.")
    ] = 5,
) -> None:
    positions: Positions = request.app.state.positions
    for place, name, token in (("header", POSITION, header), ("query", "position", position)):
        if token is None:
            continue
        try:
            wanted = read_position(token)
        except ValueError as error:
            raise RequestValidationError([{"loc": (place, name), "msg": str(error), "type": "value_error"}]) from error
        if not await positions.wait_for(wanted, seconds=wait):
            raise NotYetIncluded(f"not within {wait:g} s", headers=freshness(positions))
    # Taken before the database is asked: the answer reaches at least as far.
    add_headers(request, freshness(positions))


def freshness(positions: Positions) -> dict[str, str]:
    """The headers that say how far answers reach."""
    age = positions.age_seconds
    if age is None:
        return {}
    return {POSITION: positions.token, AGE: f"{age:.3f}"}


#: For routers of questions: answers carry their position, and wait for one if they are asked to.
Fresh = Depends(_be_fresh)
