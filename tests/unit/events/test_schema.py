"""The contracts as JSON Schema, and every field with a description of its own."""

import msgspec
import pytest

from events.contracts import CONTRACTS, Event, Transaction
from events.schema import field_meanings, schema_of


@pytest.mark.parametrize("model", CONTRACTS.values())
def test_every_field_says_what_it_means(model: type[Event]) -> None:
    meanings = field_meanings(model)
    undocumented = set(model.__struct_fields__) - meanings.keys()
    assert not undocumented, f"{model.__name__}: put a `#:` comment before these fields"
    assert all(meaning.strip() for meaning in meanings.values())
    assert model.__doc__


def test_a_schema_has_types_bounds_and_descriptions() -> None:
    schema = schema_of(Transaction)
    assert schema["required"] == ["transaction_id", "customer_id", "occurred_at", "amount", "currency"]
    assert schema["properties"]["quantity"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 1_000_000_000,
        "default": 1,
        "description": "Units bought.",
    }
    assert schema["description"].startswith("A customer bought something;")
    assert not [key for key in msgspec.json.encode(schema).decode().split('"') if key == "$ref"]
