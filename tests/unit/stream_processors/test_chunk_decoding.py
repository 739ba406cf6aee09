"""A chunk is decoded all at once where all is well; that must accept what record by record would, and nothing else."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from events import encoding, topics
from events.contracts import MAX_EVENT_BYTES, Event
from events.encoding import STANDARD_HEADERS
from events.errors import RejectedEvent
from events.identity import fact_id, fact_ids
from events.topics import partition_of
from stream_processors.binary import micros
from stream_processors.catalogue import Catalogue
from stream_processors.channels import Channels
from stream_processors.chunks import Chunk, evenly
from stream_processors.customers import Customers
from stream_processors.fact_stream import FactStream
from stream_processors.interactions import Interactions
from stream_processors.ownership import Ownership
from stream_processors.product_discussions import ProductDiscussions
from stream_processors.products import Products
from stream_processors.rejected_rows import RejectedRows
from stream_processors.transactions import Transactions
from stream_processors.unit_of_work import Stream

PARTITIONS = 2
HOME = partition_of(b"1", PARTITIONS)
MOMENT = "2020-01-01T00:00:00Z"
GOOD: dict[str, dict[str, Any]] = {
    "interactions": {"event_id": "e", "customer_id": "1", "channel": "Email", "occurred_at": MOMENT},
    "transactions": {
        "transaction_id": "e", "customer_id": "1", "product_id": "p", "amount": 1, "currency": "EUR",
        "occurred_at": MOMENT,
    },
}  # fmt: skip
IDENTITY = {"interactions": "event_id", "transactions": "transaction_id"}
STANDARD = list(STANDARD_HEADERS["interactions"])
STANDARD_OF_TRANSACTIONS = list(STANDARD_HEADERS["transactions"])
STRUCTURED = ("content-type", b"application/cloudevents+json")


@dataclass(frozen=True, slots=True)
class Sent:
    """A record as the consumer delivers it."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()
    timestamp: int = 0


def event(topic: str = "interactions", **changes: Any) -> bytes:
    return json.dumps(GOOD[topic] | changes).encode()


def without(topic: str, *fields: str) -> bytes:
    return json.dumps({name: value for name, value in GOOD[topic].items() if name not in fields}).encode()


KEYS = st.sampled_from([b"1"] * 8 + [b"2", b"3", b"1.0", b" 1", b"", b"\xff", None])
FIELDS = {
    "interactions": ["event_id", "customer_id", "channel", "occurred_at", "product", "count", "revenue", "other"],
    "transactions": [
        "transaction_id", "customer_id", "occurred_at", "product_id", "category", "quantity", "amount", "currency",
    ],
}  # fmt: skip
ODD = st.sampled_from(
    [
        None, "", " ", "1", "1.0", "2", " x", "x ", "a\0b", "\ud800", "\N{NO-BREAK SPACE}", "x" * 200, "x" * 201, "Ü",
        0, 1, -1, 1.0, 1.5, 10**9, 10**9 + 1, 10**30, 1e300, 0.1, 1e-7, -0.0, 999_999_999_999.5, 1e12, True, [], {},
        "1899-12-31T23:59:59Z", "1900-01-01T00:00:00Z", "2199-12-31T23:59:59.999999Z", "2200-01-01T00:00:00Z",
        "2200-01-01T00:00:00+01:00", "2020-01-01T00:00:00", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00",
        "EUR", "eur", "EUR\n", "NaN", "sNaN", "-Infinity",
        "1e1000000", "0e999999999999", "1_000", "00000000-0000-8000-8000-00000000000A",
    ]
)  # fmt: skip


def values(topic: str) -> st.SearchStrategy[bytes | None]:
    good, names = event(topic), st.sampled_from(FIELDS[topic])
    return st.one_of(
        st.just(good),
        st.builds(lambda changes: event(topic, **changes), st.dictionaries(names, ODD, max_size=2)),
        st.builds(lambda gone: without(topic, *gone), st.lists(names, min_size=1, max_size=2)),
        st.builds(
            lambda place, byte: good[: place % len(good)] + bytes([byte]) + good[place % len(good) + 1 :],
            st.integers(0, 200),
            st.integers(0, 255),
        ),
        st.just(b'{"type":"c360.%s.v1","data":%s}' % (topic.encode(), good)),
        st.just(good[:-1] + b',"revenue":1e1000000,"amount":1e1000000}'),
        st.just(good[:-1] + b',"x":' + b"[" * 5000 + b"]" * 5000 + b"}"),
        st.none(),
        st.binary(max_size=10),
    )


HEADERS = st.one_of(
    st.just(()),
    st.just(tuple(STANDARD)),
    st.just(tuple(STANDARD_OF_TRANSACTIONS)),
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
            st.sampled_from(["content-type", "ce_type", "event_id", "transaction_id", "ce_id"]),
            st.sampled_from([None, b"", b"e", b"c360.interactions.v1", b"application/cloudevents+json", b"\xff"]),
        ),
        max_size=3,
    ),
)
RECORDS = {topic: st.lists(st.tuples(KEYS, values(topic), HEADERS), min_size=1, max_size=4) for topic in GOOD}


def fact_stream(topic: str) -> FactStream:
    stream = Interactions if topic == "interactions" else Transactions
    return stream(Catalogue(), Ownership(PARTITIONS))


def one_by_one(
    topic: str, records: Sequence[Sent], partition: int
) -> tuple[list[Any], list[tuple[bytes, int]], list[int]]:
    """What `FactStream.decode` says it does: accepted events, withdrawals, and the offsets of what is refused."""
    events: list[Any] = []
    withdrawn: list[tuple[bytes, int]] = []
    refused: list[int] = []
    for record in records:
        try:
            told = encoding.decode(topic, record.key, record.value, record.headers)
            Ownership(PARTITIONS).check(told.key, partition)
            if isinstance(told, Event):
                events.append(told)
            elif told.identity is None:
                raise RejectedEvent("names no fact")
            else:
                withdrawn.append((fact_id(told.identity), len(events)))
        except RejectedEvent:
            refused.append(record.offset)
    return events, withdrawn, refused


