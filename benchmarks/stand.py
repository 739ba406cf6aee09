"""Where benchmarks run: an embedded Postgres, and an embedded broker or any other, each round on fresh ones.

A round has a database of its own, copied from a migrated one, and topics of its own: in a broker that is started for
it, so that no run works on what another left behind; or, on a broker that is there, created and deleted.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import psycopg
from confluent_kafka.admin import AdminClient

from events import admin, topics
from events.errors import UsageError
from local_stack.broker import Broker
from local_stack.kafka import Kafka
from local_stack.postgres import DATABASE, SETTINGS, Postgres
from sql.migrate import migrate

PARTITIONS = 4

#: Apache Kafka, started here; instead of its address.
KAFKA: Final = "kafka"

_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Fresh topics and a fresh database."""

    bootstrap_servers: str
    database_url: str
    #: For whatever the contestant keeps on disk.
    folder: Path
    #: Process ids; None: a broker that is not ours.
    postgres: int
    broker: int | None


class Stand:
    """A Postgres that is up, and where the topics of a round come from."""

    def __init__(self, postgres: Postgres, folder: Path, broker: str | None) -> None:
        self._postgres = postgres
        self._folder = folder
        self._broker = broker
        self._rounds = 0

    @contextmanager
    def round(self) -> Iterator[Round]:
        """Fresh topics and a fresh database, for as long as the round lasts."""
        self._rounds += 1
        folder = self._folder / f"round-{self._rounds}"
        folder.mkdir()
        process = self._postgres.process
        assert process
        with self._topics(folder) as (address, broker), self._database(f"round_{self._rounds}") as url:
            yield Round(bootstrap_servers=address, database_url=url, folder=folder, postgres=process.pid, broker=broker)

    @contextmanager
    def _database(self, name: str) -> Iterator[str]:
        with psycopg.connect(self._postgres.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {DATABASE} STRATEGY FILE_COPY")
            connection.execute("CHECKPOINT")
            yield self._postgres.url(name)
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def _topics(self, folder: Path) -> Iterator[tuple[str, int | None]]:
        if self._broker and self._broker != KAFKA:
            with _topics_of_ours(self._broker):
                yield self._broker, None
            return
        log = folder / "broker.log"
        cluster_id = str(uuid4())
        kafka = self._broker == KAFKA
        broker = Kafka(folder / "kafka", log, cluster_id=cluster_id) if kafka else Broker(log, cluster_id=cluster_id)
        try:
            address = broker.start()
            admin.create_topics({"bootstrap.servers": address}, partitions=PARTITIONS, replication_factor=1)
            assert broker.process
            yield address, broker.process.pid
        finally:
            broker.stop()


@contextmanager
def stand(broker: str | None, **settings: str) -> Iterator[Stand]:
    """A Postgres that only this benchmark uses.

    Args:
        broker: host:port of a Kafka; KAFKA: Apache Kafka on this machine; None: the embedded broker.
        settings: Of Postgres, beside those of the embedded stack.
    """
    with tempfile.TemporaryDirectory(prefix="c360-benchmark-") as name:
        folder = Path(name)
        postgres = Postgres(folder / "postgres", log=folder / "postgres.log", settings={**SETTINGS, **settings})
        try:
            migrate(postgres.start())
            yield Stand(postgres, folder, broker)
        finally:
            postgres.stop()


@contextmanager
def _topics_of_ours(address: str) -> Iterator[None]:
    """Create our topics, and delete them in the end."""
    config = {"bootstrap.servers": address}
    if there := sorted(admin.describe_cluster(config).topics):
        raise UsageError(
            f"the broker at {address} has topics {', '.join(there)}: benchmarks delete theirs, so name a broker without"
        )
    admin.create_topics(config, partitions=PARTITIONS, replication_factor=1)
    try:
        yield
    finally:
        deleted = AdminClient({"bootstrap.servers": address}).delete_topics([topic.name for topic in topics.ALL])
        for future in deleted.values():
            future.result(_PATIENCE_SECONDS)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while admin.describe_cluster(config).topics and time.monotonic() < deadline:
            time.sleep(0.2)
