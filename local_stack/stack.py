"""The stack: broker, Postgres, migrations, topics, processors and API, started in that order and kept running.

1. Lock the data directory; wait for what an earlier stack left behind to end.
2. Start Postgres, the API (it takes longest, and needs the rest only for its answers) and the broker.
3. Migrate the database, provide a token for the API, create the topics, adopt those that the database does not know
   (all of them at each start, with a broker that is in memory only).
4. Start the processors and the refresher; once the API answers, publish the addresses in `stack.json`.
5. Until told to stop: start again whatever ends, except a broker in memory, whose events are gone with it.
6. Stop in the opposite order.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Literal
from urllib.error import URLError
from urllib.request import urlopen

import psycopg
import structlog

from api.access.tokens import Scope, keep_or_create_token
from events import admin
from events.errors import Unavailable
from local_stack import processes, state
from local_stack.broker import SESSION_TIMEOUT_SECONDS, Broker
from local_stack.kafka import Kafka
from local_stack.postgres import Postgres
from settings import Settings
from sql.adopt import adopt_topics
from sql.migrate import migrate

_log = structlog.get_logger(__name__)

#: With a source that `c360 mock-crm` serves.
_SAMPLES: Final = Path(__file__).parents[1] / "sample_data"

#: "embedded": starts at once, in memory only; "kafka": Apache Kafka, durable, needs Java.
BrokerKind = Literal["embedded", "kafka"]

#: What Postgres may need to write out when the stack before was killed.
_LEFTOVERS_SECONDS: Final = 60.0
_API_START_SECONDS: Final = 60.0
_TOKEN_NAME: Final = "this machine"  # noqa: S105 -- no secret
_STOP_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.2

#: Seconds before a child that ended is started again: doubled each time, forgotten once it ran for a minute.
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0
_STEADY_SECONDS: Final = 60.0


@dataclass(slots=True)
class _Child:
    """A `c360` command that is started again when it ends."""

    name: str
    log: Path
    begin: Callable[[], processes.Process]
    process: processes.Process
    started_at: float = field(default_factory=time.monotonic)
    pause: float = _FIRST_PAUSE
    #: When to start it again; None while it runs.
    due_at: float | None = None


class Stack:
    """Everything on this machine; use it through `running`.

    Args:
        folder: The data directory.
        api_port: Port of the API on 127.0.0.1.
        processors: How many processors share the partitions.
        broker: Which broker holds the topics.
    """

    def __init__(self, folder: Path, settings: Settings, *, api_port: int, processors: int, broker: BrokerKind) -> None:
        self.folder = folder
        self._settings = settings
        self._api_url = f"http://127.0.0.1:{api_port}"
        self._api_port = api_port
        self._processors = processors
        self._postgres = Postgres(folder / "postgres", log=self._log_file("postgres"))
        self._broker_kind = broker
        self._broker: Broker | Kafka | None = None
        self._children: list[_Child] = []
        self._lock: tuple[int, ...] = ()

    def start(self) -> state.Addresses:
        """Bring everything up (numbers as in the module's text); call with the directory locked.

        Raises: Unavailable when a part does not come up; RefusedState.
        """
        state.remove_addresses(self.folder)
        self._lock = (state.lock_children(self.folder, seconds=_LEFTOVERS_SECONDS),)
        partitions = self._settings.kafka.partitions
        cluster = state.cluster_of(self.folder, partitions=partitions)
        database_url = self._postgres.start(keep_open=self._lock)  # 2.
        self._broker = self._new_broker(cluster.cluster_id)
        env = self._environment(self._broker.address, database_url)
        self._start_child("api", env)
        kafka = self._broker.start(keep_open=self._lock)
        migrate(database_url)  # 3.
        self._provide_token(database_url)
        self._provide_topics(kafka, database_url, partitions)
        for number in range(1, self._processors + 1):  # 4.
            self._start_child(f"processor-{number}", env)
        self._start_child("refresher", env)
        self._wait_for_api()
        return self._publish()

    def supervise(self) -> None:
        """Start again whatever ends; returns only by an exception.

        Raises: Unavailable when the broker ended, or Postgres can't be started again.
        """
        while True:
            time.sleep(_POLL_SECONDS)
            changed = [self._tend(child) for child in self._children]
            if self._server_ended() or any(changed):
                self._publish()

    def stop(self) -> None:
        """Stop what runs, in the opposite order of the start."""
        state.remove_addresses(self.folder)
        for child in self._children:
            child.process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for child in self._children:
            processes.wait_or_kill(child.process, seconds=deadline - time.monotonic())
        if self._broker:
            self._broker.stop()
        self._postgres.stop()
        for descriptor in self._lock:
            os.close(descriptor)

    def _new_broker(self, cluster_id: str) -> Broker | Kafka:
        log = self._log_file("broker")
        if self._broker_kind == "kafka":
            return Kafka(self.folder / "kafka", log, cluster_id=cluster_id)
        return Broker(log, cluster_id=cluster_id)

    def _provide_topics(self, kafka: str, database_url: str, partitions: int) -> None:
        """Create the topics that are missing, and go on where each of those that are there was left."""
        config = {"bootstrap.servers": kafka}
        admin.create_topics(config, partitions=partitions, replication_factor=1)
        adopt_topics(database_url, keep=[topic.topic_id for topic in admin.describe_cluster(config).topics.values()])

    def _start_child(self, name: str, env: Mapping[str, str]) -> None:
        """Start `c360 NAME`, where a number may follow the name."""
        log = processes.fresh_log(self._log_file(name))
        command = [sys.executable, "-m", "c360", name.partition("-")[0]]
        begin = partial(processes.start, command, log=log, env=env, keep_open=self._lock)
        self._children.append(_Child(name, log, begin, begin()))

    def _provide_token(self, database_url: str) -> None:
        """See to it that `token` in the data directory is good for everything."""
        with psycopg.connect(database_url) as connection:
            kept = state.read_token(self.folder)
            token = keep_or_create_token(connection, _TOKEN_NAME, list(Scope), kept)
        if token != kept:
            state.write_token(self.folder, token)

    def _environment(self, kafka: str, database_url: str) -> dict[str, str]:
        """This process's environment, with our own broker and database in the place of any it names."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("KAFKA_S", "DATABASE_"))}
        # Nobody else reaches this API; whoever tries it out should need neither a token nor a source of their own.
        return (
            {"C360_API_OPEN_READS": "true", "C360_API_SOURCES": str(_SAMPLES), "C360_METRICS_PORT": "0"}
            | kept
            | {
                "KAFKA_BOOTSTRAP_SERVERS": kafka,
                "KAFKA_SESSION_TIMEOUT_SECONDS": str(SESSION_TIMEOUT_SECONDS),
                "KAFKA_PARTITIONS": str(self._settings.kafka.partitions),
                "DATABASE_URL": database_url,
                "C360_API_HOST": "127.0.0.1",
                "C360_API_PORT": str(self._api_port),
            }
        )

    def _wait_for_api(self) -> None:
        api = self._children[0]
        deadline = time.monotonic() + _API_START_SECONDS
        while not _answers(f"{self._api_url}/health"):
            processes.refuse_ended(api.process, "the API", api.log)
            if time.monotonic() > deadline:
                raise Unavailable(f"the API at {self._api_url} did not come up within {_API_START_SECONDS:.0f} s")
            time.sleep(0.05)

    def _publish(self) -> state.Addresses:
        servers = {"broker": self._broker.process if self._broker else None, "postgres": self._postgres.process}
        everything = servers | {child.name: child.process for child in self._children}
        addresses = state.Addresses(
            bootstrap_servers=self._broker.address if self._broker else "",
            database_url=self._postgres.url(),
            api_url=self._api_url,
            pid=os.getpid(),
            children={name: process.pid for name, process in everything.items() if process},
        )
        state.write_addresses(self.folder, addresses)
        return addresses

    def _tend(self, child: _Child) -> bool:
        """Notice that a child ended, or start it again when its pause is over; True when it was started."""
        now = time.monotonic()
        if child.due_at is not None:
            if now < child.due_at:
                return False
            child.process, child.started_at, child.due_at = child.begin(), now, None
            return True
        if child.process.poll() is not None:
            steady = now - child.started_at > _STEADY_SECONDS
            pause = _FIRST_PAUSE if steady else child.pause
            child.due_at, child.pause = now + pause, min(pause * 2, _LONGEST_PAUSE)
            _log.warning("ended, will be started again", child=child.name, exit_code=child.process.returncode,
                         pause_seconds=pause, log=str(child.log))  # fmt: skip
        return False

    def _server_ended(self) -> bool:
        """Start Postgres and a durable broker again when they ended; True when one was.

        Raises: Unavailable when a broker ended whose events are gone with it.
        """
        return any([self._revive("postgres", self._postgres), self._broker is not None and self._broker_ended()])

    def _broker_ended(self) -> bool:
        assert self._broker
        if isinstance(self._broker, Kafka):
            return self._revive("broker", self._broker)
        if self._broker.process and self._broker.process.poll() is not None:
            raise Unavailable(
                f"the embedded broker ended ({self._broker.log}) and its events with it: start the stack again; "
                "what was processed is in the database, replay what was not"
            )
        return False

    def _revive(self, name: str, server: Postgres | Kafka) -> bool:
        if server.process is None or server.process.poll() is None:
            return False
        _log.warning("ended, starting again", child=name, exit_code=server.process.returncode, log=str(server.log))
        server.start(keep_open=self._lock)
        return True

    def _log_file(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"


@contextmanager
def running(
    folder: Path, settings: Settings, *, api_port: int, processors: int, broker: BrokerKind
) -> Iterator[tuple[Stack, state.Addresses]]:
    """Start a stack, and stop all of it at the end of the block or by an exception.

    Raises: RefusedState when one already runs in this directory; Unavailable when it does not come up.
    """
    state.make_folder(folder)
    lock = state.lock_stack(folder)
    stack = Stack(folder, settings, api_port=api_port, processors=processors, broker=broker)
    try:
        yield stack, stack.start()
    finally:
        with _undisturbed():
            stack.stop()
        os.close(lock)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Another Ctrl-C must not leave half of the stack running; what it starts would be killed, the data not."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:  # noqa: S310 -- our own API
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
