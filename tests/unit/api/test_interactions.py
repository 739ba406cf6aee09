"""GET interactions/{customer_id}: the shape, and which question is asked."""

from datetime import UTC, datetime

import pytest
from fake_database import FakeDatabase
from starlette.testclient import TestClient

KNOWN = {"known": True, "interactions": {"Email": 1, "Call": 0, "Bird": 0}}


def test_the_shape_is_exact_to_the_byte(client: TestClient, fake: FakeDatabase) -> None:
    fake.rows = [KNOWN]
    response = client.get("/api/v1/interactions/1")
    assert response.status_code == 200
    assert response.text == '{"data":{"customer_id":1,"interactions":{"Email":1,"Call":0,"Bird":0}}}'


@pytest.mark.parametrize("spelling", ["1", "%201%20", "1.0", "1.000", "%091.0"])
def test_every_spelling_of_an_id_is_the_same_customer(client: TestClient, fake: FakeDatabase, spelling: str) -> None:
    fake.rows = [KNOWN]
    assert client.get(f"/api/v1/interactions/{spelling}").json()["data"]["customer_id"] == 1
    assert fake.asked[0]["customer_id"] == "1"


def test_an_id_that_is_no_number_is_text(client: TestClient, fake: FakeDatabase) -> None:
    fake.rows = [KNOWN]
    assert client.get("/api/v1/interactions/007").json()["data"]["customer_id"] == "007"


@pytest.mark.parametrize("spelling", ["%20", "%00", "a%00b", "x" * 201])
def test_what_can_be_no_id_is_refused(client: TestClient, fake: FakeDatabase, spelling: str) -> None:
    response = client.get(f"/api/v1/interactions/{spelling}")
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == ["customer_id"]
    assert not fake.asked


def test_a_customer_nobody_has_heard_of(client: TestClient, fake: FakeDatabase) -> None:
    fake.rows = [{**KNOWN, "known": False}]
    response = client.get("/api/v1/interactions/99")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "/problems/unknown-customer"


def test_product_and_period_are_passed_on(client: TestClient, fake: FakeDatabase) -> None:
    fake.rows = [KNOWN]
    response = client.get("/api/v1/interactions/1", params={"product": " Sand ", "from": "2020-01-01"})
    assert response.status_code == 200
    assert fake.asked == [
        {
            "customer_id": "1",
            "product": "Sand",
            "counts_from": datetime(2020, 1, 1, tzinfo=UTC),
            "counts_to": None,
        }
    ]


@pytest.mark.parametrize("end", ["2020-01-01", "2020-01-02T00:00:00Z"])
def test_a_period_must_not_be_empty(client: TestClient, end: str) -> None:
    response = client.get("/api/v1/interactions/1", params={"from": "2020-01-02", "to": end})
    assert response.status_code == 422
    assert response.json()["errors"] == [{"place": "query", "field": "from", "reason": "must be before `to`"}]
