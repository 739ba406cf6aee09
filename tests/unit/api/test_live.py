"""GET live, without Postgres: what is read how often, who is let go and how, and how many there may be."""

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Any

import pytest

from api.errors import Overloaded
from api.live.feeds import Feed, Follower, Seats
from api.live.responses import EventStream
from api.metrics import SLOW_SUBSCRIBERS
from api.positions import Positions
from events.errors import Unavailable


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


def stream(number: int, *, slow_seconds: float = 30) -> EventStream:
    return EventStream(events(number), slow_seconds=slow_seconds, at_end=lambda: None)


async def test_who_takes_everything_gets_everything() -> None:
    client = Client(takes=100, sleeps=0)
    await stream(3).stream_response(client.send)
    assert client.body == b"data: 0\n\ndata: 1\n\ndata: 2\n\n"
    assert client.got[-1]["more_body"] is False


async def test_who_takes_nothing_is_told_why_and_let_go() -> None:
    before = SLOW_SUBSCRIBERS._value.get()
    client = Client(takes=2, sleeps=0.1)
    await asyncio.wait_for(stream(1000, slow_seconds=0.05).stream_response(client.send), timeout=5)
    assert client.body.startswith(b"data: 0\n\nevent: too-slow\ndata: {")
    assert client.got[-1]["more_body"] is False
    assert SLOW_SUBSCRIBERS._value.get() == before + 1


async def test_who_does_not_even_take_that_is_let_go_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.live.responses._LAST_WORD_SECONDS", 0.05)
    client = Client(takes=2, sleeps=60)
    await asyncio.wait_for(stream(1000, slow_seconds=0.05).stream_response(client.send), timeout=5)
    assert len(client.got) == 2


async def test_a_silent_line_has_a_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.live.feeds.HEARTBEAT_SECONDS", 0.01)
    following = Follower().events()
    assert [await anext(following) for _ in range(3)][1:] == [b": still here\n\n"] * 2


class World:
    """Positions that move when the test says so, and a source that tells how often it was asked, and for what."""

    def __init__(self, *, seats: int = 1000) -> None:
        self.positions = Positions("postgresql://nowhere")
        self.values = {"a": 0, "b": 0}
        self.asked: list[tuple[set[str], set[str]]] = []
        self.error: Exception | None = None
        self.feed = Feed("letter", self._read, self.positions, Seats(seats))
        self.move()

    def move(self, **values: int) -> None:
        """Commit."""
        self.values |= values
        offset = self.positions.current.get(("interactions", 0), 0) + 1
        self.positions.current = {("interactions", 0): offset}
        self.positions.token = f"interactions:0@{offset}"
        self.positions._wake()

    async def _read(self, followed: Collection[str], wanted: Collection[str]) -> AsyncIterator[tuple[str, bytes]]:
        self.asked.append((set(followed), set(wanted)))
        if self.error:
            raise self.error
        for key in list(followed):
            yield key, b"%d" % self.values[key]


class Subscriber:
    """Follows a key."""

    def __init__(self, world: World, key: str, *, last_seen: str | None = None) -> None:
        self._feed, self._key = world.feed, key
        self.follower = world.feed.join(key, last_seen=last_seen)
        self._events = self.follower.events()

    async def next(self) -> str:
        """The next event."""
        while True:
            event = (await asyncio.wait_for(anext(self._events), timeout=5)).decode()
            if "data: " in event:
                return event

    def leave(self) -> None:
        self._feed.leave(self._key, self.follower)


async def test_however_many_follow_it_is_read_once_per_burst() -> None:
    world = World()
    subscribers = [Subscriber(world, "ab"[number % 2]) for number in range(100)]
    for one in subscribers:
        assert "data: 0\n" in await one.next()
    for number in range(1, 6):
        world.move(a=number)
    assert {await one.next() for one in subscribers[::2]} == {"event: letter\ndata: 5\nid: interactions:0@6\n\n"}
    assert world.asked == [({"a", "b"}, {"a", "b"}), ({"a", "b"}, set())]
    # The others' did not change: they heard nothing, and hear of the next one.
    world.move(b=7)
    assert "data: 7\n" in await subscribers[1].next()
    await world.feed.close()


async def test_who_was_slow_gets_the_newest_state_alone() -> None:
    world = World()
    quick, slow = Subscriber(world, "a"), Subscriber(world, "a")
    await slow.next()
    for number in range(1, 4):
        await quick.next()
        world.move(a=number)
    assert "data: 3\n" in await quick.next()
    assert "data: 3\n" in await slow.next()
    await world.feed.close()


async def test_resumed_it_goes_on_behind_what_was_seen() -> None:
    world = World()
    seen = await Subscriber(world, "a").next()
    last_seen = seen.partition("id: ")[2].partition("\n")[0]
    world.move()  # somebody else's
    resumed, another = Subscriber(world, "a", last_seen=last_seen), Subscriber(world, "a", last_seen="interactions:0@0")
    assert "data: 0\n" in await another.next()
    world.move(a=1)
    assert "data: 1\n" in await resumed.next()
    await world.feed.close()


async def test_the_first_state_is_read_after_the_subscriber_came() -> None:
    world = World()
    await Subscriber(world, "a").next()
    world.values["a"] = 1  # committed, and the position not heard of yet
    assert "data: 1\n" in await Subscriber(world, "a").next()
    await world.feed.close()


async def test_without_followers_nothing_is_read() -> None:
    world = World()
    subscriber = Subscriber(world, "a")
    await subscriber.next()
    subscriber.leave()
    world.move(a=1)
    await asyncio.sleep(0.25)
    assert len(world.asked) == 1
    assert "data: 1\n" in await Subscriber(world, "a").next()
    await world.feed.close()


async def test_what_the_database_says_is_told_to_who_waits_and_ends_the_others() -> None:
    world = World()
    follower = Subscriber(world, "a")
    await follower.next()
    world.error = Unavailable("away")
    newcomer = Subscriber(world, "b")
    with pytest.raises(Unavailable, match="away"):
        await newcomer.follower.ready()
    with pytest.raises(StopAsyncIteration):
        await follower.next()
    world.error = None
    assert "data: 0\n" in await Subscriber(world, "a").next()
    await world.feed.close()


async def test_the_end_of_the_process_ends_the_streams() -> None:
    world = World()
    follower = Subscriber(world, "a")
    await follower.next()
    world.positions.stopping = True
    world.positions._wake()
    with pytest.raises(StopAsyncIteration):
        await follower.next()


async def test_there_are_so_many_seats() -> None:
    world = World(seats=1)
    subscriber = Subscriber(world, "a")
    with pytest.raises(Overloaded):
        Subscriber(world, "b")
    subscriber.leave()
    Subscriber(world, "b").leave()
    await world.feed.close()
