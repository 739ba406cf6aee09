"""The processor over a topic that is full, timed by itself: from the claim of the partitions to the last commit."""

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import psycopg
from confluent_kafka import Producer

from benchmarks import process_tree
from benchmarks.stand import Round, stand
from events import encoding, identity, topics
from events.contracts import Event, Interaction, Transaction
from local_stack.broker import SESSION_TIMEOUT_SECONDS
from local_stack.processes import Process
from sql.forget_everything import forget_everything

CUSTOMERS = 5_000
DEADLINE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Result:
    """One run over the topic."""

    name: str
    seconds: float
    events_per_second: float
    #: Of the consuming process, start-up included.
    cpu_seconds: float
    peak_memory_mb: float


@contextmanager
def servers(broker: str | None = None) -> Iterator[Round]:
    """Fresh topics and a migrated database that only this benchmark uses; broker: as for `stand`."""
    with stand(broker) as servers, servers.round() as where:
        yield where


def interactions(events: int) -> Iterator[Event]:
    """`events` interactions of CUSTOMERS customers on three channels, in the order of time."""
    random, start = Random(360), datetime(2024, 1, 1, tzinfo=UTC)
    for number in range(events):
        occurred_at = start + timedelta(milliseconds=30 * number)
        customer, channel = str(random.randrange(CUSTOMERS)), ("Email", "Call", "Bird")[number % 3]
        yield Interaction(
            event_id=identity.derived_id(occurred_at, "benchmark", customer, channel, ordinal=0),
            customer_id=customer,
            channel=channel,
            occurred_at=occurred_at,
        )


def transactions(events: int) -> Iterator[Event]:
    """`events` purchases of the same customers, of 200 products in 10 categories, as close in time."""
    random, start = Random(360), datetime(2024, 1, 1, tzinfo=UTC)
    for number in range(events):
        occurred_at = start + timedelta(milliseconds=30 * number)
        customer, product = str(random.randrange(CUSTOMERS)), random.randrange(200)
        yield Transaction(
            transaction_id=identity.derived_id(occurred_at, "benchmark", customer, product, ordinal=0),
            customer_id=customer,
            occurred_at=occurred_at,
            product_id=f"P{product}",
            category=f"category {product % 10}",
            quantity=1 + number % 3,
            amount=Decimal(random.randrange(100, 20_000)) / 100,
            currency="EUR",
        )


def fill(bootstrap_servers: str, events: Iterable[Event]) -> None:
    """Publish events as plain JSON."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "partitioner": topics.LIBRDKAFKA_PARTITIONER,
            "linger.ms": 20,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    for event in events:
        record = encoding.encode(event)
        producer.produce(record.topic, key=record.key, value=record.value)
        producer.poll(0)
    if left := producer.flush(60):
        raise SystemExit(f"{left} events could not be published")


@contextmanager
def processor(where: Round, *, session_seconds: float = SESSION_TIMEOUT_SECONDS) -> Iterator[Process]:
    """A processor as its users start it; at the end it is told to stop."""
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": where.bootstrap_servers,
        "DATABASE_URL": where.database_url,
        "KAFKA_SESSION_TIMEOUT_SECONDS": str(session_seconds),
        "LOG_LEVEL": "warning",
    }
    process = subprocess.Popen([sys.executable, "-m", "c360", "processor"], env=environment)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def run_processor(where: Round, events: int, topic: str = topics.INTERACTIONS.name) -> Result:
    """The processor, until it has committed all events of a topic."""
    with processor(where) as process:
        seconds = _wait_until_committed(where.database_url, events, topic, process)
        return Result(
            f"processor, {topic}",
            round(seconds, 2),
            round(events / seconds),
            round(process_tree.cpu_seconds(process.pid), 2),
            round(process_tree.peak_memory_mb(process.pid)),
        )


def empty(database_url: str) -> None:
    """Forget facts, totals and positions of earlier runs."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        forget_everything(connection)
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def _wait_until_committed(database_url: str, events: int, topic: str, process: Process) -> float:
    claimed: datetime | None = None
    deadline = time.monotonic() + DEADLINE_SECONDS
    with psycopg.connect(database_url, autocommit=True) as connection:
        while time.monotonic() < deadline and process.poll() is None:
            row = connection.execute(
                "SELECT min(committed_at), max(committed_at), coalesce(sum(next_offset), 0) FROM positions "
                "WHERE topic = %s",
                [topic],
            ).fetchone()
            assert row is not None
            claimed = claimed or row[0]
            if row[2] >= events:
                return float((row[1] - claimed).total_seconds())
            time.sleep(0.02)
    raise SystemExit("the processor did not commit all events")
