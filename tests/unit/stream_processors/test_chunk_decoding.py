"""A chunk is decoded all at once where all is well; that must accept what record by record would, and nothing else."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from events import encoding
from events.contracts import MAX_EVENT_BYTES, Interaction
from events.encoding import STANDARD_HEADERS
from events.errors import RejectedEvent
from events.identity import fact_id, hashed
from events.topics import partition_of
from stream_processors.binary import micros
from stream_processors.catalogue import Catalogue
from stream_processors.channels import Channels
from stream_processors.chunks import Chunk
from stream_processors.customers import Customers
from stream_processors.interactions import Interactions
from stream_processors.ownership import Ownership
from stream_processors.product_discussions import ProductDiscussions
from stream_processors.products import Products
from stream_processors.rejected_rows import RejectedRows
from stream_processors.transactions import Transactions
from stream_processors.unit_of_work import Stream

PARTITIONS = 2
HOME = partition_of(b"1", PARTITIONS)
GOOD = {"event_id": "e", "customer_id": "1", "channel": "Email", "occurred_at": "2020-01-01T00:00:00Z"}
STANDARD = list(STANDARD_HEADERS["interactions"])
STRUCTURED = ("content-type", b"application/cloudevents+json")


@dataclass(frozen=True, slots=True)
class Sent:
    """A record as the consumer delivers it."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


def event(**changes: Any) -> bytes:
    return json.dumps(GOOD | changes).encode()


KEYS = st.sampled_from([b"1"] * 8 + [b"2", b"3", b"1.0", b" 1", b"", b"\xff", None])
FIELDS = st.sampled_from(["event_id", "customer_id", "channel", "occurred_at", "product", "count", "revenue", "other"])
ODD = st.sampled_from(
    [
        None, "", " ", "1", "1.0", "2", " x", "x ", "a\0b", "\ud800", "\N{NO-BREAK SPACE}", "x" * 200, "x" * 201, "Ü",
        0, 1, -1, 1.0, 1.5, 10**9, 10**9 + 1, 10**30, 1e300, 0.1, 1e-7, -0.0, 999_999_999_999.5, 1e12, True, [], {},
        "1899-12-31T23:59:59Z", "1900-01-01T00:00:00Z", "2199-12-31T23:59:59.999999Z", "2200-01-01T00:00:00Z",
        "2200-01-01T00:00:00+01:00", "2020-01-01T00:00:00", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00",
        "NaN", "sNaN", "-Infinity", "1e1000000", "0e999999999999", "1_000", "00000000-0000-8000-8000-00000000000A",
    ]
)  # fmt: skip
VALUES = st.one_of(
    st.just(event()),
    st.builds(lambda changes: event(**changes), st.dictionaries(FIELDS, ODD, max_size=2)),
    st.builds(lambda gone: json.dumps({k: v for k, v in GOOD.items() if k != gone}).encode(), FIELDS),
    st.builds(
        lambda place, byte: (text := event())[: place % len(text)] + bytes([byte]) + text[place % len(text) + 1 :],
        st.integers(0, 200),
        st.integers(0, 255),
    ),
    st.builds(lambda value: b'{"type":"c360.interactions.v1","data":' + value + b"}", st.just(event())),
    st.just(event()[:-1] + b',"revenue":1e1000000}'),
    st.just(event()[:-1] + b',"x":' + b"[" * 5000 + b"]" * 5000 + b"}"),
    st.none(),
    st.binary(max_size=10),
)
HEADERS = st.one_of(
    st.just(()),
    st.just(tuple(STANDARD)),
    st.builds(
        lambda before, after: [*before, *STANDARD, *after],
        st.lists(st.sampled_from([STRUCTURED, ("ce_type", b"c360.interactions.v2"), ("x", None)]), max_size=1),
        st.lists(
            st.sampled_from(
                [STRUCTURED, ("ce_type", b"c360.interactions.v2"), ("Content-Type", None), ("event_id", b"e")]
            ),
            max_size=2,
        ),
    ),
    st.lists(
        st.tuples(
            st.sampled_from(["content-type", "ce_type", "event_id", "ce_id"]),
            st.sampled_from([None, b"", b"e", b"c360.interactions.v1", b"application/cloudevents+json", b"\xff"]),
        ),
        max_size=3,
    ),
)
RECORDS = st.lists(st.tuples(KEYS, VALUES, HEADERS), min_size=1, max_size=4)


def one_by_one(records: Sequence[Sent], partition: int) -> tuple[list[Interaction], list[tuple[bytes, int]], list[int]]:
    """What `Interactions.decode` says it does: accepted events, withdrawals, and the offsets of what is refused."""
    events: list[Interaction] = []
    withdrawn: list[tuple[bytes, int]] = []
    refused: list[int] = []
    for record in records:
        try:
            told = encoding.decode("interactions", record.key, record.value, record.headers)
            Ownership(PARTITIONS).check(told.key, partition)
            if isinstance(told, Interaction):
                events.append(told)
            elif told.identity is None:
                raise RejectedEvent("names no interaction")
            else:
                withdrawn.append((fact_id(told.identity), len(events)))
        except RejectedEvent:
            refused.append(record.offset)
    return events, withdrawn, refused


