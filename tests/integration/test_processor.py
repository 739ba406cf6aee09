"""A real `c360 processor`, a real broker, a real Postgres: what is refused, what stops it, and how it says so."""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from c360.__main__ import run
from c360.testing.servers import Brokers, BrokerServer, clear
from events import admin, topics
from events.topics import partition_of
from local_stack import processes
from sql.adopt import adopt_topics
from tests.faults.exactness import assert_exact
from tests.faults.history import Interaction, record, tell
from tests.faults.stand import PARTITIONS, Stand

_KEY = b"1"
_HOME = partition_of(_KEY, PARTITIONS)
_GOOD = b'{"event_id": "%s", "customer_id": "1", "channel": "Email", "occurred_at": "2020-02-11T16:10:00Z"}'
_CE_V9 = [("content-type", b"application/json"), ("ce_specversion", b"1.0"), ("ce_type", b"c360.interactions.v9")]


def _with(**fields: str) -> bytes:
    """A good event, but for some fields."""
    event = {"event_id": "x", "customer_id": "1", "channel": "Email", "occurred_at": "2020-02-11T16:10:00Z"}
    return ("{" + ", ".join(f'"{name}": "{value}"' for name, value in {**event, **fields}.items()) + "}").encode()


#: Name: (record, part of the reason, field). A record stands in the partition of customer 1 unless it says otherwise.
_BAD: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "no JSON": ({"value": b"Email 1"}, "not JSON", None),
    "empty value": ({"value": b""}, "not JSON", None),
    "half a JSON": ({"value": _GOOD[:40]}, "not JSON", None),
    "invalid UTF-8": ({"value": _with().replace(b"Email", b"Em\xffil")}, "utf-8", None),
    "wrong shape": ({"value": b'["event_id", "1"]'}, "Expected `object`, got `array`", None),
    "missing field": ({"value": b'{"event_id": "x", "customer_id": "1"}'}, "missing required field", None),
    "wrong type": ({"value": _with().replace(b'"Email"', b"7")}, "Expected `str`, got `int`", "$.channel"),
    "impossible date": ({"value": _with(occurred_at="2020-02-30T10:00:00Z")}, "RFC3339", "$.occurred_at"),
    "date without zone": ({"value": _with(occurred_at="2020-02-11T10:00:00")}, "timezone", "$.occurred_at"),
    "year 0219": ({"value": _with(occurred_at="0219-02-11T10:00:00Z")}, "not between 1900 and 2200", "$.occurred_at"),
    "unknown stream version": ({"value": _with(), "headers": _CE_V9}, "c360.interactions.v9", "ce_type"),
    "NUL in a name": ({"value": _with(channel="Em\\u0000il")}, "NUL", "$.channel"),
    "null key": ({"value": _with(), "key": None}, "no key", None),
    "key that is no UTF-8": ({"value": _with(), "key": b"\xff"}, "key is not UTF-8", None),
    "key of somebody else": ({"value": _with(), "key": b"2"}, "belongs to '1'", None),
    "wrong partition": ({"value": _with(), "partition": (_HOME + 1) % PARTITIONS}, "murmur2", "$.customer_id"),
    "nothing to withdraw named": ({"value": None}, "tombstone must name", None),
    "10 MB": ({"value": _with(channel="E" * 10_000_000)}, "bytes are too many", None),
}


