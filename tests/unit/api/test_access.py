"""Tokens and scopes: who is let in, who is told what, and that nobody learns more than that."""

from dataclasses import replace

import pytest
from fake_database import GOOD_ID as ID
from fake_database import GOOD_TOKEN as TOKEN
from fake_database import FakeDatabase
from fake_database import good_token as stored
from starlette.testclient import TestClient

from api.access import callers
from api.access.tokens import Scope, is_genuine, take_apart
from api.analytics.models import PERIODS_EXAMPLE

PATH = "/api/v1/product-interactions"
SECRET = TOKEN.rpartition("_")[2]
BEARER = {"Authorization": f"Bearer {TOKEN}"}
PROFILE = {
    "customer_id": "1",
    "first_name": "Jane",
    "last_name": "Doe",
    "email": "jane@example.org",
    "phone": "+49 171 1234567",
    "address": "1 Main Street",
    "date_of_birth": "1980-05-17",
    "account_balance": None,
    "occupation": None,
    "customer_type": None,
    "segment": None,
    "industry": None,
    "country": None,
    "account_id": None,
    "created_at": None,
    "channels": [],
    "topics": [],
    "lifetime_value": 0,
    "purchases": None,
    "categories": [],
    "segment_changes": [],
    "revenue": PERIODS_EXAMPLE,
    "next_best_category": None,
}


def test_a_good_token_is_let_in(closed: TestClient, fake: FakeDatabase) -> None:
    fake.tokens[ID] = stored(Scope.READ)
    assert closed.get(PATH, headers=BEARER).status_code == 200
    assert closed.get(PATH, headers={"Authorization": f"bearer {TOKEN}"}).status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        f"Bearer c360_{'0' * 12}_{SECRET}",  # unknown
        f"Bearer c360_{ID}_{'0' * 64}",  # wrong secret
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}0",
        "Bearer",
        "Bearer x",
        f"Basic {TOKEN}",
        TOKEN,
        "",
    ],
)
def test_any_other_is_refused_alike(closed: TestClient, fake: FakeDatabase, authorization: str) -> None:
    fake.tokens[ID] = stored(Scope.READ)
    response = closed.get(PATH, headers={"Authorization": authorization, "X-Request-ID": "r"})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="c360", error="invalid_token"'
    assert response.json() == {
        "type": "/problems/unauthenticated",
        "title": "Who asks is not known",
        "status": 401,
        "detail": "send the header Authorization: Bearer, with a good token",
        "instance": PATH,
        "request_id": "r",
    }
    assert not fake.asked


def test_unknown_and_revoked_can_not_be_told_apart(closed: TestClient, fake: FakeDatabase) -> None:
    headers = {**BEARER, "X-Request-ID": "r"}
    unknown = closed.get(PATH, headers=headers)
    fake.tokens[ID] = stored(Scope.READ, revoked=True)
    revoked = closed.get(PATH, headers=headers)
    assert unknown.status_code == revoked.status_code == 401
    assert (unknown.content, unknown.headers) == (revoked.content, revoked.headers)
    # Both were looked up each time, and are again.
    assert fake.token_lookups == 2
    closed.get(PATH, headers=headers)
    assert fake.token_lookups == 3


def test_without_a_token(closed: TestClient, client: TestClient) -> None:
    response = closed.get(PATH)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="c360"'
    assert client.get(PATH).status_code == 200  # open reads


def test_open_reads_do_not_forgive_a_bad_token(client: TestClient) -> None:
    assert client.get(PATH, headers=BEARER).status_code == 401


@pytest.mark.parametrize("scope", [Scope.INGEST, Scope.PERSONAL_DATA, Scope.ADMIN])
def test_other_scopes_do_not_read(closed: TestClient, fake: FakeDatabase, scope: Scope) -> None:
    fake.tokens[ID] = stored(scope)
    response = closed.get(PATH, headers=BEARER)
    assert response.status_code == 403
    assert response.headers["www-authenticate"] == 'Bearer realm="c360", error="insufficient_scope", scope="read"'
    assert response.json()["type"] == "/problems/missing-scope"
    assert not fake.asked


def test_who_is_refused_does_not_learn_what_would_be_valid(closed: TestClient) -> None:
    assert closed.get("/api/v1/interactions/1?from=yesterday").status_code == 401


def test_personal_data_is_for_those_who_may_see_it(closed: TestClient, fake: FakeDatabase) -> None:
    fake.rows = [PROFILE]
    fake.tokens[ID] = stored(Scope.READ)
    masked = closed.get("/api/v1/customers/1", headers=BEARER)
    assert masked.json()["data"]["email"] == "j***@***"
    assert not any(told in masked.text for told in ("Jane", "Doe", "jane@", "1234567", "Main", "05-17"))
    callers_cache_expires(closed)
    fake.tokens[ID] = stored(Scope.READ, Scope.PERSONAL_DATA)
    shown = closed.get("/api/v1/customers/1", headers=BEARER).json()["data"]
    assert shown["email"] == "jane@example.org"
    assert shown["date_of_birth"] == "1980-05-17"


def test_a_revoked_token_is_soon_refused(
    closed: TestClient, fake: FakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("api.access.callers.time.monotonic", lambda: now)
    fake.tokens[ID] = stored(Scope.READ)
    assert closed.get(PATH, headers=BEARER).status_code == 200
    fake.tokens[ID] = replace(fake.tokens[ID], revoked=True)
    now += callers.TRUSTED_SECONDS
    assert closed.get(PATH, headers=BEARER).status_code == 401


@pytest.mark.parametrize(
    "path", ["/health", "/api/health", "/docs", "/redoc", "/openapi.json", "/problems/missing-scope"]
)
def test_what_stays_open(closed: TestClient, path: str) -> None:
    assert closed.get(path).status_code == 200


def test_every_other_operation_wants_a_token(closed: TestClient) -> None:
    document = closed.get("/openapi.json").json()
    open_ids = {"get_health", "get_health_unversioned", "get_readiness", "get_problem_type", "get_metrics"}
    for methods in document["paths"].values():
        for operation in methods.values():
            wants = operation["operationId"] not in open_ids
            assert ("security" in operation) is wants
            assert ({"401", "403"} <= operation["responses"].keys()) is wants


def test_is_genuine_needs_the_right_secret() -> None:
    parts = take_apart(TOKEN)
    assert parts
    assert is_genuine(parts, stored())
    assert not is_genuine(parts._replace(secret="0" * 64), stored())
    assert not is_genuine(parts, stored(revoked=True))
    assert not is_genuine(parts, None)


def callers_cache_expires(client: TestClient) -> None:
    client.app.state.gate._trusted.clear()  # type: ignore[attr-defined]
