"""What the dashboard stands on, each part a process of its own that can be stopped and started again."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import psycopg

from api.access.tokens import Scope, create_token
from events.contracts import Event
from events.encoding import encode
from local_stack import processes
from local_stack.postgres import SETTINGS, Postgres
from sql.migrate import migrate
from sql.refresh import refresh
from tests.faults import stand as stands
from tests.faults.stand import Stand

_SAMPLES = Path(__file__).parents[2] / "sample_data"
#: What the site is filled with before the first test.
_SHOP = ("shop_products.csv", "shop_customers.csv", "shop_orders.csv")
_PATIENCE_SECONDS = 30.0


class Api:
    """One `c360 api`, always under the same address."""

    def __init__(self, database_url: str, log: Path, *, kafka: str = "", open_reads: bool = True) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._environment = {
            **os.environ,
            "DATABASE_URL": database_url,
            "C360_API_PORT": str(self._port),
            "C360_API_OPEN_READS": str(open_reads),
            **({"KAFKA_BOOTSTRAP_SERVERS": kafka} if kafka else {}),
        }
        self._log = log
        self._process: processes.Process | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = processes.start([sys.executable, "-m", "c360", "api"], log=self._log, env=self._environment)
        wait_until(lambda: self.ask("/health") is not None)

    def kill(self) -> None:
        """End it by SIGKILL."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def ask(self, path: str) -> Any:
        """The answer to a question; None when there is none."""
        try:
            with urlopen(f"{self.url}{path}", timeout=10) as answer:  # noqa: S310
                return json.load(answer)
        except (URLError, ConnectionError):
            return None


@dataclass(frozen=True, slots=True)
class Site:
    """Where everything runs."""

    folder: Path
    stand: Stand
    postgres: Postgres
    api: Api

    def replay(self, *names: str) -> None:
        """Publish sample files, and wait until the totals include them."""
        replays = [self._command("replay", str(_SAMPLES / name), "--quiet") for name in names]
        for command in replays:
            assert command.wait(_PATIENCE_SECONDS) == 0, names
        assert self._command("status", "--wait").wait(_PATIENCE_SECONDS) == 0

    def tell(self, event: Event) -> None:
        """Publish one event."""
        self.stand.publish([encode(event)])

    def token(self, name: str, *scopes: Scope) -> str:
        """A token that is good for this."""
        with psycopg.connect(self.postgres.url()) as connection:
            return create_token(connection, name, scopes)

    def _command(self, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": self.stand.broker.address,
            "DATABASE_URL": self.postgres.url(),
        }
        command = [sys.executable, "-m", "c360", *arguments]
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    """Everything, with the shop's data in the totals."""
    postgres = Postgres(folder / "postgres", log=folder / "postgres.log", settings={**SETTINGS, "fsync": "off"})
    try:
        migrate(postgres.start())
        with (
            stands.running(folder, postgres.url()) as stand,
            running_api(postgres.url(), folder / "api.log", kafka=stand.broker.address) as api,
        ):
            stand.start_processor()
            site = Site(folder, stand, postgres, api)
            site.replay(*_SHOP)
            with psycopg.connect(postgres.url(), autocommit=True) as connection:
                refresh(connection, "category_popularity")
                refresh(connection, "category_transitions")
            yield site
    finally:
        postgres.stop()


@contextmanager
def running_api(database_url: str, log: Path, *, kafka: str = "", open_reads: bool = True) -> Iterator[Api]:
    """One `c360 api` until the end of the block."""
    api = Api(database_url, log, kafka=kafka, open_reads=open_reads)
    try:
        api.start()
        yield api
    finally:
        api.kill()


def wait_until(condition: Callable[[], bool]) -> None:
    """Poll."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.02)
