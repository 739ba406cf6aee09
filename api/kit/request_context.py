"""Around every request: its id, what all answers carry, one log line, a bound on how many there are at once.

The id is taken from X-Request-ID or made here, sent back, and on every log line of the request; so is the trace id of a
`traceparent` (W3C Trace Context), which goes on with what the request publishes.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from time import perf_counter
from typing import Final, NamedTuple
from uuid import uuid4

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import Overloaded
from api.metrics import IN_FLIGHT, count_request

#: Other methods are counted as one: a client may invent as many as it likes.
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
HEADER: Final = "X-Request-ID"
TRACE: Final = "traceparent"
#: Other ids are replaced: they end up in logs and headers.
_ACCEPTED: Final = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
#: Whoever runs the process asks these, in need above all.
_NEVER_TURNED_AWAY: Final = frozenset({"/health", "/api/health", "/ready", "/metrics"})

#: Scripts and styles from here alone, nothing framed, no address told to others. Swagger's and Redoc's pages start
#: themselves by an inline script, and Redoc works in a worker of its own making.
_CONTENT_POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_SECURITY: Final = {
    b"content-security-policy": _CONTENT_POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
}

logger = structlog.stdlib.get_logger(__name__)

RawHeaders = list[tuple[bytes, bytes]]


class RequestContext:
    """ASGI middleware around all else.

    Args:
        app: What answers.
        problem_of: Makes the answer to an exception that nobody handled.
        most_in_flight: Requests at once; streams count until they have begun.
    """

    def __init__(
        self, app: ASGIApp, *, problem_of: Callable[[Request, Exception], Response], most_in_flight: int
    ) -> None:
        self.app = app
        self.problem_of = problem_of
        self.most_in_flight = most_in_flight
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        names = _names(scope["headers"])
        answer = _Answer(names, send, begun_stream=self._leave)
        scope.setdefault("state", {}).update(request_id=names.request_id, traceparent=names.traceparent, answer=answer)
        started = perf_counter()
        with structlog.contextvars.bound_contextvars(**names.log_context()):
            self._enter()
            try:
                if self._in_flight > self.most_in_flight and scope["path"] not in _NEVER_TURNED_AWAY:
                    raise Overloaded(
                        f"{self.most_in_flight:,} requests are being answered", headers={"Retry-After": "1"}
                    )
                await self.app(scope, receive, answer.send)
            except Exception as error:
                if not isinstance(error, Overloaded):
                    logger.exception("request failed unexpectedly", operation=_operation(scope))
                if answer.status:
                    raise
                await self.problem_of(Request(scope), error)(scope, receive, answer.send)
            finally:
                if not answer.is_stream:
                    self._leave()
                _log(scope, answer.status, perf_counter() - started)

    def _enter(self) -> None:
        self._in_flight += 1
        IN_FLIGHT.set(self._in_flight)

    def _leave(self) -> None:
        self._in_flight -= 1
        IN_FLIGHT.set(self._in_flight)


def add_headers(request: Request, headers: Mapping[str, str]) -> None:
    """Send these headers with the answer to this request, whatever it will be."""
    answer: _Answer = request.state.answer
    answer.add(headers)


class _Names(NamedTuple):
    """What the request is called."""

    request_id: str
    traceparent: str | None

    def log_context(self) -> dict[str, str]:
        """For every log line of the request."""
        if self.traceparent is None:
            return {"request_id": self.request_id}
        return {"request_id": self.request_id, "trace_id": self.traceparent[3:35]}


class _Answer:
    """Watches what is sent, and adds to its headers."""

    def __init__(self, names: _Names, send: Send, *, begun_stream: Callable[[], None]) -> None:
        #: 0 until the answer has begun.
        self.status = 0
        self.is_stream = False
        self._headers: RawHeaders = [(b"x-request-id", names.request_id.encode())]
        if names.traceparent:
            self._headers.append((TRACE.encode(), names.traceparent.encode()))
        self._send = send
        self._begun_stream = begun_stream

    def add(self, headers: Mapping[str, str]) -> None:
        """Send these, too."""
        self._headers += [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.status >= HTTPStatus.BAD_REQUEST:
                self.add({"Cache-Control": "no-store"})
            message["headers"] = self._completed(message.get("headers", ()))
        await self._send(message)

    def _completed(self, own: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
        """The answer's own headers, ours in the place of those of the same name, and those for safety that it lacks."""
        ours = dict(self._headers)
        kept = [header for header in own if header[0] not in ours]
        names = {name for name, _ in kept}
        if (b"content-type", b"text/event-stream; charset=utf-8") in kept:
            self.is_stream = True
            self._begun_stream()
        return [*kept, *ours.items(), *(header for header in _SECURITY.items() if header[0] not in names)]


def _names(headers: RawHeaders) -> _Names:
    request_id = traceparent = None
    for name, value in headers:
        if name == b"x-request-id" and _ACCEPTED.fullmatch(value):
            request_id = value.decode()
        elif name == b"traceparent" and _TRACEPARENT.fullmatch(value):
            traceparent = value.decode()
    return _Names(request_id or uuid4().hex, traceparent)


def _operation(scope: Scope) -> str | None:
    """Which endpoint it was, not the path: ids and search terms, which may be personal, stay out of the logs."""
    return getattr(scope.get("route"), "name", None)


def _log(scope: Scope, status: int, seconds: float) -> None:
    method = scope["method"] if scope["method"] in _METHODS else "other"
    operation = _operation(scope)
    count_request(operation=operation, method=method, status=status, seconds=seconds)
    log = logger.warning if status >= HTTPStatus.INTERNAL_SERVER_ERROR else logger.info
    log("answered", method=scope["method"], operation=operation, status=status, duration_ms=round(seconds * 1000, 1))
