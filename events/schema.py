"""The contracts as JSON Schema: what msgspec makes of their types, described by the `#:` comments of their fields."""

import inspect
import re
from typing import Any, Final

import msgspec

from events.contracts import Event

Schema = dict[str, Any]

_COMMENT: Final = re.compile(r"\s*#: ?(.*)")
_FIELD: Final = re.compile(r"    (\w+): ")


def schema_of(model: type[Event]) -> Schema:
    """JSON Schema (2020-12) of the value of a stream's events."""
    _, definitions = msgspec.json.schema_components([model])
    schema: Schema = definitions[model.__name__]
    meanings = field_meanings(model)
    for name, field in schema["properties"].items():
        for one in (field, *field.get("anyOf", ())):
            if one.get("format") == "decimal":
                one |= {"type": ["number", "string"]}  # we write numbers, and read both
        if meaning := meanings.get(name):
            field["description"] = meaning
    return {**schema, "description": inspect.cleandoc(model.__doc__ or "")}


def field_meanings(model: type[Event]) -> dict[str, str]:
    """What the source says of each field, in the `#:` comment before it; fields without one are left out."""
    meanings: dict[str, str] = {}
    comment: list[str] = []
    for line in inspect.getsource(model).splitlines():
        if found := _COMMENT.fullmatch(line):
            comment.append(found[1])
            continue
        if comment and (found := _FIELD.match(line)):
            meanings[found[1]] = " ".join(comment)
        comment = []
    return meanings
