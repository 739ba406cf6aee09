"""The answer to a subscriber: an event stream that lets go of whoever does not take what it is sent."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Final

from fastapi.sse import format_sse_event
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.metrics import SLOW_SUBSCRIBERS

#: A subscriber that was let go has so long to hear why.
_LAST_WORD_SECONDS: Final = 5.0
_TOO_SLOW: Final = format_sse_event(
    event="too-slow", data_str='{"detail":"nothing was taken for too long: connect again to go on from the last id"}'
)


class EventStream(StreamingResponse):
    """Sends one event at a time, and the next one only when there is room for it.

    Nothing queues up for a slow subscriber: it skips states, and gets the newest when it is ready (`feeds.Follower`).

    Args:
        slow_seconds: A subscriber that takes nothing for so long is let go: what waits for it fills buffers.
        at_end: Called however it ends.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        events: AsyncIterator[bytes],
        *,
        slow_seconds: float,
        at_end: Callable[[], object],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(events, headers=headers)
        self._slow_seconds = slow_seconds
        self._at_end = at_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer until either side has had enough."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._at_end()

    async def stream_response(self, send: Send) -> None:
        """Send all events; at the end, or when the subscriber is too slow, say so and close."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            async for event in self.body_iterator:
                async with asyncio.timeout(self._slow_seconds):
                    await send({"type": "http.response.body", "body": event, "more_body": True})
        except TimeoutError:
            SLOW_SUBSCRIBERS.inc()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORD_SECONDS):
                    await send({"type": "http.response.body", "body": _TOO_SLOW, "more_body": False})
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
