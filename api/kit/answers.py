"""Answers with exact numbers: amounts are JSON numbers with all their digits, never floats."""

from decimal import Decimal
from typing import Annotated, Final

import msgspec
from pydantic import BaseModel, BeforeValidator, WithJsonSchema
from starlette.responses import Response

from api.kit.parameters import id_as_json

_encode: Final = msgspec.json.Encoder(decimal_format="number").encode

#: An exact decimal.
Amount = Annotated[Decimal, WithJsonSchema({"type": "number"})]

#: A customer's id in an answer; takes the stored text.
AnsweredId = Annotated[int | str, BeforeValidator(id_as_json)]


def encode_json(model: BaseModel) -> bytes:
    """A model as JSON, with exact numbers."""
    return _encode(model.model_dump())


def json_answer(model: BaseModel, *, next_page: str | None = None) -> Response:
    """The answer with this body.

    Args:
        next_page: Where the next page is, for the header `Link` (RFC 8288).
    """
    headers = {"Link": f'<{next_page}>; rel="next"'} if next_page else None
    return Response(encode_json(model), media_type="application/json", headers=headers)
