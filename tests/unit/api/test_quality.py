"""GET quality: the latest run of each check, and the history of one."""

from datetime import UTC, datetime
from typing import Any

from fake_database import FakeDatabase
from starlette.testclient import TestClient

from quality.checks import Level
from quality.library import load_checks
from quality.runs import Result, Run

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)


def row(check: str, result: str = "passed", offenders: int | None = 0) -> dict[str, Any]:
    return {
        "check_name": check,
        "level": "error",
        "started_at": AT,
        "seconds": 0.25,
        "result": result,
        "offenders": offenders,
        "examples": [],
        "reason": None,
    }


def test_every_check_is_there_with_its_latest_run(client: TestClient, fake: FakeDatabase) -> None:
    fake.rows = [row("revenue_agrees", "failed", 3)]
    answer = client.get("/api/v1/quality").json()
    assert answer["healthy"] is False
    states = {state["check"]: state for state in answer["data"]}
    assert states.keys() == load_checks().keys()
    assert states["revenue_agrees"]["latest"]["offenders"] == 3
    assert states["revenue_agrees"]["latest"]["started_at"] == "2026-11-21T09:00:00Z"
    assert states["orders_agree"]["latest"] is None


def test_warnings_do_not_make_it_unhealthy(client: TestClient, fake: FakeDatabase) -> None:
    fake.rows = [row(name) for name, check in load_checks().items() if check.level is Level.ERROR]
    assert client.get("/api/v1/quality").json()["healthy"] is True
    fake.rows[0] |= {"result": "unanswered", "offenders": None, "reason": "no answer within 30 s"}
    assert client.get("/api/v1/quality").json()["healthy"] is False


def test_the_history_of_one(client: TestClient, fake: FakeDatabase) -> None:
    fake.rows = [row("revenue_agrees"), row("revenue_agrees", "failed", 1)]
    answer = client.get("/api/v1/quality/revenue_agrees?from=2026-11-01&limit=2").json()
    assert [run["result"] for run in answer["runs"]] == ["passed", "failed"]
    assert answer["level"] == "error"
    asked = fake.asked[-1]
    assert (asked["check_name"], asked["ran_from"], asked["ran_to"], asked["most"]) == (
        "revenue_agrees",
        datetime(2026, 11, 1, tzinfo=UTC),
        None,
        2,
    )


def test_a_check_that_is_none(client: TestClient, fake: FakeDatabase) -> None:
    response = client.get("/api/v1/quality/nothing")
    assert response.status_code == 404
    assert response.json()["type"] == "/problems/unknown-check"
    assert not fake.asked


def test_the_metrics_say_what_was_found(client: TestClient) -> None:
    watch = client.app.state.watch  # type: ignore[attr-defined]
    for check, result, offenders in (("revenue_agrees", Result.PASSED, 0), ("orders_agree", Result.UNANSWERED, None)):
        watch.latest[check] = Run(
            check=check, level=Level.ERROR, started_at=AT, seconds=0, result=result, offenders=offenders
        )
    lines = client.get("/metrics").text.splitlines()
    assert 'c360_check_failed{check="revenue_agrees",level="error"} 0.0' in lines
    assert 'c360_check_failed{check="orders_agree",level="error"} 1.0' in lines
    assert 'c360_check_offenders{check="orders_agree"} NaN' in lines
    asked_at = next(line for line in lines if line.startswith('c360_check_last_run_timestamp_seconds{check="orders_a'))
    assert float(asked_at.rpartition(" ")[2]) == AT.timestamp()
