"""Rate limits and sizes: what is counted, what is told, and what is refused."""

import asyncio

import httpx2
import pytest
from fake_database import FakeDatabase
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from api.access.limits import RateLimits
from api.app import create_app
from api.errors import TooManyRequests
from settings import ApiSettings

PATH = "/api/v1/product-interactions"


def test_every_answer_says_what_is_left(hurried: TestClient) -> None:
    response = hurried.get(PATH)
    assert response.headers["ratelimit-policy"] == '"reads";q=3;w=60'
    assert response.headers["ratelimit"].startswith('"reads";r=2;t=')
    # Whatever the answer is.
    assert hurried.get(f"{PATH}?product=").headers["ratelimit"].startswith('"reads";r=1;t=')


def test_one_too_many_is_refused_and_told_when_to_come_back(hurried: TestClient, fake: FakeDatabase) -> None:
    assert [hurried.get(PATH).status_code for _ in range(4)] == [200, 200, 200, 429]
    asked = len(fake.asked)
    response = hurried.get(PATH)
    assert 1 <= int(response.headers["retry-after"]) <= 2 * 60
    assert response.headers["ratelimit"].startswith('"reads";r=0;t=')
    assert response.json()["type"] == "/problems/too-many-requests"
    assert response.json()["detail"] == "more than 3 reads within a minute"
    assert len(fake.asked) == asked
    assert hurried.get("/health").status_code == 200  # not counted


def test_callers_and_classes_are_counted_apart() -> None:
    limits = RateLimits(reads_per_minute=1, writes_per_minute=1)
    limits.count("reads", "a")
    limits.count("reads", "b")
    limits.count("writes", "a")
    with pytest.raises(TooManyRequests):
        limits.count("reads", "a")


def test_zero_is_no_limit() -> None:
    limits = RateLimits(reads_per_minute=0, writes_per_minute=1)
    assert [limits.count("reads", "a") for _ in range(3)] == [{}, {}, {}]


class Clock:
    """Stands still between requests."""

    def __init__(self, at: float) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


def refusal(limits: RateLimits) -> int | None:
    """Ask once; Retry-After, if it was one too many."""
    try:
        limits.count("reads", "a")
    except TooManyRequests as error:
        return int((error.headers or {})["Retry-After"])
    return None


@given(
    st.integers(1, 20),
    st.lists(st.tuples(st.floats(0, 90), st.integers(1, 25)), min_size=1, max_size=8),
    st.floats(0, 1e6),
)
def test_whoever_waits_as_told_is_let_in(amount: int, bursts: list[tuple[float, int]], start: float) -> None:
    """And no fixed minute sees more than the amount."""
    clock = Clock(start)
    limits = RateLimits(reads_per_minute=amount, writes_per_minute=1, clock=clock)
    admitted: list[float] = []
    for pause, requests in bursts:
        clock.at += pause
        for _ in range(requests):
            if (seconds := refusal(limits)) is None:
                admitted.append(clock.at)
            else:
                clock.at += seconds
                assert refusal(limits) is None
                admitted.append(clock.at)
    for minute in {int(at // 60) for at in admitted}:
        assert sum(1 for at in admitted if at // 60 == minute) <= amount


def test_the_minute_before_still_counts_by_the_share_that_is_left_of_it() -> None:
    clock = Clock(60.0)
    limits = RateLimits(reads_per_minute=10, writes_per_minute=1, clock=clock)
    assert [refusal(limits) for _ in range(10)] == [None] * 10
    clock.at = 120 + 30  # half of the ten are covered
    assert [refusal(limits) for _ in range(5)] == [None] * 5
    assert refusal(limits) == 6  # a tenth of a minute later one more of them has faded
    clock.at = 60 * 10  # long after: nobody is remembered
    assert limits.count("reads", "a")["RateLimit"].startswith('"reads";r=9;')


def test_too_many_at_once_are_turned_away_and_health_is_not(fake: FakeDatabase) -> None:
    settings = ApiSettings(open_reads=True, requests_in_flight=1)
    app = create_app(settings, database_url="postgresql://nowhere")
    app.state.database = fake

    async def ask_within_a_request() -> tuple[httpx2.Response, httpx2.Response, httpx2.Response]:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://api") as client:

            async def answer_late(*_: object) -> list[object]:
                inner.append(await client.get(PATH))
                inner.append(await client.get("/health"))
                return []

            inner: list[httpx2.Response] = []
            fake.fetch_all = answer_late  # type: ignore[method-assign]
            outer = await client.get(PATH)
            return outer, inner[0], inner[1]

    outer, turned_away, health = asyncio.run(ask_within_a_request())
    assert (outer.status_code, turned_away.status_code, health.status_code) == (200, 503, 200)
    assert turned_away.json()["type"] == "/problems/overloaded"
    assert turned_away.headers["retry-after"] == "1"
