"""Rate limits and sizes: what is counted, what is told, and what is refused."""

import pytest
from fake_database import FakeDatabase
from starlette.testclient import TestClient

from api.access.limits import RateLimits
from api.errors import TooManyRequests

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
    assert 1 <= int(response.headers["retry-after"]) <= 60
    assert response.headers["ratelimit"].startswith('"reads";r=0;t=')
    assert response.json()["type"] == "/problems/too-many-requests"
    assert response.json()["detail"] == "more than 3 reads within a minute"
    assert len(fake.asked) == asked
    assert hurried.get("/health").status_code == 200  # not counted


async def test_callers_and_classes_are_counted_apart() -> None:
    limits = RateLimits(reads_per_minute=1, writes_per_minute=1)
    await limits.count("reads", "a")
    await limits.count("reads", "b")
    await limits.count("writes", "a")
    with pytest.raises(TooManyRequests):
        await limits.count("reads", "a")


async def test_zero_is_no_limit() -> None:
    limits = RateLimits(reads_per_minute=0, writes_per_minute=1)
    assert [await limits.count("reads", "a") for _ in range(3)] == [{}, {}, {}]
