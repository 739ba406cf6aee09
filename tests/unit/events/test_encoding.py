"""What is published must be read as it was meant, and whatever else comes must be refused with a reason."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from events import encoding
from events.contracts import MAX_EVENT_BYTES, Customer, Event, Interaction, ProductDiscussion, check
from events.encoding import Tombstone
from events.errors import RejectedEvent

INTERACTION = Interaction(
    event_id="e", customer_id="1", channel="Email", occurred_at=datetime(2020, 1, 1, tzinfo=UTC), revenue=Decimal("1.5")
)
PLAIN = b'{"event_id":"e","customer_id":"1","channel":"Email","occurred_at":"2020-01-01T00:00:00Z","revenue":1.5}'
STRUCTURED = [("content-type", b"application/cloudevents+json")]

IDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=20).filter(
    lambda text: not text.endswith(".0") and text == text.strip()
)
AMOUNTS = st.decimals(-(10**11), 10**11, places=6)
MOMENTS = st.datetimes(
    datetime(1901, 1, 1),
    datetime(2199, 1, 1),
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-11, minutes=-30)), timezone(timedelta(hours=14))]),
)
EVENTS = st.one_of(
    st.builds(
        Interaction,
        event_id=IDS,
        customer_id=IDS,
        channel=IDS,
        occurred_at=MOMENTS,
        product=st.none() | IDS,
        count=st.integers(1, 10**9),
        revenue=st.none() | AMOUNTS,
    ),
    st.builds(
        Customer,
        customer_id=IDS,
        email=st.just(UNSET) | st.none() | IDS,
        account_balance=st.just(UNSET) | st.none() | AMOUNTS,
        date_of_birth=st.just(UNSET) | st.none() | st.dates(),
        created_at=st.just(UNSET) | st.none() | MOMENTS,
    ),
    st.builds(
        ProductDiscussion, month=st.dates(date(1900, 1, 1), date(2199, 12, 31)).map("{:%Y-%m}".format), product=IDS
    ),
)


def decode(value: bytes | None, headers: Any = (), *, topic: str = "interactions", key: bytes | None = b"1") -> Any:
    return encoding.decode(topic, key, value, headers)


def structured(**changes: Any) -> bytes:
    envelope = {"specversion": "1.0", "type": "c360.interactions.v1", "data": json.loads(PLAIN)}
    return json.dumps(envelope | changes).encode()


@given(EVENTS)
def test_what_is_published_is_what_is_read(event: Event) -> None:
    try:
        check(event)
    except RejectedEvent:
        return
    record = encoding.encode(event)
    assert encoding.decode(record.topic, record.key, record.value, record.headers) == event
    assert encoding.decode(record.topic, record.key, record.value) == event


def test_published_records_follow_the_cloudevents_binding_in_binary_mode() -> None:
    record = encoding.encode(INTERACTION, source="file/a.xlsx")
    assert (record.topic, record.key, record.value) == ("interactions", b"1", PLAIN)
    assert dict(record.headers) == {
        "content-type": b"application/json",
        "ce_specversion": b"1.0",
        "ce_type": b"c360.interactions.v1",
        "ce_id": b"e",
        "ce_source": b"file/a.xlsx",
    }


@pytest.mark.parametrize(
    "headers",
    [
        (),
        [("traceparent", b"\xff")],
        [("ce_type", b"c360.interactions.v1")],
        [("Content-Type", b"application/json; charset=utf-8")],
        [("content-type", None), ("ce_type", None)],
        [("content-type", b"application/json"), *STRUCTURED],
    ],
)
def test_plain_json_is_read_whatever_else_the_headers_say(headers: Any) -> None:
    assert decode(PLAIN, headers) == INTERACTION


@pytest.mark.parametrize(
    "content_type",
    [b"application/cloudevents+json", b"application/cloudevents+json; charset=UTF-8", b"Application/CloudEvents+JSON"],
)
@pytest.mark.parametrize("name", ["content-type", "Content-Type"])
def test_structured_cloudevents_are_read(name: str, content_type: bytes) -> None:
    assert decode(structured(), [(name, content_type)]) == INTERACTION


@pytest.mark.parametrize(
    ("value", "headers", "reason", "field"),
    [
        (PLAIN, [("ce_type", b"c360.interactions.v2")], "not known", "ce_type"),
        (PLAIN, [("ce_type", b"c360.customers.v1")], "not known", "ce_type"),
        (PLAIN, [("ce_type", b"\xff")], "not known", "ce_type"),
        (structured(type="c360.interactions.v2"), STRUCTURED, "not known", "ce_type"),
        (structured(type=None), STRUCTURED, "Expected `str`", "$.type"),
        (structured(data=None), STRUCTURED, "Expected `object`", None),
        (PLAIN, STRUCTURED, "missing required field `type`", None),
        (b"", (), "not JSON", None),
        (b"{", (), "not JSON", None),
        (PLAIN + b"x", (), "not JSON", None),
        (PLAIN.replace(b"Email", b"\xff"), (), ".", None),
        (PLAIN.replace(b"Email", rb"\ud800"), (), "not JSON", None),
        (PLAIN.replace(b"Email", rb"a\u0000b"), (), "NUL", "$.channel"),
        (PLAIN.replace(b"Email", b"E\0"), (), ".", None),
        (b"null", (), "Expected `object`", None),
        (b"[1]", (), "Expected `object`", None),
        (b'"text"', (), "Expected `object`", None),
        (b"[" * 200_000, (), ".", None),
        (PLAIN[:-1] + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", (), "recursion", None),
        (PLAIN.replace(b"1.5", b"1e1000000"), (), "out of range", "$.revenue"),
        (PLAIN.replace(b"1.5", b"NaN"), (), "not JSON", None),
        (PLAIN.replace(b"2020-01-01", b"2020-02-30"), (), "RFC3339", "$.occurred_at"),
        (PLAIN.replace(b"2020-01-01", b"0001-01-01"), (), "between", "$.occurred_at"),
        (PLAIN.replace(b':"1"', b':"2"'), (), "the record key is '1' but the event belongs to '2'", None),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(
    value: bytes, headers: Any, reason: str, field: str | None
) -> None:
    with pytest.raises(RejectedEvent, match=reason) as caught:
        decode(value, headers)
    assert field is None or caught.value.field == field


@pytest.mark.parametrize(
    ("key", "reason"), [(None, "no key"), (b"", "no key"), (b"\xff", "not UTF-8"), (b" 1", "the record key is ' 1'")]
)
def test_keys_that_name_nobody_are_refused(key: bytes | None, reason: str) -> None:
    with pytest.raises(RejectedEvent, match=reason):
        decode(PLAIN, key=key)


def test_events_of_a_megabyte_are_accepted_and_larger_ones_are_not() -> None:
    room = MAX_EVENT_BYTES - len(PLAIN)
    assert decode(PLAIN + b" " * room) == INTERACTION
    with pytest.raises(RejectedEvent, match=r"1,000,001 bytes are too many"):
        decode(PLAIN + b" " * (room + 1))


@pytest.mark.parametrize(
    ("headers", "identity"),
    [
        ((), None),
        ([("event_id", b"e")], "e"),
        ([("ce_id", b"e")], "e"),
        ([("ce_id", b"other"), ("event_id", b"e")], "e"),
        ([("event_id", None), ("ce_id", b"e")], "e"),
        ([("event_id", b"\xff")], "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_a_tombstone_names_what_it_withdraws(headers: Any, identity: str | None) -> None:
    assert decode(None, headers) == Tombstone("1", identity)


@given(IDS, IDS)
def test_tombstones_are_read_as_they_were_meant(key: str, identity: str) -> None:
    record = encoding.encode_tombstone("interactions", key=key, identity=identity)
    assert encoding.decode(*record) == Tombstone(key, identity)


ANY_HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["content-type", "Content-Type", "ce_type", "ce_id", "event_id"]) | st.text(max_size=5),
        st.none()
        | st.binary(max_size=5)
        | st.sampled_from([b"application/json", b"application/cloudevents+json", b"c360.interactions.v1"]),
    ),
    max_size=4,
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("2020-01-01T00:00:00Z"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "data", "event_id", "customer_id", "channel", "occurred_at", "month", "product"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=10,
)


@pytest.mark.parametrize("topic", list(encoding.CONTRACTS))
@given(
    key=st.none() | st.binary(max_size=5) | st.just(b"1"),
    value=st.none() | st.binary(max_size=20) | ANY_JSON.map(lambda value: json.dumps(value).encode()),
    headers=ANY_HEADERS,
)
def test_any_record_is_read_or_refused(topic: str, key: Any, value: Any, headers: Any) -> None:
    try:
        event = encoding.decode(topic, key, value, headers)
    except RejectedEvent:
        return
    assert event.key.encode() == key
