"""What a subscriber is sent: the state of now, then each new one, told by the one connection that hears of commits.

Every event is the whole state, so one that is missed is made up for by the next: slow readers skip states, and
resuming needs no memory of ours. Nothing is sent when a commit did not change what is followed.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from fastapi.sse import format_sse_event

from api.errors import RETRY_LATER, Overloaded
from api.kit.position import Position, write_position
from api.metrics import SUBSCRIBERS
from api.positions import Positions
from events.errors import Unavailable

#: Proxies close what is silent for a minute.
HEARTBEAT_SECONDS: Final = 15.0
#: What was just read is good for so long: a replay commits more often than anybody can look.
PAUSE_SECONDS: Final = 0.1
#: After this time the client connects again, and its token is looked at again.
LONGEST_SECONDS: Final = 900.0
_RETRY_MS: Final = 1000

#: Gives the state as JSON.
Read = Callable[[], Awaitable[bytes]]


class Seats:
    """How many subscribers there may be at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken = 0

    def refuse_if_full(self) -> None:
        """Raise Overloaded when nobody more may subscribe."""
        if self._taken >= self._most:
            raise Overloaded(f"{self._most:,} subscribers are served", headers=RETRY_LATER)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Have one."""
        self._taken += 1
        SUBSCRIBERS.set(self._taken)
        try:
            yield
        finally:
            self._taken -= 1
            SUBSCRIBERS.set(self._taken)


async def follow(
    positions: Positions,
    read: Read,
    *,
    seats: Seats,
    name: str,
    last_seen: str | None,
    concerns: Callable[[Position, Position], bool] = lambda _before, _after: True,
) -> AsyncIterator[bytes]:
    """The stream of one subscriber; it ends, to be begun again by the client, when the database is away.

    Args:
        seats: It takes one of these while it lasts.
        name: Of its events.
        last_seen: Id of the last event that the client got before it lost the connection.
        concerns: Whether what is followed may have changed between two positions.
    """
    with seats.taken(), suppress(Unavailable):
        ends_at = time.monotonic() + LONGEST_SECONDS
        yield format_sse_event(retry=_RETRY_MS)
        known = positions.current
        sent = None
        if last_seen is None or last_seen != write_position(known):
            sent = await read()
            yield _event(name, sent, known)
        while time.monotonic() < ends_at and positions.reachable and not positions.stopping:
            if not await positions.wait_for_change(known, seconds=HEARTBEAT_SECONDS):
                yield b": still here\n\n"
                continue
            before, known = known, positions.current
            if not concerns(before, known):
                continue
            state = await read()
            if state != sent:
                sent = state
                yield _event(name, state, known)
            await positions.wait_for_stop(seconds=PAUSE_SECONDS)


def _event(name: str, state: bytes, position: Position) -> bytes:
    return format_sse_event(event=name, id=write_position(position), data_str=state.decode())


class SharedViews:
    """What many subscribers follow is asked of the database once per position."""

    def __init__(self) -> None:
        self._read: dict[str, tuple[Position, bytes]] = {}
        self._lock = asyncio.Lock()

    def sharing(self, name: str, positions: Positions, read: Read) -> Read:
        """The same question, asked only when the position is a new one."""

        async def shared() -> bytes:
            async with self._lock:
                position = positions.current
                known = self._read.get(name)
                if known and known[0] == position:
                    return known[1]
                state = await read()
                self._read[name] = (position, state)
                return state

        return shared
