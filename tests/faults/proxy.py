"""A TCP proxy between a client and a server on this machine, whose line can be cut, blocked, slowed, or taken down."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
Direction = Literal["to_server", "to_client"]

_READ_BYTES: Final = 64 * 1024


@dataclass
class Line:
    """How the line is at the moment; what passes asks it."""

    up: bool = True
    #: Directions in which nothing passes, although connections stay open.
    blocked: set[Direction] = field(default_factory=set)
    #: What each portion of up to 64 KiB waits for, in seconds.
    delay_seconds: float = 0.0
    #: Once these bytes pass to the server, its answers are blocked.
    last_words: bytes | None = None
    #: How many connections were tried while it was down.
    refused: int = 0


class Proxy:
    """A proxy on a free port of 127.0.0.1, in a thread of its own.

    Args:
        server: Port on 127.0.0.1 that it leads to.
    """

    def __init__(self, server: int) -> None:
        self.line = Line()
        self.server = server
        self._changed = asyncio.Condition()
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._listener = self._call(self._listen())
        self.port: int = self._listener.sockets[0].getsockname()[1]

    def lead(self, url: str) -> str:
        """The URL of its server, through it."""
        there = urlsplit(url)
        return there._replace(netloc=there.netloc.replace(f":{there.port}", f":{self.port}")).geturl()

    def cut(self) -> None:
        """Reset every connection; new ones are taken at once."""
        self._call(self._cut())

    def take_down(self) -> None:
        """Reset every connection, and every new one."""
        self._change(lambda: setattr(self.line, "up", False))
        self.cut()

    def bring_up(self) -> None:
        """Take new connections again."""
        self._change(lambda: setattr(self.line, "up", True))

    def block(self, *directions: Direction) -> None:
        """Let nothing pass in these directions; nobody is told."""
        self._change(lambda: self.line.blocked.update(directions))

    def unblock(self) -> None:
        """Let pass what was held back, and all that comes."""
        self._change(self.line.blocked.clear)

    def block_answer_to(self, words: bytes) -> None:
        """Block the way back as soon as these bytes pass to the server."""
        self._change(lambda: setattr(self.line, "last_words", words))

    def slow_down(self, delay_seconds: float) -> None:
        """Hold up each portion for so long."""
        self._change(lambda: setattr(self.line, "delay_seconds", delay_seconds))

    def stop(self) -> None:
        """Close everything."""
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def _change(self, change: Callable[[], object]) -> None:
        async def changed() -> None:
            async with self._changed:
                change()
                self._changed.notify_all()

        self._call(changed())

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self._open.add(client)
        if not self.line.up:
            self.line.refused += 1
            self._reset(client)
            return
        try:
            from_server, server = await asyncio.open_connection("127.0.0.1", self.server)
        except OSError:
            self._reset(client)
            return
        self._open.add(server)
        await asyncio.gather(self._pass(reader, server, "to_server"), self._pass(from_server, client, "to_client"))

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, direction: Direction) -> None:
        with contextlib.suppress(OSError):
            while portion := await source.read(_READ_BYTES):
                if self.line.delay_seconds:
                    await asyncio.sleep(self.line.delay_seconds)
                async with self._changed:
                    await self._changed.wait_for(lambda: direction not in self.line.blocked)
                if direction == "to_server" and self.line.last_words and self.line.last_words in portion:
                    self.line.last_words = None
                    self.line.blocked.add("to_client")
                target.write(portion)
                await target.drain()
        self._open.discard(target)
        target.close()

    async def _cut(self) -> None:
        for writer in list(self._open):
            self._reset(writer)

    def _reset(self, writer: asyncio.StreamWriter) -> None:
        """Close at once and rudely: RST instead of FIN, what is under way is lost."""
        self._open.discard(writer)
        with contextlib.suppress(OSError):
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def _stop(self) -> None:
        self._listener.close()
        await self._cut()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
