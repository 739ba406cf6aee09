"""`c360 api` as a process."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2


@contextmanager
def api_process(
    database_url: str, log: Path, *, open_reads: bool = True, kafka: str = "", **settings: object
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run `c360 api`; gives its URL once /health answers.

    Args:
        settings: Further environment variables.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "C360_API_PORT": str(port),
        "LOG_FORMAT": "json",
        "C360_API_READS_PER_MINUTE": "0",
        "C360_API_WRITES_PER_MINUTE": "0",
        "C360_API_OPEN_READS": str(open_reads),
        **({"KAFKA_BOOTSTRAP_SERVERS": kafka} if kafka else {}),
        **{name: str(value) for name, value in settings.items()},
    }
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "c360", "api"], env=environment, stderr=output)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: status_of(f"{url}/health") == 200)
        yield url, process
    finally:
        process.kill()
        process.wait()


def wait_until(condition: Callable[[], bool], *, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.05)


def status_of(url: str) -> int | None:
    try:
        return httpx2.get(url).status_code
    except httpx2.TransportError:
        return None
