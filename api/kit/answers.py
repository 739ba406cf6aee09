"""Answers with exact numbers: amounts are JSON numbers with all their digits, never floats."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from hashlib import blake2b
from http import HTTPStatus
from typing import Annotated, Any, Final

import msgspec
from pydantic import BaseModel, BeforeValidator, WithJsonSchema
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.kit.parameters import id_as_json

_encode: Final = msgspec.json.Encoder(decimal_format="number").encode

#: Kept by the one who asked, and asked for again each time: totals change by the moment.
_CACHING: Final = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
#: What a 304 says of the answer that it stands for.
_OF_304: Final = ("ETag", "Cache-Control", "Vary", "Link")

#: What the routes of such answers document.
NOT_MODIFIED: Final[dict[int | str, dict[str, Any]]] = {
    HTTPStatus.NOT_MODIFIED.value: {"description": "The answer is the one that `If-None-Match` names by its `ETag`."}
}

#: An exact decimal.
Amount = Annotated[Decimal, WithJsonSchema({"type": "number"})]

#: A customer's id in an answer; takes the stored text.
AnsweredId = Annotated[int | str, BeforeValidator(id_as_json)]


def encode_json(model: BaseModel) -> bytes:
    """A model as JSON, with exact numbers."""
    return _encode(model.model_dump())


class JsonAnswer(Response):
    """A body with its own hash as strong ETag: whoever has it already is told so, and not sent it again (304).

    Made of the body and not of the position: what a position includes at least may be more a moment later, and what one
    caller sees unmasked another sees masked.
    """

    media_type = "application/json"

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        """Those that are always there, and these."""
        digest = blake2b(self.body, digest_size=12).hexdigest()
        super().init_headers({"ETag": f'"{digest}"', **_CACHING, **(headers or {})})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with as little as the client needs."""
        known = [value.decode("latin-1") for name, value in scope["headers"] if name == b"if-none-match"]
        if known and _has(known, self.headers["ETag"]):
            kept = {name: self.headers[name] for name in _OF_304 if name in self.headers}
            await Response(status_code=HTTPStatus.NOT_MODIFIED, headers=kept)(scope, receive, send)
            return
        await super().__call__(scope, receive, send)


def json_answer(model: BaseModel, *, next_page: str | None = None) -> Response:
    """The answer with this body.

    Args:
        next_page: Where the next page is, for the header `Link` (RFC 8288).
    """
    headers = {"Link": f'<{next_page}>; rel="next"'} if next_page else None
    return JsonAnswer(encode_json(model), headers=headers)


def _has(known: Iterable[str], tag: str) -> bool:
    """Whether a tag is among those of If-None-Match, compared weakly as RFC 9110 wants it there."""
    return any(one.strip().removeprefix("W/") in (tag, "*") for line in known for one in line.split(","))
