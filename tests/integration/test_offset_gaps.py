"""Offsets that hold no event: marks of transactions, aborted events, what was compacted away.

Only Apache Kafka has them.
"""

import time
from contextlib import closing
from uuid import uuid4

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from c360.commands.status import current_status
from c360.commands.verify import verification
from c360.target import Target
from events import topics
from settings import KafkaSettings
from tests.faults.stand import Stand

pytestmark = pytest.mark.kafka

_EMAIL = b'{"event_id": "%s", "customer_id": "1", "channel": "Email", "occurred_at": "2020-02-11T16:10:00Z"}'


def _transactional(stand: Stand) -> Producer:
    producer = Producer({**stand.kafka, "transactional.id": str(uuid4()), "partitioner": topics.LIBRDKAFKA_PARTITIONER})
    producer.init_transactions(30)
    return producer


def _tell(producer: Producer, *names: bytes) -> None:
    """Publish facts in one transaction, which stays open."""
    producer.begin_transaction()
    for name in names:
        producer.produce("interactions", _EMAIL % name, key="1")
    producer.flush(10)


def _outcomes(stand: Stand) -> list[tuple[int, ...]]:
    with stand.connect() as connection:
        return connection.execute(
            "SELECT next_offset, new, skipped FROM positions WHERE topic = 'interactions' AND next_offset > 0"
        ).fetchall()


def test_only_committed_events_count_and_every_offset_is_accounted_for(stand: Stand) -> None:
    producer = _transactional(stand)
    processor = stand.start_processor()
    _tell(producer, b"a", b"b")
    producer.commit_transaction(10)
    _tell(producer, b"never", b"ever")
    producer.abort_transaction(10)
    processor.wait_until_current()
    # Two facts and the mark of their commit, two that were aborted, and the mark of that.
    assert _outcomes(stand) == [(6, 2, 4)]

    _tell(producer, b"c")  # still open: nobody may count it yet
    status = current_status(Target(KafkaSettings(bootstrap_servers=stand.broker.address), stand.database_url))
    assert status.lag == 1
    assert _outcomes(stand) == [(6, 2, 4)]
    producer.commit_transaction(10)
    processor.wait_until_current()
    assert _outcomes(stand) == [(8, 3, 5)]
    assert verification(stand.database_url).ok
    assert processor.terminate() == 0

    again = stand.start_processor()  # there is nothing left to do for it
    again.wait_until_current()
    assert _outcomes(stand) == [(8, 3, 5)]


def test_a_compacted_topic_is_read_to_its_end(stand: Stand) -> None:
    _compact_at_once(stand, "products")
    producer = Producer(stand.kafka)
    deadline = time.monotonic() + 90
    versions = 0
    while _kept(stand, "products") >= versions - 2:
        assert time.monotonic() < deadline, f"all of {versions} versions are still there"
        value = b'{"product_id": "p", "price": "%d"}' % versions
        producer.produce("products", value, key="p", partition=0)
        producer.flush(10)
        versions += 1
        time.sleep(0.2)  # longer than segment.ms: what was told before may be compacted
    processor = stand.start_processor()
    processor.wait_until_current()
    with stand.connect() as connection:
        assert connection.execute("SELECT price FROM products").fetchall() == [(versions - 1,)]
        (counted,) = connection.execute(
            "SELECT next_offset, skipped > 0, next_offset - skipped = new + repeated + corrected FROM positions "
            "WHERE topic = 'products' AND next_offset > 0"
        ).fetchall()
    assert counted == (versions, True, True)
    assert verification(stand.database_url).ok


def _compact_at_once(stand: Stand, topic: str) -> None:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    for name, value in {"segment.ms": 100, "min.cleanable.dirty.ratio": 0.01, "max.compaction.lag.ms": 100}.items():
        resource.add_incremental_config(ConfigEntry(name, str(value), incremental_operation=AlterConfigOpType.SET))
    admin = AdminClient(stand.kafka)
    for changed in admin.incremental_alter_configs([resource]).values():
        changed.result()


def _kept(stand: Stand, topic: str) -> int:
    """How many records the broker still has in the topic's first partition."""
    config = {**stand.kafka, "group.id": str(uuid4()), "enable.partition.eof": True}
    kept = 0
    with closing(Consumer(config)) as consumer:
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        while (message := consumer.poll(10)) and not message.error():
            kept += 1
    return kept
