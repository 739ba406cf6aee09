"""Lists in pages: by number, with a total; or by keyset, where page 10,000 is as fast as page 1."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from fastapi import Depends, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field

#: No answer has more rows, whatever the settings say; of those that have a row per day or group, which are small.
MOST_ROWS: Final = 100
MOST_SMALL_ROWS: Final = 1000
LAST_PAGE: Final = 1_000_000

T = TypeVar("T")

PageNumber = Annotated[int | None, Query(ge=1, le=LAST_PAGE, description="Which page, counted from 1.")]
After = Annotated[
    str | None,
    Query(
        max_length=1000,
        description="Where to go on: `after` of the answer before; empty for the beginning. Instead of `page`.",
    ),
]
TimelineAfter = Annotated[
    str | None, Query(max_length=1000, description="Where to go on: `after` of the answer before.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """How many rows answers have, by the settings."""

    #: Of most lists, for whom says nothing else.
    usual: int
    #: Not more than MOST_ROWS and MOST_SMALL_ROWS.
    most: int
    most_small: int


def limit_of(usual: int | None) -> Callable[..., Awaitable[int]]:
    """The parameter `limit` of a list.

    Args:
        usual: Rows for whom says nothing else; None: as set.
    """
    unless = "what is set (10 as it comes)" if usual is None else str(usual)

    async def limit_rows(
        request: Request,
        limit: Annotated[
            int | None, Query(ge=1, le=MOST_ROWS, description=f"Most rows of an answer; {unless} unless given.")
        ] = None,
    ) -> int:
        rows: Rows = request.app.state.rows
        return _bounded(limit, usual=usual or rows.usual, most=rows.most)

    return limit_rows


async def _limit_small(
    request: Request,
    limit: Annotated[
        int | None, Query(ge=1, le=MOST_SMALL_ROWS, description="Most rows of an answer; 100 unless given.")
    ] = None,
) -> int:
    rows: Rows = request.app.state.rows
    return _bounded(limit, usual=100, most=rows.most_small)


def _bounded(limit: int | None, *, usual: int, most: int) -> int:
    if limit is None:
        return min(usual, most)
    if limit > most:
        raise bad_parameter("limit", f"this API is set to give {most:,} rows at most")
    return limit


#: For endpoints: how many rows to answer.
Limit = Annotated[int, Depends(limit_of(None))]
#: Of lists with a row per day or group.
SmallRowsLimit = Annotated[int, Depends(_limit_small)]


class Page(BaseModel, Generic[T]):
    """One page of a list, by number."""

    data: list[T]
    total: int = Field(description="Rows of all pages.")
    page: int = Field(description="Which page this is, counted from 1.")
    limit: int = Field(description="Most rows of a page.")
    total_pages: int


class Keyset(BaseModel, Generic[T]):
    """Some rows of a list, and where to go on."""

    data: list[T]
    limit: int = Field(description="Most rows of an answer.")
    after: str | None = Field(description="Send it as `after` to go on; null: this was the end.")


def encode_cursor(key: tuple[object, ...]) -> str:
    """Write the key of a list's last row as text for a URL; its meaning is ours to change."""
    return urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode()


def decode_cursor(cursor: str, shape: type[T]) -> T:
    """Read what `encode_cursor` wrote.

    Args:
        shape: The named tuple that the key is.
    Raises: RequestValidationError naming the parameter `after`.
    """
    try:
        return msgspec.json.decode(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=shape)
    except (ValueError, msgspec.MsgspecError) as error:
        raise bad_parameter("after", "expected `after` of an earlier answer, unchanged") from error


def cut_page(rows: Sequence[T], limit: int, cursor_of: Callable[[T], str]) -> tuple[list[T], str | None]:
    """Of up to limit + 1 rows, those of this page, and the cursor that leads to the rest, if there is one."""
    page = list(rows[:limit])
    return page, cursor_of(page[-1]) if len(rows) > limit else None


def link_with(request: Request, **changed: Any) -> str:
    """The path of this request, with some of its parameters changed."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in changed]
    return f"{quote(request.scope['path'])}?{urlencode([*kept, *changed.items()])}"


def bad_parameter(name: str, reason: str) -> RequestValidationError:
    """What to raise for a query parameter that its type alone can't refuse."""
    return RequestValidationError([{"loc": ("query", name), "msg": reason, "type": "value_error"}])
