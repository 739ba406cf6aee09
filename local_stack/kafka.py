"""Apache Kafka without Docker: one KRaft node from its jars, its topics kept in one folder."""

import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from local_stack import kafka_jars, processes
from local_stack.broker import wait_until_it_answers

_PROPERTIES: Final = Path(__file__).with_name("kafka.properties")
_LOGGING: Final = Path(__file__).with_name("kafka_log4j2.properties")

#: Bounds of the JVM: most of what Kafka holds is in the page cache anyway.
_JVM: Final = ("-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError")
_FORMAT_SECONDS: Final = 60.0
# After a crash the logs are read again.
_START_SECONDS: Final = 120.0
_STOP_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """What the broker demands of those who connect."""

    #: As in KAFKA_SECURITY_PROTOCOL.
    protocol: str = "PLAINTEXT"
    #: Properties of the listener, such as ssl.keystore.location.
    properties: Mapping[str, str] = field(default_factory=dict)
    #: User to password, kept by the broker as SCRAM-SHA-256 and SCRAM-SHA-512.
    scram_users: Mapping[str, str] = field(default_factory=dict)
    #: How a client of librdkafka meets the demand.
    client: Mapping[str, str] = field(default_factory=dict)


def properties() -> dict[str, str]:
    """What every node of ours is told, by name."""
    lines = [line.partition("=") for line in _PROPERTIES.read_text().splitlines() if line and line[0] != "#"]
    return {name: value for name, _, value in lines}


class Kafka(processes.Server):
    """One Apache Kafka node, broker and controller.

    Args:
        folder: Holds its topics; made when missing.
        log: File for its output.
        cluster_id: What a new folder's cluster is called.
        port: Port on 127.0.0.1; None: any free one.
        listener: What it demands of its clients.
        advertise: Address that it tells clients to connect to; None: its own.
    """

    durable: Final = True

    def __init__(
        self,
        folder: Path,
        log: Path,
        *,
        cluster_id: str,
        port: int | None = None,
        listener: Listener = Listener(),
        advertise: str | None = None,
    ) -> None:
        self.folder = folder
        self.log = log
        self.cluster_id = cluster_id
        self.address = f"127.0.0.1:{port or processes.free_port()}"
        self.advertise = advertise or self.address
        self._listener = listener

    def start(self, *, keep_open: tuple[int, ...] = ()) -> str:
        """Start it, on fresh or existing topics, also after a crash, and wait until it answers.

        The caller sees to it that no other broker runs on this folder.

        Returns: Its address, host:port.
        Raises: Unavailable when it does not come up; UsageError when there is no Java.
        """
        processes.fresh_log(self.log)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = self._write_properties()
        if not (self._data / "meta.properties").exists():
            self._format(file)
        self.process = self._run("kafka.Kafka", str(file), keep_open=keep_open)
        config = {"bootstrap.servers": self.address, **self._listener.client}
        wait_until_it_answers(self.process, self.log, config, cluster_id=self.cluster_id, seconds=_START_SECONDS)
        return self.address

    def stop(self) -> None:
        """End it in good order; the topics stay."""
        if self.process:
            processes.stop(self.process, signal.SIGTERM, seconds=_STOP_SECONDS)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _write_properties(self) -> Path:
        """The configuration of this start: ports are free ones, and may differ from those of the last."""
        internal, controller = (f"127.0.0.1:{processes.free_port()}" for _ in range(2))
        protocols = f"CLIENTS:{self._listener.protocol},INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT"
        values = {
            **properties(),
            "listeners": f"CLIENTS://{self.address},INTERNAL://{internal},CONTROLLER://{controller}",
            "advertised.listeners": f"CLIENTS://{self.advertise},INTERNAL://{internal}",
            "listener.security.protocol.map": protocols,
            "controller.quorum.voters": f"1@{controller}",
            "log.dirs": str(self._data),
            **{f"listener.name.clients.{name}": value for name, value in self._listener.properties.items()},
        }
        file = self.folder / "kafka.properties"
        file.touch(mode=0o600)  # a listener's properties may be secrets
        file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
        return file

    def _format(self, file: Path) -> None:
        users = [
            f"{mechanism}=[name={user},password={password}]"
            for user, password in self._listener.scram_users.items()
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512")
        ]
        arguments = [part for user in users for part in ("--add-scram", user)]
        process = self._run("kafka.tools.StorageTool", "format", "-t", self.cluster_id, "-c", str(file), *arguments)
        if process.wait(_FORMAT_SECONDS) != 0:
            processes.refuse_ended(process, "formatting Kafka's storage", self.log)

    def _run(self, program: str, *arguments: str, keep_open: tuple[int, ...] = ()) -> processes.Process:
        jvm = [*_JVM, f"-Dlog4j2.configurationFile={_LOGGING}", "-cp", kafka_jars.class_path()]
        return processes.start(
            [kafka_jars.java(), *jvm, program, *arguments],
            log=self.log,
            on_parent_death=signal.SIGTERM,  # a clean stop, even then
            keep_open=keep_open,
        )
