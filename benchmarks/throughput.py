"""Events/s of the processor: interactions against the hand-written loop, before and after it in one run; transactions.

`python -m benchmarks [EVENTS]` starts an embedded broker and Postgres of its own, fills the topic, and lets both
consume it from the beginning. The clock runs from the claim of the partitions (before the first record is
consumed) to the last commit; facts are stored once by identity in both.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from uuid import uuid4

import psycopg
from confluent_kafka import Producer

from events import admin, encoding, identity, topics
from events.contracts import Event, Interaction, Transaction
from local_stack.broker import SESSION_TIMEOUT_SECONDS, Broker
from local_stack.postgres import Postgres
from sql.forget_everything import forget_everything
from sql.migrate import migrate

PARTITIONS = 4
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


@dataclass(frozen=True, slots=True)
class Servers:
    """Where everything runs."""

    bootstrap_servers: str
    database_url: str


@contextmanager
def servers() -> Iterator[Servers]:
    """A broker and a migrated database that only this benchmark uses."""
    with tempfile.TemporaryDirectory() as folder:
        broker = Broker(Path(folder) / "broker.log", cluster_id=str(uuid4()))
        postgres = Postgres(Path(folder) / "postgres", log=Path(folder) / "postgres.log")
        try:
            address, url = broker.start(), postgres.start()
            migrate(url)
            admin.create_topics({"bootstrap.servers": address}, partitions=PARTITIONS, replication_factor=1)
            yield Servers(address, url)
        finally:
            broker.stop()
            postgres.stop()


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


def run_loop(where: Servers, events: int) -> Result:
    """The hand-written loop, in a process of its own."""
    job = {**asdict(where), "topic": topics.INTERACTIONS.name, "partitions": PARTITIONS, "events": events}
    code = f"from benchmarks.hand_written_loop import measure; print(measure(**{job!r}))"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    seconds = float(process.stdout.readline())
    _, _, usage = os.wait4(process.pid, 0)
    return _result("hand-written loop", events, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


def run_processor(where: Servers, events: int, topic: str = topics.INTERACTIONS.name) -> Result:
    """The processor as its users start it, until it has committed all events of a topic."""
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": where.bootstrap_servers,
        "DATABASE_URL": where.database_url,
        "KAFKA_SESSION_TIMEOUT_SECONDS": str(SESSION_TIMEOUT_SECONDS),
        "LOG_LEVEL": "warning",
    }
    process = subprocess.Popen([sys.executable, "-m", "c360", "processor"], env=environment)
    try:
        seconds = _wait_until_committed(where.database_url, events, topic, process)
    finally:
        process.terminate()
        _, _, usage = os.wait4(process.pid, 0)
    return _result(f"processor, {topic}", events, seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


def empty(database_url: str) -> None:
    """Forget facts, totals and positions of earlier runs."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        forget_everything(connection)
        connection.execute("DROP SCHEMA IF EXISTS loop CASCADE")
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def _wait_until_committed(database_url: str, events: int, topic: str, process: "subprocess.Popen[bytes]") -> float:
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


def _result(name: str, events: int, seconds: float, cpu_seconds: float, peak_kilobytes: int) -> Result:
    return Result(name, round(seconds, 2), round(events / seconds), round(cpu_seconds, 2), round(peak_kilobytes / 1024))


def main(events: int = 1_000_000) -> None:
    """Run, print a table, and print JSON for machines."""
    results: list[Result] = []
    with servers() as where:
        _say(f"publishing {events:,} interactions of {CUSTOMERS:,} customers to {PARTITIONS} partitions ...")
        fill(where.bootstrap_servers, interactions(events))
        for run in (run_loop, run_processor, run_loop):
            empty(where.database_url)
            results.append(run(where, events))
            _say(f"{results[-1].name:26} {results[-1].events_per_second:>9,.0f} events/s")
    with servers() as where:
        _say(f"publishing {events:,} transactions ...")
        fill(where.bootstrap_servers, transactions(events))
        results.append(run_processor(where, events, topics.TRANSACTIONS.name))
    reference = (results[0].events_per_second + results[2].events_per_second) / 2
    ratio = round(results[1].events_per_second / reference, 2)
    to_interactions = round(results[3].events_per_second / results[1].events_per_second, 2)
    _say(f"{'':26} {'events/s':>9} {'seconds':>8} {'CPU s':>6} {'peak MB':>8}")
    for result in results:
        _say(
            f"{result.name:26} {result.events_per_second:>9,.0f} {result.seconds:>8.2f} {result.cpu_seconds:>6.2f} "
            f"{result.peak_memory_mb:>8.0f}"
        )
    _say(f"interactions, processor / loop: {ratio}")
    _say(f"processor, transactions / interactions: {to_interactions}")
    _say(json.dumps({"events": events, "ratio": ratio, "runs": [asdict(result) for result in results]}))


def _say(line: str) -> None:
    print(line, flush=True)
