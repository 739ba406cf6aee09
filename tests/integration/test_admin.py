"""Administration of a broker: topics are created once, offsets are true ones, an absent broker is said to be absent."""

import time

import pytest
from confluent_kafka import Producer

from c360.testing.servers import Brokers, BrokerServer
from events import admin, topics
from events.errors import RefusedState, Unavailable


@pytest.fixture
def config(broker_server: BrokerServer) -> dict[str, str]:
    """Connection to an empty broker."""
    return {"bootstrap.servers": broker_server.address}


def test_topics_are_created_once(config: dict[str, str], broker_server: BrokerServer) -> None:
    created = admin.create_topics(config, partitions=3, replication_factor=1)
    first = admin.describe_cluster(config)
    assert sorted(created) == sorted(topic.name for topic in topics.ALL)
    assert admin.create_topics(config, partitions=3, replication_factor=1) == []
    assert admin.describe_cluster(config) == first
    assert first.cluster_id == broker_server.cluster_id
    assert {state.partitions for state in first.topics.values()} == {3}
    assert len({state.topic_id for state in first.topics.values()}) == len(topics.ALL)


def test_another_partition_count_is_refused(config: dict[str, str]) -> None:
    admin.create_topics(config, partitions=3, replication_factor=1)
    with pytest.raises(RefusedState, match="has 3 partitions, 4 are wanted"):
        admin.create_topics(config, partitions=4, replication_factor=1)


def test_end_offsets_are_those_after_the_last_record(config: dict[str, str]) -> None:
    admin.create_topics(config, partitions=3, replication_factor=1)
    sent = 20_000
    producer = Producer({**config, "linger.ms": 200})  # large batches: the broker's own answer is a batch too low
    for number in range(sent):
        producer.produce("customers", str(number), partition=number % 2)
        producer.poll(0)
    producer.flush()

    began = time.monotonic()
    ends = admin.end_offsets(config, {("customers", 0): 0, ("customers", 1): sent // 2, ("customers", 2): 0})
    assert ends == {("customers", 0): sent // 2, ("customers", 1): sent // 2, ("customers", 2): 0}
    assert time.monotonic() - began < 2


def test_backlogs_tell_how_many_wait_and_since_when(config: dict[str, str]) -> None:
    admin.create_topics(config, partitions=3, replication_factor=1)
    producer = Producer(config)
    for number in range(10):
        producer.produce("customers", str(number), partition=0, timestamp=1_000_000 + number)
    producer.flush()
    found = admin.backlogs(config, {("customers", 0): 4, ("customers", 1): 0})
    assert found == {("customers", 0): admin.Backlog(6, 1_000_004), ("customers", 1): admin.Backlog(0, None)}
    assert admin.backlogs(config, {("customers", 0): 10}) == {("customers", 0): admin.Backlog(0, None)}


def test_end_offsets_of_no_partitions(config: dict[str, str]) -> None:
    assert admin.end_offsets(config, {}) == {}


def test_an_absent_broker_is_unavailable(brokers: Brokers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "PATIENCE_SECONDS", 0.5)
    absent = {"bootstrap.servers": brokers.new().address}
    with pytest.raises(Unavailable, match=absent["bootstrap.servers"]):
        admin.describe_cluster(absent)
    with pytest.raises(Unavailable, match=absent["bootstrap.servers"]):
        admin.end_offsets(absent, {("customers", 0): 0})


def test_what_waits_is_told_at_once_however_many_partitions_it_is_in(config: dict[str, str]) -> None:
    admin.create_topics(config, partitions=4, replication_factor=1)
    producer = Producer(config)
    places = {(topic.name, partition): 0 for topic in topics.ALL for partition in range(4)}
    for topic, partition in places:
        for _ in range(10):
            producer.produce(topic, key="1", value="v", partition=partition)
    producer.flush()

    def seconds() -> float:
        began = time.monotonic()
        assert {one.events for one in admin.backlogs(config, places).values()} == {10}
        return time.monotonic() - began

    assert min(seconds() for _ in range(3)) < 1
