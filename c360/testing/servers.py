"""The servers that tests run on: a broker and a Postgres, embedded, as Apache Kafka, or in containers."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final, Literal, Protocol
from uuid import uuid4

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from local_stack.broker import Broker
from local_stack.kafka import Kafka
from local_stack.postgres import SETTINGS, Postgres

BrokerKind = Literal["embedded", "kafka", "container"]
DatabaseKind = Literal["embedded", "container"]

#: Of each topic that a test is given.
PARTITIONS: Final = 4

#: How long a broker may take to forget a topic.
_FORGET_SECONDS: Final = 30.0
_GROUPS_SECONDS: Final = 30.0


class Server(Protocol):
    """What can be done to a server under test."""

    @property
    def running(self) -> bool:
        """Whether it is there."""

    def start(self) -> str:
        """Start it, again at the same address, and wait until it answers; returns the address."""

    def stop(self) -> None:
        """End it in good order."""

    def kill(self) -> None:
        """End it by SIGKILL."""

    def freeze(self) -> None:
        """Stop it in its tracks: it keeps its connections and answers nobody."""

    def thaw(self) -> None:
        """Let it go on."""

    def close(self) -> None:
        """End it, whatever was done to it, and let go of what it holds."""


class BrokerServer(Server, Protocol):
    """A Kafka broker."""

    @property
    def address(self) -> str:
        """host:port"""

    @property
    def cluster_id(self) -> str:
        """What it calls its cluster."""

    @property
    def durable(self) -> bool:
        """Whether its topics survive a stop."""


class DatabaseServer(Server, Protocol):
    """A Postgres; its address is the URL of a database."""


class Brokers:
    """Brokers without topics, one test after the other.

    Apache Kafka takes seconds to start: a broker that a test has left running is cleared for the next one.
    """

    def __init__(self, kind: BrokerKind, new_folder: Callable[[], Path]) -> None:
        self._kind = kind
        self._new_folder = new_folder
        self._kept: BrokerServer | None = None

    @contextmanager
    def one(self) -> Iterator[BrokerServer]:
        """A broker without topics, which may be stopped or killed."""
        server, self._kept = self._kept or self._started(), None
        try:
            yield server
        finally:
            if server.durable and server.running:
                clear(server.address)
                self._kept = server
            else:
                server.close()

    def end(self) -> None:
        """End the last one."""
        if self._kept:
            self._kept.close()

    def _started(self) -> BrokerServer:
        server = self.new()
        try:
            server.start()
            if server.durable:
                _provide_groups(server.address)
        except BaseException:
            server.close()
            raise
        return server

    def new(self) -> BrokerServer:
        """A broker that was not started yet."""
        folder = self._new_folder()
        if self._kind == "container":
            from c360.testing.containers import KafkaContainer  # noqa: PLC0415 -- testcontainers may be missing

            return KafkaContainer()
        if self._kind == "kafka":
            return Kafka(folder / "kafka", folder / "broker.log", cluster_id=str(uuid4()))
        return Broker(folder / "broker.log", cluster_id=str(uuid4()))


def new_database_server(kind: DatabaseKind, folder: Path) -> DatabaseServer:
    """A Postgres that was not started yet; what it holds need not survive the machine."""
    settings = {**SETTINGS, "fsync": "off"}
    if kind == "container":
        from c360.testing.containers import PostgresContainer  # noqa: PLC0415

        return PostgresContainer(settings)
    return Postgres(folder, log=folder / "postgres.log", settings=settings)


def clear(address: str) -> None:
    """Delete all topics and consumer groups of a broker, and wait until they are gone."""
    admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
    groups = [group.group_id for group in admin.list_consumer_groups().result().valid]
    for deleted in (admin.delete_consumer_groups(groups) if groups else {}).values():
        _allow_failure(deleted.result)  # a member that was killed counts until its session ends
    topics = _topics(admin)
    if topics:
        admin.delete_topics(topics)
    deadline = time.monotonic() + _FORGET_SECONDS
    while _topics(admin):
        assert time.monotonic() < deadline, f"{address} does not forget its topics"
        time.sleep(0.05)


def _provide_groups(address: str) -> None:
    """Have a new cluster make the topic that keeps its consumer groups, which takes a second at the first question."""
    config = {"bootstrap.servers": address, "group.id": "first", "log_level": 0}
    with closing(Consumer(config)) as consumer:
        deadline = time.monotonic() + _GROUPS_SECONDS
        while time.monotonic() < deadline:
            with suppress(KafkaException):
                consumer.committed([TopicPartition("none", 0)], timeout=1)
                return


def _topics(admin: AdminClient) -> list[str]:
    return [name for name in admin.list_topics(timeout=10).topics if not name.startswith("__")]


def _allow_failure(result: Callable[[], object]) -> None:
    with suppress(KafkaException):
        result()
