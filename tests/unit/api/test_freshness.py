"""Freshness: sums and extremes over partitions, and every running total there."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.freshness.queries import VIEWS, Place, freshness, lag_seconds
from api.freshness.waiting import Backlogs, Waiting
from events.admin import Backlog
from events.errors import Unavailable
from sql import FOLDER

NOW = datetime(2020, 2, 11, 16, 10, tzinfo=UTC)


def place(topic: str, partition: int, *, seconds_ago: float, events: int = 1) -> Place:
    at = NOW - timedelta(seconds=seconds_ago)
    return Place(topic, partition, events, at, at, events, 0)


def waits(seconds: float, events: int = 1) -> Backlog:
    return Backlog(events, int(NOW.timestamp() * 1000 - seconds * 1000))


BACKLOGS: Backlogs = {
    ("interactions", 0): waits(3, 5),
    ("interactions", 1): Backlog(0, None),
    ("customers", 0): waits(7),
}
PLACES = [
    place("interactions", 0, seconds_ago=60, events=10),
    place("interactions", 1, seconds_ago=2, events=20),
    place("transactions", 0, seconds_ago=30),
]


def test_every_running_total_has_its_streams() -> None:
    totals = {path.stem for path in (FOLDER / "totals").glob("*.sql")}
    assert set(VIEWS) == totals


def test_streams_and_views_sum_their_partitions() -> None:
    found = freshness(PLACES, BACKLOGS, now=NOW)
    streams = {one.stream: one for one in found.streams}
    interactions = streams["interactions"]
    assert (interactions.age_seconds, interactions.lag_events, interactions.lag_seconds) == (2, 5, 3)
    assert (interactions.events, interactions.newest_event_at) == (30, NOW - timedelta(seconds=2))
    assert (streams["customers"].committed_at, streams["customers"].age_seconds) == (None, None)
    assert streams["customers"].lag_events == 1
    views = {one.view: one for one in found.views}
    assert (views["product_interest"].lag_events, views["product_interest"].lag_seconds) == (6, 7)
    assert (views["daily_sales"].lag_events, views["daily_sales"].age_seconds) == (0, 30)


def test_without_kafka_the_lag_is_not_known() -> None:
    found = freshness(PLACES, None, now=NOW)
    assert {one.lag_events for one in (*found.streams, *found.views)} == {None}
    assert {one.lag_seconds for one in (*found.streams, *found.views)} == {None}


def test_nothing_waits() -> None:
    assert lag_seconds({("customers", 0): Backlog(0, None)}, ["customers"], now=NOW) == 0


class FakeWaiting(Waiting):
    """A broker that tells what the test says."""

    def __init__(self, answer: Backlogs | Unavailable) -> None:
        super().__init__({})
        self.answer = answer

    async def _ask(self, _: Any) -> Backlogs | Unavailable:
        return self.answer


@pytest.mark.parametrize(
    ("answer", "status", "failed"),
    [
        ({("customers", 0): Backlog(0, None)}, 200, []),
        ({("customers", 0): Backlog(1, 1)}, 503, ["lag"]),
        (Unavailable("Kafka does not answer"), 200, ["broker"]),
    ],
)
def test_ready(
    client: TestClient,
    monkeypatch: pytest.MonkeyPatch,
    answer: Backlogs | Unavailable,
    status: int,
    failed: list[str],
) -> None:
    monkeypatch.setattr("api.health.queries._NEEDED", frozenset())
    client.app.state.waiting = FakeWaiting(answer)  # type: ignore[attr-defined]
    response = client.get("/ready")
    assert response.status_code == status
    body = response.json()
    assert [check["check"] for check in body["checks"] if not check["passed"]] == failed
    assert body["status"] == (503 if status == 503 else "degraded" if failed else "ready")
    if status == 503:
        assert "does a processor run?" in body["detail"]
        assert int(response.headers["retry-after"]) > 0


def test_ready_without_a_broker_looks_at_the_database_alone(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.health.queries._NEEDED", frozenset())
    body = client.get("/ready").json()
    assert body == {
        "status": "ready",
        "checks": [{"check": "database", "passed": True}, {"check": "migrations", "passed": True}],
    }
