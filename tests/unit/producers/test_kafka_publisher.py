"""The publisher against librdkafka's mock broker, and against none."""

import time
from datetime import timedelta

import msgspec
import pytest

from events.contracts import MAX_EVENT_BYTES, Customer
from events.encoding import Record, encode
from events.errors import RejectedEvent, Unavailable, UsageError
from producers.publish import DryRun, KafkaPublisher

RECORD = encode(Customer(customer_id="1"))
NOWHERE = {"bootstrap.servers": "127.0.0.1:1"}
MOCK = {"bootstrap.servers": "mock", "test.mock.num.brokers": "1"}


def test_records_arrive() -> None:
    publisher = KafkaPublisher(MOCK)
    for _ in range(1500):
        publisher.publish(RECORD)
    publisher.finish()


def test_records_that_do_not_arrive_are_counted() -> None:
    publisher = KafkaPublisher(NOWHERE, delivery_timeout=timedelta(seconds=1))
    for _ in range(10):
        publisher.publish(RECORD)
    started = time.monotonic()
    with pytest.raises(
        Unavailable, match=r"127.0.0.1:1 took 0 events, 10 could not be delivered: .*send all of it again"
    ):
        publisher.finish()
    assert time.monotonic() - started < 5


def test_a_full_queue_ends_a_replay_to_nowhere() -> None:
    publisher = KafkaPublisher(NOWHERE, delivery_timeout=timedelta(seconds=1))

    def publish_without_end() -> None:
        while True:
            publisher.publish(RECORD)

    with pytest.raises(Unavailable, match="could not be delivered"):
        publish_without_end()


def test_events_that_are_too_large_are_rejected() -> None:
    publisher = KafkaPublisher(MOCK)
    publisher.publish(Record("customers", b"1", b"x" * MAX_EVENT_BYTES, []))
    with pytest.raises(RejectedEvent, match="1,000,001 bytes are too many"):
        publisher.publish(Record("customers", b"1", b"x" * (MAX_EVENT_BYTES + 1), []))
    with pytest.raises(RejectedEvent, match="the broker does not take an event of this size"):
        publisher.publish(Record("customers", b"k" * 200_000, b"x" * MAX_EVENT_BYTES, []))
    publisher.finish()


def test_a_configuration_that_is_none() -> None:
    with pytest.raises(UsageError, match="the Kafka connection can't be set up"):
        KafkaPublisher({**NOWHERE, "security.protocol": "TELEPATHY"})


def test_a_dry_run_keeps_the_first() -> None:
    publisher = DryRun(keep=1)
    for number in ("1", "2"):
        publisher.publish(encode(Customer(customer_id=number)))
    publisher.finish()
    assert msgspec.json.encode(publisher.first_values()) == b'{"customers":[{"customer_id":"1"}]}'
