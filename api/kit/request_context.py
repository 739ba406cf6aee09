"""Every request has an id: taken from X-Request-ID or made here, sent back, and on every log line of the request."""

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from time import perf_counter
from typing import Final
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics import count_request

#: Other methods are counted as one: a client may invent as many as it likes.
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
HEADER: Final = "X-Request-ID"
#: Other ids are replaced: they end up in logs and headers.
_ACCEPTED: Final = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")

logger = structlog.stdlib.get_logger(__name__)


class RequestContext:
    """ASGI middleware around all else: the id, one log line per request, and the answer to unexpected exceptions.

    Args:
        app: What answers.
        problem_of: Makes the answer to an exception that nobody handled.
    """

    def __init__(self, app: ASGIApp, *, problem_of: Callable[[Request, Exception], Response]) -> None:
        self.app = app
        self.problem_of = problem_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = _Answer(_request_id(scope), send)
        scope.setdefault("state", {}).update(request_id=answer.request_id, answer_headers=answer.headers)
        started = perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=answer.request_id):
            try:
                await self.app(scope, receive, answer.send)
            except Exception as error:
                logger.exception("request failed unexpectedly", operation=_operation(scope))
                if answer.status:
                    raise
                await self.problem_of(Request(scope), error)(scope, receive, answer.send)
            finally:
                _log(scope, answer.status, perf_counter() - started)


def add_headers(request: Request, headers: Mapping[str, str]) -> None:
    """Send these headers with the answer to this request, whatever it will be."""
    request.state.answer_headers.update(headers)


class _Answer:
    """Watches what is sent, and adds the id and other headers to it."""

    def __init__(self, request_id: str, send: Send) -> None:
        self.request_id = request_id
        self.headers = {HEADER: request_id}
        #: 0 until the answer has begun.
        self.status = 0
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message).update(self.headers)
        await self._send(message)


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get(HEADER, "")
    return given if _ACCEPTED.fullmatch(given) else uuid4().hex


def _operation(scope: Scope) -> str | None:
    """Which endpoint it was, not the path: ids and search terms, which may be personal, stay out of the logs."""
    return getattr(scope.get("route"), "name", None)


def _log(scope: Scope, status: int, seconds: float) -> None:
    method = scope["method"] if scope["method"] in _METHODS else "other"
    count_request(operation=_operation(scope), method=method, status=status, seconds=seconds)
    log = logger.warning if status >= HTTPStatus.INTERNAL_SERVER_ERROR else logger.info
    milliseconds = round(seconds * 1000, 1)
    log("answered", method=scope["method"], operation=_operation(scope), status=status, duration_ms=milliseconds)
