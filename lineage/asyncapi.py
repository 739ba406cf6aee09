"""The topics as an AsyncAPI 3 document: channels, who sends and receives, keys, headers and payloads.

Source of the format: https://www.asyncapi.com/docs/reference/specification/v3.0.0 and the Kafka bindings 0.5.0.
"""

from importlib.metadata import version
from typing import Any, Final

from events import topics
from events.contracts import CONTRACTS, Event
from events.encoding import IDENTITY_HEADERS, STANDARD_HEADERS, event_type
from events.schema import schema_of

Json = dict[str, Any]

_BINDING: Final = "0.5.0"
_DESCRIPTION: Final = f"""\
Customer, interaction, product and purchase events. Records follow the CloudEvents Kafka binding in binary mode; its
structured mode and plain JSON without headers are read, too.

The record key decides the partition, by the partitioner `{topics.LIBRDKAFKA_PARTITIONER}` (that of Kafka's Java
client): every topic keyed by customer has the same number of partitions, so that one worker owns all that is known
about a customer. A tombstone (null value) withdraws the fact that one of its headers
{", ".join(f"`{name}`" for name in IDENTITY_HEADERS)} names or, on topics with one fact per key, that of its key.
"""


def asyncapi_document(*, partitions: int, replication_factor: int, bootstrap_servers: str | None = None) -> Json:
    """Describe every topic of `events.topics`.

    Args:
        partitions: Of each topic, when it is created.
        replication_factor: Likewise.
        bootstrap_servers: host:port list of the broker, where there is one to name.
    """
    sizes = {"partitions": partitions, "replicas": replication_factor}
    document: Json = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Live Customer 360: the topics",
            "version": version("live-customer-360"),
            "description": _DESCRIPTION,
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic, sizes) for topic in topics.ALL},
        "operations": {},
        "components": {
            "messages": {topic.name: _message(CONTRACTS[topic.name]) for topic in topics.ALL},
            "schemas": {topic.name: schema_of(CONTRACTS[topic.name]) for topic in topics.ALL},
        },
    }
    for topic in topics.ALL:
        document["operations"] |= _operations(topic)
    if bootstrap_servers:
        document["servers"] = {"kafka": {"host": bootstrap_servers, "protocol": "kafka"}}
    return document


def _channel(topic: topics.Topic, sizes: dict[str, int]) -> Json:
    configuration: Json = {"cleanup.policy": [topic.config["cleanup.policy"]]}
    if "retention.ms" in topic.config:
        configuration["retention.ms"] = int(topic.config["retention.ms"])
    return {
        "address": topic.name,
        "description": CONTRACTS[topic.name].__doc__,
        "messages": {topic.name: {"$ref": f"#/components/messages/{topic.name}"}},
        "bindings": {
            "kafka": {"topic": topic.name, **sizes, "topicConfiguration": configuration, "bindingVersion": _BINDING}
        },
    }


def _message(model: type[Event]) -> Json:
    name = model.topic.name
    key = {"type": "string", "description": f"UTF-8: {model.topic.key}. Decides the partition."}
    return {
        "name": event_type(model),
        "title": model.__name__,
        "contentType": "application/json",
        "headers": _headers(model),
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "bindings": {"kafka": {"key": key, "bindingVersion": _BINDING}},
    }


def _headers(model: type[Event]) -> Json:
    """Binary mode of the CloudEvents binding; all are optional to whom writes plain JSON."""
    constant = {name: {"type": "string", "const": value.decode()} for name, value in STANDARD_HEADERS[model.topic.name]}
    return {
        "type": "object",
        "properties": {
            **constant,
            "ce_id": {"type": "string", "description": "Identity of the fact: told again, it is the same fact."},
            "ce_source": {"type": "string", "description": "Where it comes from: a URI reference."},
        },
    }


def _operations(topic: topics.Topic) -> Json:
    channel = {"$ref": f"#/channels/{topic.name}"}
    messages = [{"$ref": f"#/channels/{topic.name}/messages/{topic.name}"}]
    sender = "Producers tell" if topic in topics.STREAMS else "Producers set aside rows that can't become events:"
    return {
        f"send_{topic.name}": {
            "action": "send",
            "channel": channel,
            "messages": messages,
            "summary": f"{sender} {topic.name}: `c360 replay`, `c360 pull`, `POST /api/v1/events/{topic.name}`."
            if topic in topics.STREAMS
            else f"{sender} `c360 replay`, `c360 pull`.",
        },
        f"receive_{topic.name}": {
            "action": "receive",
            "channel": channel,
            "messages": messages,
            "summary": f"The processors keep {topic.name} in Postgres, each fact once, and move what depends on it.",
        },
    }
