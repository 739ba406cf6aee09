"""Feeds: what is followed is read once for all its followers, however many, when a commit may have moved it.

While anybody follows it a feed goes round: it notes the position, reads what moved since the last round and what
somebody new waits for, and lays each new state before its followers. Nothing queues up: a state that a follower did not
take in time is replaced by the next one. As every event is the whole state, whoever missed some has lost nothing, and
resuming needs no memory of ours.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import structlog
from fastapi.sse import format_sse_event

from api.errors import RETRY_LATER, Overloaded
from api.kit.position import Position
from api.metrics import SUBSCRIBERS
from api.positions import Positions
from events.errors import Unavailable

#: Proxies close what is silent for a minute.
HEARTBEAT_SECONDS: Final = 15.0
#: From the beginning of a round to the next: a replay commits more often than anybody can look.
ROUND_SECONDS: Final = 0.1
#: After this time the client connects again, and its token is looked at again.
LONGEST_SECONDS: Final = 900.0
_GREETING: Final = format_sse_event(retry=1000)
_HEARTBEAT: Final = b": still here\n\n"

Key = TypeVar("Key", bound=Hashable)

#: Reads, of the keys that are followed, those that may have moved since it last did, and in any case those that are
#: wanted (the second argument); gives each state as JSON as soon as it has it. Raises: Unavailable.
Source = Callable[[Collection[Key], Collection[Key]], AsyncIterator[tuple[Key, bytes]]]

logger = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class State:
    """What is known of one key."""

    #: Token of a position that it includes.
    position: str
    json: bytes
    #: As it is sent.
    event: bytes


class Seats:
    """How many followers there may be at once, of all feeds together."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0

    def take(self) -> None:
        """Have one. Raises: Overloaded when there is none left."""
        if self._taken >= self._most:
            raise Overloaded(f"{self._most:,} subscribers are served", headers=RETRY_LATER)
        self._taken += 1
        SUBSCRIBERS.set(self._taken)

    def give_back(self) -> None:
        """Somebody else may have it."""
        self._taken -= 1
        SUBSCRIBERS.set(self._taken)


class Follower:
    """The end of a feed that a subscriber holds.

    Args:
        last_seen: Position of the last state that the subscriber got before it lost the connection.
    """

    def __init__(self, last_seen: str | None = None) -> None:
        self._last_seen = last_seen
        self._offered: State | None = None
        self._taken: State | None = None
        self._ended = False
        self._error: Exception | None = None
        self._called = asyncio.Event()

    def offer(self, state: State) -> None:
        """Lay a state before the subscriber, in the place of one that it did not take yet."""
        if self._offered is None and state.position == self._last_seen:
            self._taken = state
        self._offered = state
        self._called.set()

    def end(self, error: Exception | None = None) -> None:
        """There will be no more: the client connects again."""
        self._ended = True
        self._error = error
        self._called.set()

    async def ready(self) -> None:
        """Wait for the first state. Raises: what kept the feed from reading it."""
        await self._called.wait()
        if self._error:
            raise self._error

    async def events(self) -> AsyncIterator[bytes]:
        """The newest state, whenever it is a new one; a comment when there is none for long."""
        ends_at = time.monotonic() + LONGEST_SECONDS
        yield _GREETING
        while not self._ended and time.monotonic() < ends_at:
            if self._offered and self._offered is not self._taken:
                self._taken = self._offered
                yield self._taken.event
                continue
            self._called.clear()
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self._called.wait()
            except TimeoutError:
                yield _HEARTBEAT


class Feed(Generic[Key]):
    """States of one kind, and who follows them.

    Args:
        name: Of its events.
    """

    def __init__(self, name: str, source: Source[Key], positions: Positions, seats: Seats) -> None:
        self._name = name
        self._source = source
        self._positions = positions
        self._seats = seats
        self._followers: dict[Key, set[Follower]] = {}
        self._states: dict[Key, State] = {}
        #: Keys that somebody new waits for: nothing that was read before is new enough.
        self._wanted: set[Key] = set()
        #: The position of the last round.
        self._known: Position | None = None
        self._due = asyncio.Event()
        self._rounds: asyncio.Task[None] | None = None

    def join(self, key: Key, *, last_seen: str | None = None) -> Follower:
        """Follow a key, until `leave`. Raises: Overloaded."""
        self._seats.take()
        follower = Follower(last_seen)
        self._followers.setdefault(key, set()).add(follower)
        self._wanted.add(key)
        self._due.set()
        if self._rounds is None:
            self._rounds = asyncio.create_task(self._go_round())
        return follower

    def leave(self, key: Key, follower: Follower) -> None:
        """Follow no longer."""
        self._seats.give_back()
        others = self._followers.get(key, set())
        others.discard(follower)
        if not others:
            self._followers.pop(key, None)
            self._states.pop(key, None)
            self._due.set()

    async def close(self) -> None:
        """End at once."""
        if self._rounds:
            self._rounds.cancel()
            await asyncio.wait([self._rounds])
        self._end()

    async def _go_round(self) -> None:
        """Until nobody follows any more."""
        with self._positions.calling(self._due.set):
            while self._followers:
                self._due.clear()
                next_at = time.monotonic() + ROUND_SECONDS
                try:
                    await self._read()
                except Unavailable as error:
                    self._end(error)
                except Exception as error:
                    logger.exception("a feed could not be read", feed=self._name)
                    self._end(error)
                await asyncio.sleep(next_at - time.monotonic())
                if self._followers:
                    await self._due.wait()
        self._known, self._rounds = None, None

    async def _read(self) -> None:
        """One round. What was committed during it is for the next."""
        if self._positions.stopping:
            self._end()
            return
        if not self._positions.reachable:
            raise Unavailable("the database can't be reached")
        before, self._known = self._known, self._positions.current
        wanted, self._wanted = self._wanted, set()
        if wanted or before != self._known:
            position = self._positions.token
            async for key, json in self._source(self._followers.keys(), wanted):
                self._hand_out(key, json, position)

    def _hand_out(self, key: Key, json: bytes, position: str) -> None:
        state = self._states.get(key)
        if state is None or state.json != json:
            event = format_sse_event(event=self._name, id=position, data_str=json.decode())
            state = self._states[key] = State(position, json, event)
        for follower in self._followers.get(key, ()):
            follower.offer(state)

    def _end(self, error: Exception | None = None) -> None:
        everybody = [follower for followers in self._followers.values() for follower in followers]
        self._followers.clear()
        self._states.clear()
        self._wanted.clear()
        for follower in everybody:
            follower.end(error)


class Feeds:
    """All feeds; each is made when it is followed for the first time.

    Args:
        most: Followers at once.
    """

    def __init__(self, positions: Positions, *, most: int) -> None:
        self._positions = positions
        self._seats = Seats(most)
        self._feeds: dict[str, Feed[Hashable]] = {}

    def feed(self, name: str, source: Callable[[], Source[Hashable]]) -> Feed[Hashable]:
        """The feed of this name."""
        if name not in self._feeds:
            self._feeds[name] = Feed(name, source(), self._positions, self._seats)
        return self._feeds[name]

    async def close(self) -> None:
        """End all."""
        for feed in self._feeds.values():
            await feed.close()
