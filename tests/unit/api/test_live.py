"""GET live, without Postgres: who is let go and how, and how many there may be."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.errors import Overloaded
from api.live.responses import EventStream
from api.live.streams import Seats, follow
from api.metrics import SLOW_SUBSCRIBERS
from api.positions import Positions


class Client:
    """Takes so many messages, then none for a while."""

    def __init__(self, *, takes: int, sleeps: float) -> None:
        self.got: list[dict[str, Any]] = []
        self._takes = takes
        self._sleeps = sleeps

    async def send(self, message: Any) -> None:
        if len(self.got) == self._takes:
            await asyncio.sleep(self._sleeps)
        self.got.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.got)


async def events(number: int) -> AsyncIterator[bytes]:
    for one in range(number):
        yield b"data: %d\n\n" % one


async def test_who_takes_everything_gets_everything() -> None:
    client = Client(takes=100, sleeps=0)
    await EventStream(events(3)).stream_response(client.send)
    assert client.body == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"
    assert client.got[-1]["more_body"] is False


async def test_who_takes_nothing_is_told_why_and_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.live.responses.SLOW_SECONDS", 0.05)
    before = SLOW_SUBSCRIBERS._value.get()
    client = Client(takes=2, sleeps=0.1)
    await asyncio.wait_for(EventStream(events(1000)).stream_response(client.send), timeout=5)
    assert client.body.startswith(b"data: 0\n\nevent: too-slow\ndata: {")
    assert client.got[-1]["more_body"] is False
    assert SLOW_SUBSCRIBERS._value.get() == before + 1


async def test_who_does_not_even_take_that_is_let_go_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.live.responses.SLOW_SECONDS", 0.05)
    monkeypatch.setattr("api.live.responses._LAST_WORD_SECONDS", 0.05)
    client = Client(takes=2, sleeps=60)
    await asyncio.wait_for(EventStream(events(1000)).stream_response(client.send), timeout=5)
    assert len(client.got) == 2


async def test_a_silent_line_has_a_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.live.streams.HEARTBEAT_SECONDS", 0.01)

    async def read() -> bytes:
        return b"{}"

    seats = Seats(1)
    stream = follow(Positions("postgresql://nowhere"), read, seats=seats, name="customer", last_seen=None)
    assert [await anext(stream) for _ in range(4)][2:] == [b": still here\n\n"] * 2
    with pytest.raises(Overloaded):  # the only seat is taken
        seats.refuse_if_full()
    await stream.aclose()
    seats.refuse_if_full()
