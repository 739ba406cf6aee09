"""What happens to topics on Apache Kafka behind the processor's back: refused with the way out, and exact after it."""

import os
import subprocess
import sys
import time
from itertools import islice
from random import Random
from uuid import UUID

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from c360.commands.verify import verification
from events import topics
from events.identity import fact_id
from tests.faults.exactness import assert_exact
from tests.faults.history import Ledger, record, tell
from tests.faults.stand import PARTITIONS, Processor, Stand

pytestmark = pytest.mark.kafka


def _assert_refused(processor: Processor, *reasons: str) -> None:
    """It ended by itself, and its last line says why, and what to do."""
    assert processor.exit_code() == 1
    assert "Traceback" not in processor.said
    last = processor.said.splitlines()[-1]
    assert all(reason in last for reason in reasons), last


def _expire(stand: Stand, topic: str, upto: int) -> None:
    """Have the broker delete what retention would have deleted by now."""
    partitions = [TopicPartition(topic, partition, upto) for partition in range(PARTITIONS)]
    client = AdminClient(stand.kafka)  # its futures don't keep it
    for deleted in client.delete_records(partitions).values():
        deleted.result()


def _run(stand: Stand, *command: str) -> str:
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": stand.broker.address,
        "DATABASE_URL": stand.database_url,
    }
    run = subprocess.run(
        [sys.executable, "-m", "c360", *command], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_events_that_retention_took_before_they_were_read_are_missed_until_told_again(stand: Stand) -> None:
    told = tell(Random(21), interactions=4_000)
    processor = stand.start_processor()
    stand.publish(map(record, told[:2_000]))
    stand.wait_until_done()
    assert processor.terminate() == 0
    stand.publish(map(record, told[2_000:]))
    _expire(stand, "interactions", 700)
    _assert_refused(stand.start_processor(), "interactions/", "gone from the broker", "c360 adopt --skip-lost")
    said = _run(stand, "adopt", "--skip-lost")
    assert f"{PARTITIONS} partitions moved on" in said
    assert "to 699 are skipped" in said
    processor = stand.start_processor()
    stand.wait_until_done()
    assert verification(stand.database_url).ok
    # As its users are told to: everything again. The order of the first time is gone, so is what it decided.
    stand.publish(map(record, told))
    stand.wait_until_done()
    assert verification(stand.database_url).ok
    with stand.connect() as connection:
        stored = {name for (name,) in connection.execute("SELECT event_id FROM interactions")}
    ledger = Ledger()
    for one in told:
        ledger.hear(one)
    assert stored == {UUID(bytes=fact_id(name)) for name in ledger.facts}
    assert processor.terminate() == 0


def test_partitions_that_were_added_are_refused(stand: Stand) -> None:
    told = tell(Random(22), interactions=500)
    processor = stand.start_processor()
    stand.publish(map(record, told))
    stand.wait_until_done()
    assert processor.terminate() == 0
    more = [NewPartitions(topic.name, PARTITIONS + 2) for topic in topics.ALL]
    client = AdminClient(stand.kafka)
    for added in client.create_partitions(more).values():
        added.result()
    _assert_refused(stand.start_processor(), f"has {PARTITIONS + 2} partitions", f"counted it with {PARTITIONS}")
    assert_exact(stand, told)


@pytest.mark.timeout(300)  # Kafka starts four times
def test_the_broker_is_killed_again_and_again(stand: Stand) -> None:
    random = Random(23)
    told = tell(random, interactions=30_000)
    records = map(record, told)
    processor = stand.start_processor(C360_CHUNK_EVENTS=200)
    for _ in range(3):
        stood = stand.committed()
        stand.publish(islice(records, 9_000))
        stand.wait_until(lambda before=stood: stand.committed() > before, "progress")
        time.sleep(random.uniform(0, 0.02))
        stand.broker.kill()
        stand.broker.start()
    stand.publish(records)
    stand.wait_until_done()
    assert_exact(stand, told)
    assert processor.terminate() == 0
