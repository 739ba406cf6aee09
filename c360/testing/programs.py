"""Processors and APIs as the processes that they are in production."""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import httpx2

from c360.commands.status import wait_until_current
from c360.target import Target
from local_stack import processes
from settings import KafkaSettings

#: Nothing that a test waits for takes longer, even when all cores are busy with something else.
PATIENCE_SECONDS: Final = 60.0

#: Brokers notice that a member of a group is gone after it, the embedded one after twice of it.
SESSION_SECONDS: Final = 2


class Program(processes.Server):
    """One `c360` process, started at once.

    Args:
        command: Name of the subcommand.
        log: File for its output.
        env: Environment variables beyond this process's.
    """

    def __init__(self, command: str, log: Path, env: Mapping[str, str]) -> None:
        self._log = log
        self.process: processes.Process = processes.start(
            [sys.executable, "-m", "c360", command], log=log, env={**os.environ, **env}
        )

    @property
    def said(self) -> str:
        """All that it wrote to standard output and standard error."""
        return self._log.read_text(errors="replace")

    def terminate(self) -> int:
        """Ask it to stop; returns its exit code."""
        self.process.terminate()
        return self.exit_code()

    def stop(self) -> None:
        """End it in good order, or by force if it takes too long."""
        processes.stop(self.process, signal.SIGTERM, seconds=PATIENCE_SECONDS)

    def exit_code(self, *, seconds: float = PATIENCE_SECONDS) -> int:
        """Wait until it ends by itself."""
        return self.process.wait(seconds)

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Poll; fails with what it said."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert self.running, f"it ended: {self.said}"
            assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS:.0f} s: {what}; {self.said}"
            time.sleep(0.02)


class Processor(Program):
    """One `c360 processor`.

    Args:
        broker: host:port
        database: URL of a migrated database.
        log: File for its output.
        settings: More environment variables.
    """

    def __init__(self, broker: str, database: str, log: Path, *, settings: Mapping[str, object] = {}) -> None:
        self._target = Target(KafkaSettings(bootstrap_servers=broker), database)
        env = {
            "KAFKA_BOOTSTRAP_SERVERS": broker,
            "KAFKA_SESSION_TIMEOUT_SECONDS": str(SESSION_SECONDS),
            "DATABASE_URL": database,
            "LOG_LEVEL": "warning",
            **{name: str(value) for name, value in settings.items()},
        }
        super().__init__("processor", log, env)

    def wait_until_current(self, *, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until all that is in the topics is in the totals.

        Raises: Unavailable when it takes longer.
        """
        wait_until_current(self._target, timeout_seconds=seconds)


class Api(Program):
    """One `c360 api`, at `url` on this machine.

    Args:
        broker: host:port
        database: URL of a migrated database.
        log: File for its output.
        settings: More environment variables.
    """

    def __init__(self, broker: str, database: str, log: Path, *, settings: Mapping[str, object] = {}) -> None:
        port = processes.free_port()
        self.url = f"http://127.0.0.1:{port}"
        env = {
            "KAFKA_BOOTSTRAP_SERVERS": broker,
            "DATABASE_URL": database,
            "C360_API_HOST": "127.0.0.1",
            "C360_API_PORT": str(port),
            "LOG_LEVEL": "warning",
            **{name: str(value) for name, value in settings.items()},
        }
        super().__init__("api", log, env)

    def wait_until_it_answers(self) -> None:
        """Wait until it serves."""
        self.wait_until(self._answers, "the API answers")

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/health").status_code == 200
        except httpx2.TransportError:
            return False
