"""The work that is the same for all: interactions in a topic of 4 partitions; what they come to, known beforehand."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Literal

import psycopg
from confluent_kafka import Producer

from benchmarks.processor_run import interactions
from benchmarks.stand import PARTITIONS
from events import encoding, identity, topics
from events.contracts import Interaction
from events.encoding import Record

#: Facts stored once by identity and totals per customer and channel; or those totals alone.
Mode = Literal["facts", "totals"]

#: A customer and a channel.
Key = tuple[str, str]

TOPIC = topics.INTERACTIONS.name

#: Tables for whoever has none of its own.
SCHEMA = """
    CREATE TABLE benchmark_facts (
        event_id uuid PRIMARY KEY, customer_id text NOT NULL, channel text NOT NULL,
        occurred_at timestamptz NOT NULL, count integer NOT NULL
    );
    CREATE TABLE benchmark_totals (
        customer_id text, channel text, interactions bigint NOT NULL, PRIMARY KEY (customer_id, channel)
    ) WITH (fillfactor = 50);
"""


class Work:
    """Some interactions, as records and as what they say.

    Args:
        events: How many; each counts 1.
        ending: More of them, the last ones.
    """

    def __init__(self, events: int, ending: Iterable[Interaction] = ()) -> None:
        self.records: list[Record] = []
        #: What each partition holds, in its order.
        self.partitions: defaultdict[int, list[Key]] = defaultdict(list)
        homes: dict[str, int] = {}
        for event in chain(interactions(events), ending):
            assert isinstance(event, Interaction)
            record = encoding.encode(event)
            self.records.append(record)
            customer = event.customer_id
            if customer not in homes:
                homes[customer] = topics.partition_of(record.key or b"", PARTITIONS)
            self.partitions[homes[customer]].append((customer, event.channel))

    def __len__(self) -> int:
        return len(self.records)

    def totals(self) -> Counter[Key]:
        """What all of it comes to."""
        return Counter(key for keys in self.partitions.values() for key in keys)


def markers(name: str) -> list[Interaction]:
    """Some interactions of customers of their own, in every partition: whoever counts them has counted all before."""
    at = datetime(2025, 1, 1, tzinfo=UTC)
    return [
        Interaction(
            event_id=identity.derived_id(at, name, number, ordinal=0),
            customer_id=f"{name}-{number}",
            channel="Email",
            occurred_at=at,
        )
        for number in range(10 * PARTITIONS)
    ]


def publish(bootstrap_servers: str, records: Sequence[Record]) -> None:
    """Send records as plain JSON, each customer's to the partition where they belong."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "partitioner": topics.LIBRDKAFKA_PARTITIONER,
            "linger.ms": 20,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    for number, record in enumerate(records):
        producer.produce(record.topic, key=record.key, value=record.value)
        if number % 1000 == 0:
            producer.poll(0)
    if left := producer.flush(120):
        raise SystemExit(f"{left} events could not be published")


def read_totals(connection: psycopg.Connection, table: str) -> Mapping[Key, int]:
    """The totals as a reader sees them now."""
    return {
        (customer, channel): interactions
        for customer, channel, interactions in connection.execute(
            f"SELECT customer_id, channel, interactions FROM {table}"  # noqa: S608 - a table of ours
        )
    }
