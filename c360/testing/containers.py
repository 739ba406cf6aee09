"""Apache Kafka and PostgreSQL in containers, by testcontainers."""

import time
from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from testcontainers.community import postgres
from testcontainers.core.container import DockerContainer

from events import admin
from events.errors import Unavailable
from local_stack import kafka, kafka_jars, processes

POSTGRES_IMAGE: Final = "postgres:18"

_CLIENT_PORT: Final = 9092
_START_SECONDS: Final = 90.0
_STOP_SECONDS: Final = 30


def kafka_image() -> str:
    """Apache Kafka's own image, in the version that runs without Docker, too."""
    return f"apache/kafka:{kafka_jars.version()}"


class _Container:
    """A container that keeps its port and its files while it is stopped."""

    _container: DockerContainer
    _made = False

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._made and self._wrapped().status in ("running", "paused")

    def stop(self) -> None:
        """End it in good order; `start` goes on with the same files."""
        self._wrapped().stop(timeout=_STOP_SECONDS)

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._wrapped().kill()
        self._wrapped().wait()

    def freeze(self) -> None:
        """Stop it in its tracks."""
        self._wrapped().pause()

    def thaw(self) -> None:
        """Let it go on."""
        if self._wrapped().status == "paused":
            self._wrapped().unpause()

    def close(self) -> None:
        """Take it away with all that it holds."""
        if self._made:
            self._container.stop()
            self._made = False

    def _begin(self) -> None:
        if self._made:
            self._wrapped().start()
        else:
            self._container.start()
            self._made = True

    def _wrapped(self) -> Any:
        container = self._container.get_wrapped_container()
        container.reload()
        return container


class KafkaContainer(_Container):
    """One Apache Kafka node; it advertises a port of this machine, which has to be known before it starts."""

    durable: Final = True

    def __init__(self) -> None:
        self.cluster_id = str(uuid4())
        port = processes.free_port()
        self.address = f"127.0.0.1:{port}"
        clients, internal, controller = f":{_CLIENT_PORT}", "localhost:9094", "localhost:9093"
        properties = {
            **kafka.properties(),
            "listeners": f"CLIENTS://{clients},INTERNAL://{internal},CONTROLLER://{controller}",
            "advertised.listeners": f"CLIENTS://{self.address},INTERNAL://{internal}",
            "listener.security.protocol.map": "CLIENTS:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.quorum.voters": f"1@{controller}",
        }
        self._container = DockerContainer(kafka_image()).with_bind_ports(_CLIENT_PORT, port)
        # Where it writes the configuration that it makes of the variables.
        self._container.with_tmpfs_mount("/opt/kafka/config", "uid=1000,gid=1000")
        self._container.with_env("CLUSTER_ID", self.cluster_id)
        for name, value in properties.items():
            self._container.with_env(f"KAFKA_{name.replace('.', '_').upper()}", value)

    def start(self) -> str:
        """Start it, and wait until it answers. Raises: Unavailable."""
        self._begin()
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if not self.running or time.monotonic() > deadline:
                logs = b" | ".join(b"".join(self._container.get_logs()).splitlines()[-3:])
                raise Unavailable(f"{kafka_image()} did not come up: {logs.decode(errors='replace')}")
            time.sleep(0.1)
        return self.address

    def _answers(self) -> bool:
        try:
            return admin.describe_cluster({"bootstrap.servers": self.address}).cluster_id == self.cluster_id
        except Unavailable:
            return False


class PostgresContainer(_Container):
    """One PostgreSQL server.

    Args:
        settings: Its configuration parameters.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        inside = ("listen_addresses", "unix_socket_directories")
        options = [f"-c {name}={value}" for name, value in settings.items() if name not in inside]
        container = postgres.PostgresContainer(POSTGRES_IMAGE, username="c360", dbname="c360", driver=None)
        self._container = self._postgres = container.with_command(" ".join(options))
        self._container.with_bind_ports(5432, processes.free_port())

    def start(self) -> str:
        """Start it, and wait until it answers; returns the URL of the database `c360`."""
        self._begin()
        return str(self._postgres.get_connection_url())
