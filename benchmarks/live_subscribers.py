"""Subscribers of GET live, on raw connections: `python -m benchmarks.live_subscribers PORT QUESTION...`

Says `ready` when each has its first state; ends with standard input, and prints all states that were received as JSON.
"""

import asyncio
import re
import sys
import time
from functools import partial
from typing import cast

import msgspec
import uvloop

#: What a commit counts up in each state.
_COUNTER = {
    "customer": re.compile(rb'"channel":"Email","interactions":(\d+)'),
    "overview": re.compile(rb'"channel":"Email","interactions":(\d+)'),
    "product-interactions": re.compile(rb'"interactions":(\d+)'),
    "daily_sales": re.compile(rb'"orders":(\d+)'),
    "top_customers": re.compile(rb'"orders":(\d+)'),
    "product_metrics": re.compile(rb'"orders":(\d+)'),
}


class Subscriber(asyncio.Protocol):
    """One stream."""

    def __init__(self, number: int, question: str, tally: "Tally") -> None:
        self._number = number
        self._question = question
        self._followed = question.partition("=")[2]
        self._counter = _COUNTER.get(self._followed, _COUNTER["customer"])
        self._tally = tally
        self._text = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        request = f"GET /api/v1/live?{self._question} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        cast("asyncio.Transport", transport).write(request.encode())

    def data_received(self, data: bytes) -> None:
        *events, self._text = (self._text + data).split(b"\n\n")
        for event in events:
            if b"data: " in event and (found := self._counter.search(event)):
                self._tally.count((self._followed, self._number, int(found[1]), time.time()))

    def connection_lost(self, _: Exception | None) -> None:
        print(f"{self._question}: the stream ended", file=sys.stderr)


class Tally:
    """All that was received."""

    def __init__(self, subscribers: int) -> None:
        self.states: list[tuple[str, int, int, float]] = []
        self.ready = asyncio.Event()
        self._waiting = set(range(subscribers))

    def count(self, state: tuple[str, int, int, float]) -> None:
        """Take one."""
        self.states.append(state)
        self._waiting.discard(state[1])
        if not self._waiting:
            self.ready.set()


async def _run(port: int, questions: list[str]) -> None:
    loop = asyncio.get_running_loop()
    tally = Tally(len(questions))
    for number, question in enumerate(questions):
        await loop.create_connection(partial(Subscriber, number, question, tally), "127.0.0.1", port)
    await asyncio.wait_for(tally.ready.wait(), timeout=60)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    sys.stdout.buffer.write(msgspec.json.encode(tally.states))
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(_run(int(sys.argv[1]), sys.argv[2:]))
