"""Lists in pages: by number, with a total; or by keyset, where page 10,000 is as fast as page 1."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from fastapi import Query
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.requests import Request

MOST_ROWS: Final = 100
LAST_PAGE: Final = 1_000_000

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=MOST_ROWS, description="Most rows of an answer.")]
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
