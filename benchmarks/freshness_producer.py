"""A producer that sends at a steady rate: `python -m benchmarks.freshness_producer BROKER [LINGER_MS]`

Each line of standard input is a task in JSON; when it is done, the moments at which its probes were sent are printed.
Probes are interactions of a few customers, one in each partition, among those of all others.
"""

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from uuid import uuid4

import msgspec
from confluent_kafka import Producer

from benchmarks.processor_run import CUSTOMERS
from benchmarks.stand import PARTITIONS
from events import encoding, topics
from events.contracts import Interaction
from events.encoding import Record

#: How often what is due is sent.
_SLOT_SECONDS = 0.001


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """So many events, at a steady rate."""

    #: Begins the names of its probes' customers.
    name: str
    events: int
    per_second: float
    #: One event of so many is a probe.
    events_per_probe: int


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a task; moments are seconds since 1970."""

    seconds: float
    #: For each partition when each of its probes was handed to the producer, in the order of its offsets.
    sent_at: list[list[float]]
    #: For each partition when the broker had acknowledged each of them.
    acknowledged_at: list[list[float]]


def probes(name: str) -> list[str]:
    """A customer in each partition, in the order of the partitions."""
    found: dict[int, str] = {}
    for number in count():
        customer = f"{name} {number}"
        found.setdefault(topics.partition_of(customer.encode(), PARTITIONS), customer)
        if len(found) == PARTITIONS:
            return [found[partition] for partition in range(PARTITIONS)]
    raise AssertionError("numbers never end")


def send(producer: Producer, task: Task) -> Sent:
    """Send the events of a task, each when it is due."""
    events = list(_events(task))
    sent_at: list[list[float]] = [[] for _ in range(PARTITIONS)]
    acknowledged_at: list[list[float]] = [[] for _ in range(PARTITIONS)]
    began = time.time()
    for number, (record, probed) in enumerate(events):
        if (early := began + number / task.per_second - time.time()) > 0:
            producer.poll(0)
            time.sleep(max(early, _SLOT_SECONDS))
        if probed is None:
            producer.produce(record.topic, record.value, record.key)
        else:
            sent_at[probed].append(time.time())
            noted = acknowledged_at[probed].append
            producer.produce(
                record.topic, record.value, record.key, on_delivery=lambda *_, noted=noted: noted(time.time())
            )
    took = time.time() - began
    if left := producer.flush(60):
        raise SystemExit(f"{left} events could not be published")
    return Sent(seconds=took, sent_at=sent_at, acknowledged_at=acknowledged_at)


def _events(task: Task) -> Iterator[tuple[Record, int | None]]:
    """Records in their order, and the partition that each probes."""
    watched = probes(task.name)
    for number in range(task.events):
        probed = number // task.events_per_probe % PARTITIONS if number % task.events_per_probe == 0 else None
        event = Interaction(
            event_id=str(uuid4()),
            customer_id=str(number % CUSTOMERS) if probed is None else watched[probed],
            channel=("Email", "Call", "Bird")[number % 3],
            occurred_at=datetime.now(UTC),
        )
        yield encoding.encode(event), probed


def main(bootstrap_servers: str, linger_ms: str) -> None:
    """Do tasks until there are no more."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "partitioner": topics.LIBRDKAFKA_PARTITIONER,
            "enable.idempotence": True,
            "linger.ms": int(linger_ms),
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    for line in sys.stdin:
        print(msgspec.json.encode(send(producer, msgspec.json.decode(line, type=Task))).decode(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
