"""Many clients at once, each asking as soon as it was answered; raw connections, so that the server is measured.

    python -m benchmarks.http_load PORT CLIENTS SECONDS CUSTOMERS [TOKEN]

asks `GET /api/v1/interactions/{id}` with random ids, and prints what came of it as JSON.
"""

import asyncio
import json
import sys
import time
from random import Random
from typing import cast

import uvloop

#: Not counted: connections open, caches fill.
WARM_UP_SECONDS = 1.0


class Client(asyncio.Protocol):
    """One connection, one question at a time."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._answer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, found, body = self._answer.partition(b"\r\n\r\n")
        if found and len(body) >= _length(head):
            self._load.answered(bytes(head[9:12]), time.perf_counter() - self._asked_at)
            self._answer.clear()
            self._ask()

    def connection_lost(self, _: Exception | None) -> None:
        if not self._load.over:
            self._load.lost += 1

    def _ask(self) -> None:
        self._asked_at = time.perf_counter()
        self._transport.write(self._load.next_request())


class Load:
    """What all clients share: the questions and the tally."""

    def __init__(self, customers: int, token: str | None) -> None:
        authorization = f"Authorization: Bearer {token}\r\n" if token else ""
        self._tail = f" HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\n".encode()
        self._customers = customers
        self._random = Random(360)
        self.over = False
        self.lost = 0
        self.failed = 0
        self.seconds: list[float] = []

    def next_request(self) -> bytes:
        return b"GET /api/v1/interactions/%d%b" % (self._random.randrange(self._customers), self._tail)

    def answered(self, status: bytes, seconds: float) -> None:
        self.failed += status != b"200"
        self.seconds.append(seconds)

    def forget(self) -> None:
        """Begin the tally anew."""
        self.lost = self.failed = 0
        self.seconds.clear()


def _length(head: bytearray) -> int:
    _, _, after = head.lower().partition(b"\r\ncontent-length:")
    return int(after.partition(b"\r\n")[0])


async def _run(port: int, clients: int, seconds: float, load: Load) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    for _ in range(clients):
        await loop.create_connection(lambda: Client(load), "127.0.0.1", port)
    await asyncio.sleep(WARM_UP_SECONDS)
    load.forget()
    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.sleep(seconds)
    took, cpu = time.perf_counter() - started, time.process_time() - cpu
    load.over = True
    times = sorted(load.seconds)
    return {
        "requests_per_second": round(len(times) / took),
        "p50_ms": round(times[len(times) // 2] * 1000, 1),
        "p99_ms": round(times[len(times) * 99 // 100] * 1000, 1),
        "errors": load.failed + load.lost,
        "driver_busy": round(cpu / took, 2),
    }


def main(port: str, clients: str, seconds: str, customers: str, token: str | None = None) -> None:
    """Run, and print the result."""
    load = Load(int(customers), token)
    print(json.dumps(uvloop.run(_run(int(port), int(clients), float(seconds), load))))


if __name__ == "__main__":
    main(*sys.argv[1:])