@given(RECORDS)
@example([(b"1", event(), STANDARD), (b"1", event(), [*STANDARD, STRUCTURED])])
@example([(b"1", event(product="a\0b"), STANDARD)])
@example([(b"1", event(event_id=" e"), STANDARD)])
@example([(b"1", event(revenue="0e999999999999"), ())])
@example([(b"1", event(occurred_at="2200-01-01T00:00:00Z"), ())])
@example([(b"1", event(occurred_at="1899-12-31T23:59:59.999999Z"), STANDARD)])
@example([(b"1", event(occurred_at="0001-01-01T00:00:00+23:00"), ())])
@example([(b"2", event(), STANDARD)])
@example([(b"1.0", event(customer_id="1.0"), STANDARD)])
@example([(b"1", event() + b" " * MAX_EVENT_BYTES, ())])
def test_a_chunk_is_what_its_records_are(records: list[tuple[Any, Any, Any]]) -> None:
    sent = [Sent(offset, *record) for offset, record in enumerate(records, start=7)]
    decoded = Interactions(Catalogue(), Ownership(PARTITIONS)).decode(Chunk("interactions", HOME, 7, sent))
    events, withdrawn, refused = one_by_one(sent, HOME)
    facts = decoded.events.facts
    assert facts == Facts(
        [fact_id(one.event_id) for one in events],
        [one.customer_id for one in events],
        [one.channel for one in events],
        [micros(one.occurred_at) for one in events],
        [one.product for one in events],
        [one.count for one in events],
        [one.revenue for one in events],
        [HOME] * len(events),
        [hashed([one.event_id])[0] for one in events],
    )
    assert decoded.events.withdrawn == withdrawn
    assert [reject.record.offset for reject in decoded.rejected] == refused
    assert {len(getattr(facts, column.name)) for column in fields(facts)} == {len(events)}


@given(RECORDS)
def test_every_good_record_alone_takes_the_same_way_as_among_others(records: list[tuple[Any, Any, Any]]) -> None:
    """No record changes what becomes of another one."""
    stream = Interactions(Catalogue(), Ownership(PARTITIONS))
    sent = [Sent(offset, *record) for offset, record in enumerate(records)]
    together = stream.decode(Chunk("interactions", HOME, 0, sent))
    alone = [stream.decode(Chunk("interactions", HOME, one.offset, [one])) for one in sent]
    assert together.events.facts.event_id == [fact for one in alone for fact in one.events.facts.event_id]
    assert len(together.rejected) == sum(len(one.rejected) for one in alone)


def streams() -> list[tuple[str, Stream]]:
    ownership = Ownership(PARTITIONS)
    return [
        ("customers", Customers(ownership)),
        ("interactions", Interactions(Catalogue(), ownership)),
        ("product_discussions", ProductDiscussions()),
        ("rejected_events", RejectedRows()),
    ]


@pytest.mark.parametrize(("topic", "stream"), streams(), ids=lambda value: value if isinstance(value, str) else "")
@given(records=st.lists(st.tuples(st.none() | st.binary(max_size=8) | KEYS, VALUES, HEADERS), min_size=1, max_size=3))
def test_no_record_stops_a_stream(topic: str, stream: Stream, records: list[tuple[Any, Any, Any]]) -> None:
    sent = [Sent(offset, *record) for offset, record in enumerate(records)]
    decoded = stream.decode(Chunk(topic, HOME, 0, sent))
    assert all(reject.error.reason for reject in decoded.rejected)
    assert len(decoded.rejected) <= len(records)


def test_offsets_without_a_record_are_counted() -> None:
    chunk = Chunk("interactions", 0, 5, [Sent(7, b"1", b""), Sent(9, b"1", b"")])
    assert (chunk.next_offset, chunk.size, chunk.skipped) == (10, 2, 3)


def test_a_chunk_lets_go_of_its_records_and_knows_its_offsets_all_the_same() -> None:
    chunk = Chunk("interactions", 0, 5, [Sent(7, b"1", b"")])
    chunk.release()
    assert (chunk.next_offset, chunk.size, chunk.skipped) == (8, 1, 2)
    assert not chunk.records


def test_withdrawals_keep_their_place_among_the_facts() -> None:
    stream = Interactions(Catalogue(), Ownership(PARTITIONS))
    withdrawals = [("event_id", b"e"), ("event_id", b"f"), ("event_id", b"g")]
    sent = [
        Sent(0, b"1", None, [withdrawals[0]]),
        Sent(1, b"1", event(event_id="e")),
        Sent(2, b"1", None, [withdrawals[1]]),
        Sent(3, b"1", None, [withdrawals[2]]),
        Sent(4, b"1", event(event_id="f")),
        Sent(5, b"1", None, [withdrawals[0]]),
    ]
    steps = stream.decode(Chunk("interactions", HOME, 0, sent)).events.steps(HOME, 10)
    assert [(step.fact_id, step.place) for step in steps] == [
        (fact_id("e"), None),
        (fact_id("e"), 10),
        (fact_id("f"), None),
        (fact_id("g"), None),
        (fact_id("f"), 11),
        (fact_id("e"), None),
    ]


def test_moments_are_exact_to_the_microsecond() -> None:
    stream = Interactions(Catalogue(), Ownership(PARTITIONS))
    sent = [Sent(0, b"1", event(occurred_at="2199-12-31T23:59:59.999999+00:00"))]
    facts = stream.decode(Chunk("interactions", HOME, 0, sent)).events.facts
    whole = int(datetime(2199, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
    assert facts.occurred_at == [whole * 1_000_000 + 999_999]
