"""From the body of a request to checked events: all of them, or a list of what is wrong with which."""

from typing import Any, Final

import msgspec
from fastapi.exceptions import RequestValidationError

from events.contracts import CONTRACTS, Event, check
from events.encoding import decode_value
from events.errors import RejectedEvent

#: In one request; more are a file, for `c360 replay`.
MOST_EVENTS: Final = 1000

_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])


def read_batch(stream: str, body: bytes) -> list[Event]:
    """Read one event, or a list of them.

    Raises: RequestValidationError with the first thing that is wrong with each bad event.
    """
    single = not body.lstrip(b" \t\r\n").startswith(b"[")
    items = [body] if single else _split(body)
    events, errors = [], []
    for number, item in enumerate(items):
        try:
            event = decode_value(stream, bytes(item))
            check(event)
            events.append(event)
        except RejectedEvent as error:
            place = () if single else (number,)
            errors.append(_complaint((*place, *_path(error.field)), error.reason))
    if errors:
        raise RequestValidationError(errors)
    return events


def body_schema(stream: str) -> dict[str, Any]:
    """What a request's body may be, as JSON Schema: one event of this stream, or a list."""
    model = CONTRACTS[stream]
    _, components = msgspec.json.schema_components([model])
    event = _with_numbers(components[model.__name__] | {"title": f"{model.__name__}Event"})
    return {"oneOf": [event, {"type": "array", "items": event, "minItems": 1, "maxItems": MOST_EVENTS}]}


def _split(body: bytes) -> list[msgspec.Raw]:
    try:
        items = _ITEMS.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RequestValidationError([_complaint((), f"the body is not JSON: {error}")]) from error
    if not 1 <= len(items) <= MOST_EVENTS:
        raise RequestValidationError([_complaint((), f"{len(items):,} events: expected 1 to {MOST_EVENTS:,}")])
    return items


def _path(field: str | None) -> list[str]:
    return (field or "").removeprefix("$").strip(".").split(".") if field else []


def _complaint(place: tuple[int | str, ...], reason: str) -> dict[str, Any]:
    return {"loc": ("body", *place), "msg": reason, "type": "value_error"}


def _with_numbers(schema: Any) -> Any:
    """Amounts may be JSON numbers, too, which msgspec reads but does not say."""
    if isinstance(schema, dict):
        if schema.get("format") == "decimal":
            return {"type": ["number", "string"]}
        return {name: _with_numbers(value) for name, value in schema.items()}
    return [_with_numbers(value) for value in schema] if isinstance(schema, list) else schema
