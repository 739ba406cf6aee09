"""Events to Kafka records and back: JSON values, CloudEvents headers.

What we publish is the CloudEvents Kafka binding in binary mode. What we read is that, its structured mode
(`application/cloudevents+json`), and plain JSON without any headers.
Source: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from events.contracts import CONTRACTS, MAX_EVENT_BYTES, Event, check
from events.errors import RejectedEvent

#: A value may be null in Kafka, and then says nothing.
Headers = Sequence[tuple[str, bytes | None]]

#: A tombstone (null value) names the fact that it withdraws in one of these headers; its key is the fact's key.
IDENTITY_HEADERS: Final = ("event_id", "transaction_id", "ce_id")

_STRUCTURED: Final = b"application/cloudevents+json"
_encode = msgspec.json.Encoder(decimal_format="number").encode
_DECODERS: Final = {name: msgspec.json.Decoder(model) for name, model in CONTRACTS.items()}


def event_type(model: type[Event]) -> str:
    """The CloudEvents type of a stream's events, such as `c360.interactions.v1`."""
    return f"c360.{model.topic.name}.v{model.version}"


#: What the headers of our own records begin with, so that a processor knows them at a glance.
STANDARD_HEADERS: Final = {
    name: (
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_type", event_type(model).encode()),
    )
    for name, model in CONTRACTS.items()
}


class Record(NamedTuple):
    """What is sent to Kafka for one event. `value` is None for a tombstone."""

    topic: str
    key: bytes
    value: bytes | None
    headers: list[tuple[str, bytes]]


class Tombstone(NamedTuple):
    """A record without a value: withdraws the fact called `identity`, or all that `key` stands for when None."""

    key: str
    identity: str | None


class _Envelope(msgspec.Struct):
    """A CloudEvent in structured mode; only what decides how `data` is read."""

    type: str
    data: msgspec.Raw


def encode(event: Event, *, source: str = "c360") -> Record:
    """Turn a checked event into the record that carries it.

    Args:
        event: An event that passed `contracts.check`.
        source: Where it comes from, for the `ce_source` header: a URI reference such as `file/crm_export.xlsx`.
    """
    headers = [
        *STANDARD_HEADERS[event.topic.name],
        ("ce_id", event.identity.encode()),
        ("ce_source", source.encode()),
    ]
    return Record(event.topic.name, event.key.encode(), _encode(event), headers)


def encode_tombstone(topic: str, *, key: str, identity: str | None = None) -> Record:
    """Make the record that withdraws one fact (or, without an identity, all that the key stands for)."""
    headers = [] if identity is None else [(IDENTITY_HEADERS[0], identity.encode())]
    return Record(topic, key.encode(), None, headers)


def decoder_for(topic: str) -> msgspec.json.Decoder[Event]:
    """The bare decoder of a topic's values, for whoever decodes many at once (see `decode` for the rules)."""
    return _DECODERS[topic]


def decode(topic: str, key: bytes | None, value: bytes | None, headers: Headers = ()) -> Event | Tombstone:
    """Read one record and hold it against its contract.

    Raises: RejectedEvent with the reason and, where there is one, the field.
    """
    text_key = _decode_key(key)
    if value is None:
        return Tombstone(text_key, _identity(headers))
    event = decode_value(topic, value, headers)
    if event.key != text_key:
        raise RejectedEvent(f"the record key is {text_key!r} but the event belongs to {event.key!r}: use the latter")
    check(event)
    return event


def decode_value(topic: str, value: bytes, headers: Headers = ()) -> Event:
    """Decode a value by the bytes and headers alone: types and lengths, not yet `contracts.check`.

    Raises: RejectedEvent.
    """
    if len(value) > MAX_EVENT_BYTES:
        raise RejectedEvent(f"{len(value):,} bytes are too many: at most {MAX_EVENT_BYTES:,} are accepted")
    try:
        if _content_type(headers) == _STRUCTURED:
            envelope = msgspec.json.decode(value, type=_Envelope)
            _check_type(topic, envelope.type)
            value = bytes(envelope.data)
        elif (ce_type := _header_text(headers, "ce_type")) is not None:
            _check_type(topic, ce_type)
        return _DECODERS[topic].decode(value)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at ")
        raise RejectedEvent(reason, field=place.strip("`") or None) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RejectedEvent(f"the value is not JSON: {error}") from error


def header_value(headers: Iterable[tuple[str, bytes | None]], name: str) -> bytes | None:
    """The first header of that name."""
    return next((value for header, value in headers if header == name), None)


def _content_type(headers: Headers) -> bytes:
    """The first content type, without its parameters."""
    value = next((value for name, value in headers if name.lower() == "content-type"), None)
    return (value or b"").partition(b";")[0].strip().lower()


def _check_type(topic: str, ce_type: str) -> None:
    expected = event_type(CONTRACTS[topic])
    if ce_type != expected:
        raise RejectedEvent(f"type {ce_type!r} is not known on topic {topic}: expected {expected!r}", field="ce_type")


def _header_text(headers: Headers, name: str) -> str | None:
    value = header_value(headers, name)
    return None if value is None else value.decode(errors="replace")


def _identity(headers: Headers) -> str | None:
    return next((text for name in IDENTITY_HEADERS if (text := _header_text(headers, name)) is not None), None)


def _decode_key(key: bytes | None) -> str:
    if not key:
        raise RejectedEvent("the record has no key: the key decides the partition and must name the event's owner")
    try:
        return key.decode()
    except UnicodeDecodeError as error:
        raise RejectedEvent(f"the record key is not UTF-8: {error}") from error
