"""Whatever goes wrong is problem+json, and says no more than the caller needs."""

import json

import pytest
from fake_database import FakeDatabase
from starlette.testclient import TestClient
from structlog.contextvars import merge_contextvars
from structlog.processors import format_exc_info
from structlog.testing import capture_logs

from api.database import QueryTimeout
from api.errors import PROBLEMS
from events.errors import Unavailable

PATH = "/api/v1/interactions/1"


def test_an_unknown_path(client: TestClient) -> None:
    response = client.get("/api/v1/nothing/here")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "/problems/unknown-path",
        "title": "Nothing is served here",
        "status": 404,
        "detail": "see /docs for what is",
        "instance": "/api/v1/nothing/here",
        "request_id": response.headers["x-request-id"],
    }


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_method_that_the_path_does_not_take(client: TestClient, method: str) -> None:
    response = client.request(method, PATH)
    assert response.status_code == 405
    assert response.headers["allow"] == "GET"
    assert response.json()["type"] == "/problems/method-not-allowed"


def test_bad_parameters_are_listed_one_by_one(client: TestClient) -> None:
    response = client.get(PATH, params={"from": "yesterday", "to": "tomorrow", "product": ""})
    assert response.status_code == 422
    problem = response.json()
    assert problem["detail"] == "3 things are not as documented"
    assert [(error["place"], error["field"]) for error in problem["errors"]] == [
        ("query", "from"),
        ("query", "to"),
        ("query", "product"),
    ]


def test_an_unexpected_exception_tells_the_log_and_not_the_caller(client: TestClient, fake: FakeDatabase) -> None:
    fake.error = ZeroDivisionError("secret-of-the-house")
    with capture_logs([merge_contextvars, format_exc_info]) as lines:
        response = client.get(PATH, headers={"X-Request-ID": "my-request"})
    assert response.status_code == 500
    assert response.json() == {
        "type": "/problems/internal-error",
        "title": "Something went wrong here",
        "status": 500,
        "instance": PATH,
        "request_id": "my-request",
    }
    assert [line["request_id"] for line in lines] == ["my-request", "my-request"]
    assert "secret-of-the-house" in lines[0]["exception"]


def test_postgres_away_is_503_with_a_time_to_retry(client: TestClient, fake: FakeDatabase) -> None:
    fake.error = Unavailable("the database can't be reached")
    response = client.get(PATH)
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert response.json()["type"] == "/problems/database-away"


def test_a_question_that_takes_too_long_is_503(client: TestClient, fake: FakeDatabase) -> None:
    fake.error = QueryTimeout("the database did not answer within 5 s")
    response = client.get(PATH)
    assert response.status_code == 503
    assert response.json()["type"] == "/problems/query-timeout"


def test_not_ready_says_which_condition_does_not_hold(client: TestClient, fake: FakeDatabase) -> None:
    fake.error = Unavailable("the database can't be reached")
    response = client.get("/ready")
    assert response.status_code == 503
    assert response.json()["checks"] == [
        {"check": "database", "passed": False, "reason": "the database can't be reached"}
    ]
    assert client.get("/health").status_code == 200


def test_a_missing_migration_is_named(client: TestClient) -> None:
    response = client.get("/ready")  # the database knows of none
    assert response.status_code == 503
    assert "migrations: not applied: 0001." in response.json()["detail"]


@pytest.mark.parametrize("problem_type", PROBLEMS)
def test_every_type_of_problem_can_be_looked_up(client: TestClient, problem_type: str) -> None:
    response = client.get(f"/problems/{problem_type}")
    assert response.status_code == 200
    assert response.json()["meaning"].endswith(".")


@pytest.mark.parametrize(("sent", "kept"), [("abc-123", True), ("a b", False), ("x" * 129, False), ("", False)])
def test_a_request_id_is_kept_where_it_is_safe_in_logs(client: TestClient, sent: str, kept: bool) -> None:
    answered = client.get("/health", headers={"X-Request-ID": sent}).headers["x-request-id"]
    assert (answered == sent) is kept
    assert answered


def test_every_request_has_an_id_of_its_own(client: TestClient) -> None:
    assert client.get("/health").headers["x-request-id"] != client.get("/health").headers["x-request-id"]


def test_a_path_with_control_characters_stays_harmless(client: TestClient) -> None:
    response = client.get("/a%0d%0ab")
    assert json.loads(response.text)["instance"] == "/a%0D%0Ab"
