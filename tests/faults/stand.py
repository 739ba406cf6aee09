"""A test stand: a broker of its own, a database, and real `c360 processor` processes that can be killed or frozen."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from uuid import UUID, uuid4

import psycopg

from c360.testing.programs import PATIENCE_SECONDS, SESSION_SECONDS, Processor
from c360.testing.servers import PARTITIONS, BrokerServer
from events import admin
from events.encoding import Record
from local_stack.broker import Broker
from producers.publish import KafkaPublisher

__all__ = ["PARTITIONS", "PATIENCE_SECONDS", "SESSION_SECONDS", "Processor", "Stand", "running"]


@dataclass
class Stand:
    """Where everything runs, and what was published so far."""

    folder: Path
    broker: BrokerServer
    database_url: str
    published: int = 0
    processors: list[Processor] = field(default_factory=list)

    @property
    def kafka(self) -> dict[str, str]:
        """The connection as librdkafka wants it."""
        return {"bootstrap.servers": self.broker.address}

    def start_processor(self, *, group: str = "c360", **settings: object) -> Processor:
        """Start a processor; it is killed at the end of the test if it still runs then.

        Args:
            group: Its consumer group.
            settings: Environment variables.
        """
        log = self.folder / f"processor-{len(self.processors)}.log"
        processor = Processor(self.broker.address, self.database_url, log, settings={"C360_GROUP": group, **settings})
        self.processors.append(processor)
        return processor

    def publish(self, records: Iterable[Record]) -> None:
        """Publish and wait until the broker has all of it."""
        publisher = KafkaPublisher(self.kafka)
        for record in records:
            publisher.publish(record)
            self.published += 1
        publisher.finish()

    def trickle(self, records: Iterator[Record], until: Callable[[], bool], *, at_once: int = 200) -> None:
        """Publish little by little until something has happened, so that processors have work all the while."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not until():
            portion = list(islice(records, at_once))
            assert portion, "all was published before it happened"
            assert time.monotonic() < deadline, self.report("it did not happen")
            assert self.somebody_works(), self.report("no processor is left")
            self.publish(portion)

    def somebody_works(self) -> bool:
        """Whether a processor runs."""
        return any(processor.running for processor in self.processors)

    def committed(self) -> int:
        """How many offsets are processed, over all topics."""
        with self.connect() as connection:
            row = connection.execute(
                "SELECT coalesce(sum(next_offset), 0)::bigint FROM positions WHERE retired_at IS NULL"
            ).fetchone()
        assert row
        return int(row[0])

    def owners(self) -> dict[tuple[str, int], UUID]:
        """Who may write, per partition."""
        with self.connect() as connection:
            rows = connection.execute("SELECT topic, partition, owner FROM positions WHERE retired_at IS NULL")
            return {(topic, partition): owner for topic, partition, owner in rows}

    def claimed_since(self, before: dict[tuple[str, int], UUID]) -> bool:
        """Whether every partition has another owner than it had before."""
        now = self.owners()
        return bool(now) and not set(now.values()) & set(before.values())

    def wait_until(self, condition: Callable[[], bool], what: str, *, seconds: float = PATIENCE_SECONDS) -> None:
        """Poll; fails with what the processors said."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.report(f"not within {seconds:.0f} s: {what}")
            assert self.somebody_works(), self.report(f"no processor is left: {what}")
            time.sleep(0.005)

    def wait_until_done(self, *, seconds: float = PATIENCE_SECONDS) -> None:
        """Until all that was published is processed."""
        what = f"all {self.published:,} events processed"
        self.wait_until(lambda: self.committed() >= self.published, what, seconds=seconds)

    def report(self, problem: str) -> str:
        """For messages of failed assertions."""
        lines = [f"{problem}; {self.committed():,} of {self.published:,} events are processed"]
        for number, processor in enumerate(self.processors):
            lines += [f"processor {number} ({processor.process.poll()}):", processor.said[-2000:]]
        return "\n".join(lines)

    def connect(self) -> psycopg.Connection:
        """A connection whose statements commit at once."""
        return psycopg.connect(self.database_url, autocommit=True)


@contextmanager
def running(folder: Path, database_url: str, broker: BrokerServer | None = None) -> Iterator[Stand]:
    """A stand with fresh topics; whatever it started is gone at the end of the block.

    Args:
        folder: For logs.
        database_url: A migrated database.
        broker: One without topics, running or not; None: an embedded one.
    """
    broker = broker or Broker(folder / "broker.log", cluster_id=str(uuid4()))
    started = not broker.running
    stand = Stand(folder, broker, database_url)
    try:
        if started:
            broker.start()
        admin.create_topics(stand.kafka, partitions=PARTITIONS, replication_factor=1)
        yield stand
    finally:
        for processor in stand.processors:
            if processor.running:
                processor.kill()
        if started:
            broker.close()
