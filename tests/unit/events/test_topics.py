"""A key must land where every other client of Kafka with the same partitioner puts it."""

import pytest

from events import topics
from events.contracts import CONTRACTS

# Murmur2 of Java's client, as librdkafka asserts it of its own. Source: confluentinc/librdkafka, src/rdmurmur2.c.
VECTORS = {
    b"kafka": 0xD067CF64,
    b"giberish123456789": 0x8F552B0C,
    b"1234": 0x9FC97B14,
    b"234": 0xE7C009CA,
    b"34": 0x873930DA,
    b"4": 0x5A4B5CA1,
    b"PreAmbleWillBeRemoved,ThePrePartThatIs": 0x78424F1C,
    b"reAmbleWillBeRemoved,ThePrePartThatIs": 0x4A62B377,
    b"eAmbleWillBeRemoved,ThePrePartThatIs": 0xE0E4E09E,
    b"AmbleWillBeRemoved,ThePrePartThatIs": 0x62B8B43F,
    b"": 0x106E08D9,
}


@pytest.mark.parametrize(("key", "murmur2"), VECTORS.items())
@pytest.mark.parametrize("partitions", [1, 3, 8, 2**31])
def test_keys_go_where_librdkafka_puts_them(key: bytes, murmur2: int, partitions: int) -> None:
    assert topics.partition_of(key, partitions) == (murmur2 & 0x7FFF_FFFF) % partitions


def test_every_topic_has_one_contract_of_its_name() -> None:
    assert {topic.name for topic in topics.ALL} == set(CONTRACTS)
    assert all(CONTRACTS[topic.name].topic is topic for topic in topics.ALL)


def test_topics_are_created_so_that_nothing_told_is_ever_lost() -> None:
    """Compaction, where a key is one fact, keeps the last word on each."""
    for topic in topics.ALL:
        assert topic.config["cleanup.policy"] == "compact" or topic.config["retention.ms"] == "-1", topic.name
