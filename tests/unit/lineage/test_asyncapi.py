"""The AsyncAPI document: valid by AsyncAPI's own schema, and true of what we encode."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from events import topics
from events.contracts import CONTRACTS, Channel, Customer, Event, Interaction, ProductDiscussion, Transaction
from events.encoding import encode
from lineage.asyncapi import asyncapi_document

OFFICIAL = Path(__file__).parent / "asyncapi_specs" / "3.0.0.json"
AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
EVENTS = (
    Customer(customer_id="1", first_name=None, date_of_birth=date(1980, 5, 17), account_balance=Decimal("1.5")),
    Interaction(event_id="a", customer_id="1", channel="Email", occurred_at=AT, revenue=Decimal("-0.5")),
    Transaction(
        transaction_id="t", customer_id="1", occurred_at=AT, category="Toys", amount=Decimal("9.95"), currency="EUR"
    ),
    ProductDiscussion(month="2026-11", product="Sand"),
    Channel(channel="Email"),
)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return asyncapi_document(partitions=4, replication_factor=3, bootstrap_servers="broker:9092")


def official() -> Any:
    return jsonschema_rs.validator_for(json.loads(OFFICIAL.read_text()))


def test_it_is_valid(document: dict[str, Any]) -> None:
    errors = [f"{error.instance_path}: {error.message}" for error in official().iter_errors(document)]
    assert errors == []


@pytest.mark.parametrize("wrong", [{"asyncapi": "3"}, {"channels": {"a": {"address": 1}}}, {"operations": {"a": {}}}])
def test_the_official_schema_would_say_so(document: dict[str, Any], wrong: dict[str, Any]) -> None:
    assert not official().is_valid(document | wrong)


def test_every_topic_has_its_channel_and_operations(document: dict[str, Any]) -> None:
    assert list(document["channels"]) == [topic.name for topic in topics.ALL]
    actions = {(operation["action"], operation["channel"]["$ref"]) for operation in document["operations"].values()}
    assert actions == {(action, f"#/channels/{topic.name}") for topic in topics.ALL for action in ("send", "receive")}
    binding = document["channels"]["channels"]["bindings"]["kafka"]
    assert (binding["partitions"], binding["replicas"]) == (4, 3)
    assert binding["topicConfiguration"] == {"cleanup.policy": ["compact"]}
    assert "murmur2" in document["info"]["description"]


def test_references_lead_somewhere(document: dict[str, Any]) -> None:
    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            here = [part["$ref"]] if "$ref" in part else []
            return here + [found for value in part.values() for found in references(value)]
        return [found for value in part for found in references(value)] if isinstance(part, list) else []

    for reference in references(document):
        place: Any = document
        for name in reference.removeprefix("#/").split("/"):
            place = place[name]
        assert place


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.topic.name)
def test_what_we_send_is_as_described(document: dict[str, Any], event: Event) -> None:
    record = encode(event)
    assert record.value
    message = document["components"]["messages"][record.topic]
    payload = jsonschema_rs.validator_for(document["components"]["schemas"][record.topic])
    payload.validate(json.loads(record.value))
    headers = {name: value.decode() for name, value in record.headers}
    jsonschema_rs.validator_for(message["headers"]).validate(headers)
    assert headers.keys() == message["headers"]["properties"].keys()
    assert not payload.is_valid({})


def test_a_payload_that_breaks_the_contract_is_not_as_described(document: dict[str, Any]) -> None:
    schema = document["components"]["schemas"]["transactions"]
    assert schema["title"] == CONTRACTS["transactions"].__name__
    value = json.loads(encode(EVENTS[2]).value or b"")
    assert not jsonschema_rs.validator_for(schema).is_valid(value | {"currency": "euro"})
    assert not jsonschema_rs.validator_for(schema).is_valid(value | {"amount": True})
