"""How far the processors have come, always at hand: one connection of this process listens to their commits."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime
from typing import Any, Final

import psycopg
import structlog
from psycopg import AsyncConnection

from api.database import query_text
from api.kit.position import Position, includes, write_position

#: The channel that stream_processors.positions notifies with every commit.
CHANNEL: Final = b"LISTEN c360_commits"

#: Without any notification the table is read so often: a commit is never missed for longer.
_LOOK_SECONDS: Final = 1.0
#: Postgres answers within this time, or is taken for lost.
_PATIENCE_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 0.5
_READ: Final = query_text("positions")

logger = structlog.stdlib.get_logger(__name__)


class Positions:
    """The position of the totals, kept current while it is `following`."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        #: Everything before it is in the totals; empty until it was read for the first time.
        self.current: Position = {}
        #: The same as text.
        self.token = ""
        #: True once the process is about to end: whoever waits for changes is told that there is none.
        self.stopping = False
        #: False while Postgres can't be asked: likewise.
        self.reachable = True
        self._committed_at: datetime | None = None
        self._age_when_read = 0.0
        self._read_at = 0.0
        self._moved = asyncio.Event()
        self._listeners: list[Callable[[], object]] = []

    @property
    def age_seconds(self) -> float | None:
        """Time since the totals last changed; None while that is not known."""
        return None if self._committed_at is None else self._age_when_read + time.monotonic() - self._read_at

    async def wait_for(self, wanted: Position, *, seconds: float) -> bool:
        """Wait until the totals include a position; False when they did not within that time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not includes(self.current, wanted):
                    await self._moved.wait()
        return includes(self.current, wanted)

    @contextmanager
    def calling(self, listener: Callable[[], object]) -> Iterator[None]:
        """Have this called whenever anything here may be another: the position, or whether there will be a new one."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Keep it current, whatever becomes of Postgres meanwhile."""
        task = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _follow(self) -> None:
        while True:
            try:
                await self._listen()
            except (psycopg.Error, TimeoutError) as error:
                logger.debug("positions can't be read", reason=type(error).__name__)
                self.reachable = False
                self._wake()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _listen(self) -> None:
        connection = await AsyncConnection.connect(
            self._url, autocommit=True, application_name="c360-api-positions", connect_timeout=5
        )
        async with connection:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await connection.execute(CHANNEL)
            while True:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await self._read(connection)
                async for _ in connection.notifies(timeout=_LOOK_SECONDS, stop_after=1):
                    pass

    async def _read(self, connection: AsyncConnection[Any]) -> None:
        rows = await (await connection.execute(_READ)).fetchall()
        self.current = {(topic, partition): offset for topic, partition, offset, _, _ in rows}
        self.token = write_position(self.current)
        newest = max(((committed_at, age) for *_, committed_at, age in rows), default=None)
        self._committed_at, self._age_when_read = newest or (None, 0.0)
        self._read_at = time.monotonic()
        self.reachable = True
        self._wake()

    def _wake(self) -> None:
        """Let whoever waits or listens now look again; whoever comes later waits for the next time."""
        self._moved.set()
        self._moved = asyncio.Event()
        for listener in self._listeners:
            listener()
