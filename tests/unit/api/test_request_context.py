"""What every answer carries: its id, its trace, and what keeps browsers from harm."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.responses import Response
from starlette.testclient import TestClient

from api.kit.request_context import RequestContext
from api.live.responses import EventStream
from api.metrics import IN_FLIGHT

PATHS = [
    "/health",
    "/docs",
    "/openapi.json",
    "/api/v1/product-interactions",
    "/api/v1/nothing",
    "/static/vendor/redoc.LICENSE",
]
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_has_an_id_and_is_safe_in_a_browser(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert len(headers["x-request-id"]) == 32
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert len(headers.get_list("x-request-id")) == 1


@pytest.mark.parametrize("given", ["mine", "a/b:c=d+e.f_g-1"])
def test_an_id_that_was_sent_is_kept(client: TestClient, given: str) -> None:
    assert client.get("/health", headers={"X-Request-ID": given}).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "caf\u00e9".encode("latin-1")])
def test_any_other_id_is_replaced(client: TestClient, given: str | bytes) -> None:
    assert len(client.get("/health", headers={"X-Request-ID": given}).headers["x-request-id"]) == 32


def test_a_trace_goes_on(client: TestClient) -> None:
    assert client.get("/health", headers={"traceparent": TRACE}).headers["traceparent"] == TRACE


@pytest.mark.parametrize(
    "given", ["", "nonsense", TRACE.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32), TRACE.upper(), TRACE + "-00"]
)
def test_what_is_no_trace_is_not_sent_on(client: TestClient, given: str) -> None:
    assert "traceparent" not in client.get("/health", headers={"traceparent": given}).headers


async def test_a_stream_that_has_begun_is_not_in_flight() -> None:
    """Else the subscribers would use up what requests may be at once."""
    seen: list[float] = []

    async def events() -> AsyncIterator[bytes]:
        seen.append(IN_FLIGHT._value.get())
        yield b"data: 1\n\n"

    async def send(_: Any) -> None: ...

    stream = EventStream(events(), slow_seconds=30, at_end=lambda: None)
    context = RequestContext(stream, problem_of=lambda _, __: Response(), most_in_flight=1)
    scope = {"type": "http", "method": "GET", "path": "/live", "headers": [], "asgi": {"spec_version": "2.4"}}
    await context(scope, send, send)  # type: ignore[arg-type]
    assert seen == [0]
    assert IN_FLIGHT._value.get() == 0