class _Kafka:
    """Sends whatever bytes it is given, wherever it is told to."""

    def __init__(self, stand: Stand) -> None:
        self._stand = stand
        if stand.broker.durable:  # Apache Kafka would not take what the processor has to refuse
            _allow_large_records(stand.kafka)
        self._producer = Producer({**stand.kafka, "message.max.bytes": 20_000_000, "compression.type": "none"})

    def send(
        self,
        value: bytes | None,
        *,
        key: bytes | None = _KEY,
        partition: int = _HOME,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None:
        self._producer.produce(topics.INTERACTIONS.name, value, key, partition, headers=headers or [])
        self._stand.published += 1

    def finish(self) -> None:
        assert self._producer.flush(30) == 0


def _allow_large_records(config: dict[str, str]) -> None:
    topic = ConfigResource(ResourceType.TOPIC, topics.INTERACTIONS.name)
    topic.add_incremental_config(
        ConfigEntry("max.message.bytes", "20000000", incremental_operation=AlterConfigOpType.SET)
    )
    admin_client = AdminClient(config)
    for changed in admin_client.incremental_alter_configs([topic]).values():
        changed.result()
    deadline = time.monotonic() + 10
    while _largest_record(admin_client) != "20000000":  # the broker hears of it from its controller
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _largest_record(admin_client: AdminClient) -> str:
    topic = ConfigResource(ResourceType.TOPIC, topics.INTERACTIONS.name)
    (described,) = admin_client.describe_configs([topic]).values()
    return str(described.result()["max.message.bytes"].value)


def test_bad_records_are_set_aside_with_their_reason_and_the_stream_goes_on(stand: Stand) -> None:
    kafka = _Kafka(stand)
    kafka.send(_GOOD % b"first")
    for number, (bad, _, _) in enumerate(_BAD.values()):
        kafka.send(**bad)
        kafka.send(_GOOD % b"%d" % number)
    kafka.finish()
    processor = stand.start_processor()
    stand.wait_until_done()
    kafka.send(_GOOD % b"last")
    kafka.finish()
    stand.wait_until_done()
    with stand.connect() as connection:
        counted = connection.execute("SELECT interactions FROM channel_totals WHERE customer_id = '1'").fetchall()
        positions = connection.execute(
            "SELECT partition, next_offset, new, repeated + corrected + withdrawn + skipped, rejected FROM positions "
            "WHERE topic = 'interactions' AND next_offset > 0 ORDER BY partition"
        ).fetchall()
        rejects = connection.execute(
            'SELECT partition, "offset", reason, field, key, value FROM rejected_events '
            "WHERE topic = 'interactions' AND stream = 'interactions' ORDER BY partition = %s DESC, \"offset\"",
            [_HOME],
        ).fetchall()
    good = len(_BAD) + 2
    assert counted == [(good,)]
    elsewhere = sum("partition" in bad for bad, _, _ in _BAD.values())
    assert sorted(positions) == sorted([
        (_HOME, good + len(_BAD) - elsewhere, good, 0, len(_BAD) - elsewhere),
        ((_HOME + 1) % PARTITIONS, elsewhere, 0, 0, elsewhere),
    ])  # fmt: skip
    offsets: Counter[int] = Counter({_HOME: 1})
    expected = {}
    for name, (bad, reason, field) in _BAD.items():
        partition = bad.get("partition", _HOME)
        expected[partition, offsets[partition]] = (name, bad.get("key", _KEY), bad["value"], reason, field)
        offsets[partition] += 1
        offsets[_HOME] += 1
    assert {(partition, offset) for partition, offset, *_ in rejects} == set(expected)
    for partition, offset, reason, field, key, value in rejects:
        name, sent_key, sent_value, told, told_field = expected[partition, offset]
        assert told in reason, name
        assert field == told_field, name
        assert key == sent_key, name
        assert value == sent_value, name
    assert processor.terminate() == 0
    assert processor.said == ""


def test_a_stop_is_quick_and_quiet(stand: Stand) -> None:
    stand.publish(map(record, _interactions(5_000)))
    processor = stand.start_processor(C360_CHUNK_EVENTS=100)
    stand.wait_until(lambda: stand.committed() > 0, "progress")
    begun = time.monotonic()
    processor.process.send_signal(signal.SIGTERM)
    assert processor.exit_code() == 0
    assert time.monotonic() - begun < 5
    assert processor.said == ""


def test_topics_made_anew_are_refused_until_adopted_and_then_count_once(stand: Stand) -> None:
    told = list(_interactions(2_000))
    stand.publish(map(record, told))
    processor = stand.start_processor()
    stand.wait_until_done()
    assert processor.terminate() == 0
    _forget_topics(stand.broker)
    admin.create_topics(stand.kafka, partitions=PARTITIONS, replication_factor=1)
    stand.published = 0
    stand.publish(map(record, told))

    refused = stand.start_processor()
    assert refused.exit_code() == 1
    assert refused.said.startswith("c360: topic ")
    assert "`c360 adopt`" in refused.said
    assert refused.said.count("\n") == 1

    assert adopt_topics(stand.database_url) > 0
    processor = stand.start_processor()
    stand.wait_until_done()
    ledger = assert_exact(stand, [*told, *told])
    assert ledger.outcomes["interactions"]["new"] == len(ledger.facts)
    assert processor.terminate() == 0


def test_a_topic_that_lost_records_is_refused_until_adopted_and_then_counts_once(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its id is the same; what it holds ends before the offset that was read last."""
    told = list(_interactions(500))
    stand.publish(map(record, told))
    processor = stand.start_processor()
    stand.wait_until_done()
    assert processor.terminate() == 0
    with stand.connect() as connection:
        beyond = (
            "UPDATE positions SET next_offset = next_offset + 5, skipped = skipped + 5 WHERE topic = 'interactions'"
        )
        connection.execute(beyond)

    refused = stand.start_processor()
    assert refused.exit_code() == 1
    assert refused.said.startswith("c360: interactions/")
    assert "`c360 adopt`" in refused.said
    assert refused.said.count("\n") == 1

    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", stand.broker.address)
    monkeypatch.setenv("DATABASE_URL", stand.database_url)
    assert run(["adopt"]) == 0
    again = list(told)
    stand.publish(map(record, again))
    processor = stand.start_processor()
    stand.wait_until_done()
    with stand.connect() as connection:
        (total,) = connection.execute("SELECT sum(interactions)::bigint FROM channel_totals").fetchone() or (None,)
        (facts,) = connection.execute("SELECT sum(count)::bigint FROM interactions").fetchone() or (None,)
        (read_anew,) = connection.execute(
            "SELECT count(*) FROM positions WHERE topic = 'interactions' AND retired_at IS NULL"
            " AND next_offset = new + repeated + corrected + withdrawn + rejected + skipped AND new = 0"
        ).fetchone() or (None,)
    assert total == facts
    assert read_anew == PARTITIONS
    assert processor.terminate() == 0


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("DROP TABLE positions", "`c360 migrate`"),
        ("ALTER TABLE interactions RENAME COLUMN count TO number", "LOG_LEVEL=debug"),
    ],
)
def test_what_nobody_expected_is_told_in_one_line(damage: str, says: str, stand: Stand) -> None:
    with stand.connect() as connection:
        connection.execute(damage)
    stand.publish(map(record, _interactions(10)))
    processor = stand.start_processor()
    assert processor.exit_code() == 1
    assert processor.said.startswith("c360: ")
    assert says in processor.said
    assert processor.said.count("\n") == 1


def test_a_broker_that_is_not_there_is_said_within_seconds(brokers: Brokers, database: str, tmp_path: Path) -> None:
    stand = Stand(tmp_path, brokers.new(), database)
    processor = stand.start_processor()
    try:
        begun = time.monotonic()
        assert processor.exit_code() == 3
        assert time.monotonic() - begun < 15
        assert processor.said.startswith(f"c360: Kafka at {stand.broker.address} does not answer")
        assert processor.said.count("\n") == 1
    finally:
        if processor.process.poll() is None:
            processor.kill()


def test_a_database_that_is_not_there_is_waited_for(stand: Stand) -> None:
    there = stand.database_url
    stand.publish(map(record, _interactions(100)))
    stand.database_url = f"postgresql://c360@127.0.0.1:{processes.free_port()}/c360"
    processor = stand.start_processor()
    deadline = time.monotonic() + 30
    while "retry" not in processor.said:
        assert time.monotonic() < deadline, processor.said
        time.sleep(0.05)
    assert "Traceback" not in processor.said
    assert processor.process.poll() is None
    assert processor.terminate() == 0
    assert "Traceback" not in processor.said
    stand.database_url = there


def _interactions(number: int) -> Iterator[Interaction]:
    """New facts only."""
    return (told for told in tell(Random(1), interactions=number) if isinstance(told, Interaction))


def _forget_topics(broker: BrokerServer) -> None:
    if broker.durable:
        clear(broker.address)
    else:
        broker.stop()
        broker.start()