def assert_what_its_records_are(topic: str, records: Sequence[tuple[Any, Any, Any]]) -> None:
    sent = [Sent(offset, *record) for offset, record in enumerate(records, start=7)]
    stream = fact_stream(topic)
    decoded = stream.decode(Chunk(topic, HOME, 7, sent))
    events, withdrawn, refused = one_by_one(topic, sent, HOME)
    facts = decoded.events.facts
    ids, texts = fact_ids([one.identity for one in events]) if events else ([], [])
    expected: dict[str, list[Any]] = {
        column: [getattr(one, column) for one in events] for column in stream.table.columns if column in FIELDS[topic]
    }
    expected |= {
        IDENTITY[topic]: ids,
        "occurred_at": [micros(one.occurred_at) for one in events],
        "partition": [HOME] * len(events),
        "source_id": texts,
    }
    assert facts.columns == expected
    assert set(facts.columns) == set(stream.table.columns)
    assert decoded.events.ids == ids
    assert decoded.events.withdrawn == withdrawn
    assert [reject.record.offset for reject in decoded.rejected] == refused


@given(RECORDS["interactions"])
@example([(b"1", event(), STANDARD), (b"1", event(), [*STANDARD, STRUCTURED])])
@example([(b"1", event(product="a\0b"), STANDARD)])
@example([(b"1", event(event_id=" e"), STANDARD)])
@example([(b"1", event(revenue="0e999999999999"), ())])
@example([(b"1", event(occurred_at="2200-01-01T00:00:00Z"), ())])
@example([(b"1", event() + b" " * MAX_EVENT_BYTES, ())])
def test_a_chunk_of_interactions_is_what_its_records_are(records: list[tuple[Any, Any, Any]]) -> None:
    assert_what_its_records_are("interactions", records)


@given(RECORDS["transactions"])
@example([(b"1", event("transactions"), STANDARD_OF_TRANSACTIONS)])
@example([(b"1", event("transactions"), STANDARD)])
@example([(b"1", without("transactions", "product_id"), ())])
@example([(b"1", event("transactions", product_id="7.0"), ())])
@example([(b"1", event("transactions", product_id=" 7"), ())])
@example([(b"1", event("transactions", category=" Garden"), ())])
@example([(b"1", event("transactions", amount="1e1000000"), ())])
@example([(b"1", event("transactions", currency="EUR\n"), ())])
def test_a_chunk_of_transactions_is_what_its_records_are(records: list[tuple[Any, Any, Any]]) -> None:
    assert_what_its_records_are("transactions", records)


@pytest.mark.parametrize("topic", GOOD)
@given(data=st.data())
def test_every_good_record_alone_takes_the_same_way_as_among_others(topic: str, data: st.DataObject) -> None:
    """No record changes what becomes of another one."""
    stream = fact_stream(topic)
    sent = [Sent(offset, *record) for offset, record in enumerate(data.draw(RECORDS[topic]))]
    together = stream.decode(Chunk(topic, HOME, 0, sent))
    alone = [stream.decode(Chunk(topic, HOME, one.offset, [one])) for one in sent]
    assert together.events.ids == [fact for one in alone for fact in one.events.ids]
    assert len(together.rejected) == sum(len(one.rejected) for one in alone)


def streams() -> dict[str, Stream]:
    ownership = Ownership(PARTITIONS)
    facts = [fact_stream(topic) for topic in GOOD]
    return {
        "channels": Channels(),
        "products": Products(),
        "customers": Customers(ownership, facts, forgotten="anonymous"),
        "product_discussions": ProductDiscussions(),
        "rejected_events": RejectedRows(Catalogue()),
        **{stream.topic: stream for stream in facts},
    }


def test_all_streams_are_tried() -> None:
    assert set(streams()) == set(topics.BY_NAME)


@pytest.mark.parametrize("topic", streams())
@given(data=st.data())
def test_no_record_stops_a_stream(topic: str, data: st.DataObject) -> None:
    keys = st.none() | st.binary(max_size=8) | KEYS
    told = values("interactions") | values("transactions")
    records = data.draw(st.lists(st.tuples(keys, told, HEADERS), min_size=1, max_size=3))
    sent = [Sent(offset, *record) for offset, record in enumerate(records)]
    decoded = streams()[topic].decode(Chunk(topic, HOME, 0, sent))
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
    stream = fact_stream("interactions")
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
    stream = fact_stream("interactions")
    sent = [Sent(0, b"1", event(occurred_at="2199-12-31T23:59:59.999999+00:00"))]
    facts = stream.decode(Chunk("interactions", HOME, 0, sent)).events.facts
    whole = int(datetime(2199, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())
    assert facts["occurred_at"] == [whole * 1_000_000 + 999_999]


@given(st.integers(0, 200), st.integers(1, 50))
def test_a_large_fetch_is_cut_evenly(size: int, most: int) -> None:
    fetched = [Sent(2 * number, b"1", b"") for number in range(size)]  # every other offset holds no record
    parts = list(evenly(fetched, 1000, most=most))
    assert [one for part, _ in parts for one in part] == fetched
    assert len(parts) == max(1, -(-size // most))
    lengths = {len(part) for part, _ in parts}
    assert max(lengths) <= most
    assert max(lengths) - min(lengths) <= 1
    assert [reached for _, reached in parts] == [*(part[-1].offset + 1 for part, _ in parts[:-1]), 1000]
