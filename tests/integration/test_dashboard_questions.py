"""GET overview, search and customers/{customer_id}/daily_revenue over a real Postgres."""

from collections.abc import Iterator

import httpx2
import psycopg
import pytest
from starlette.testclient import TestClient

from api.access.tokens import Scope, create_token
from api.app import create_app
from settings import ApiSettings

ROWS = """
INSERT INTO channels VALUES ('Call', '2020-02-11 16:10Z'), ('Email', '2019-10-04 09:00Z'), ('Fax', NULL);
INSERT INTO channel_activity_parts VALUES ('Email', 0, 3), ('Email', 2, 4), ('Call', 1, 2);
INSERT INTO customers (customer_id, first_name, last_name, email, partition) VALUES
    ('2', 'Jane', 'Doe', 'jane@example.org', 0), ('20', 'Anna', 'Maria', NULL, 0), ('3', 'Maria', 'Doerr', NULL, 1);
INSERT INTO channel_totals VALUES ('21', 'Email', 1, 0, '2019-10-04 09:00Z', '2019-10-04 09:00Z');
INSERT INTO daily_sales_parts VALUES
    ('2020-01-05', 'EUR', 0, 2, 3, 19.95, 1),
    ('2020-01-06', 'EUR', 1, 1, 1, 0.05, 1),
    ('2020-01-06', 'USD', 1, 1, 1, 5, 1);
INSERT INTO daily_revenue VALUES ('2', '2020-01-05', 1, 19.95, 0), ('2', '2020-01-06', 2, 0.5, 3);
INSERT INTO positions
    (topic, partition, cluster_id, topic_id, next_offset, new, repeated, withdrawn, rejected, retired_at)
VALUES
    ('customers', 0, 'c', 'old', 2, 2, 0, 0, 0, now()),
    ('customers', 0, 'c', 'new', 5, 2, 2, 1, 0, NULL),
    ('interactions', 0, 'c', 't', 8, 7, 0, 0, 1, NULL),
    ('rejected_events', 0, 'c', 't', 2, 2, 0, 0, 0, NULL);
INSERT INTO rejected_events (reject_id, topic, partition, "offset", stream, reason, rejected_at) VALUES
    ('00000000-0000-0000-0000-00000000000a', 'interactions', 0, 3, 'interactions', 'no channel', '2020-01-07 08:00Z');
"""


@pytest.fixture
def filled(database: str) -> str:
    """URL of a database with ROWS."""
    with psycopg.connect(database) as connection:
        connection.execute(ROWS)
    return database


@pytest.fixture
def api(filled: str) -> Iterator[httpx2.Client]:
    """A client of an API over ROWS, in this process."""
    with TestClient(create_app(ApiSettings(open_reads=True, reads_per_minute=0), database_url=filled)) as client:
        yield client


def test_the_overview_adds_up_the_parts(api: httpx2.Client) -> None:
    overview = api.get("/api/v1/overview").json()["data"]
    assert overview["interactions"] == 3 + 4 + 2
    # Every known channel, the one first used first.
    assert overview["channels"] == [
        {"channel": "Email", "interactions": 7},
        {"channel": "Call", "interactions": 2},
        {"channel": "Fax", "interactions": 0},
    ]
    assert overview["sales"] == [
        {"currency": "EUR", "orders": 3, "units": 4, "revenue": 20},
        {"currency": "USD", "orders": 1, "units": 1, "revenue": 5},
    ]
    # Topics that were replaced count, too: what they told is still there.
    assert overview["customers"] == 2 + 2 - 1
    assert overview["events"] == {"new": 13, "repeated": 2, "corrected": 0, "withdrawn": 1, "rejected": 1}
    assert overview["refused"] == 1 + 2
    assert overview["last_refused_at"] == "2020-01-07T08:00:00Z"
    assert overview["committed_at"]


def test_an_empty_database_has_an_overview(database: str) -> None:
    with TestClient(create_app(ApiSettings(open_reads=True), database_url=database)) as client:
        overview = client.get("/api/v1/overview").json()["data"]
    assert (overview["customers"], overview["channels"], overview["sales"]) == (0, [], [])
    assert overview["committed_at"] is None


def found(api: httpx2.Client, term: str, token: str = "") -> list[object]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = api.get("/api/v1/search", params={"q": term}, headers=headers)
    assert answer.status_code == 200, answer.text
    return [customer["customer_id"] for customer in answer.json()["data"]]


def test_customers_are_found_by_their_ids(api: httpx2.Client) -> None:
    assert found(api, "2") == [2, 20]
    assert found(api, " 3.0 ") == [3]
    assert found(api, "21") == [21]  # known by facts alone
    assert found(api, "%") == found(api, "_") == found(api, "0") == []


def test_customers_are_found_by_name_by_those_who_may_see_it(filled: str, api: httpx2.Client) -> None:
    with psycopg.connect(filled) as connection:
        knowing = create_token(connection, "knowing", [Scope.READ, Scope.PERSONAL_DATA])
        reading = create_token(connection, "reading", [Scope.READ])
    assert found(api, "DOE", knowing) == [2, 3]
    assert found(api, "anna m", knowing) == [20]
    assert found(api, "jane@", knowing) == [2]
    assert found(api, "Maria", knowing) == [3, 20]  # as full name, and as last name
    assert found(api, "Do%", knowing) == found(api, "D", knowing) == []
    assert found(api, "Doe", reading) == found(api, "Doe") == []


def test_days_of_a_customer_come_newest_first(api: httpx2.Client) -> None:
    answer = api.get("/api/v1/customers/2/daily_revenue").json()
    assert answer["data"] == [
        {"day": "2020-01-06", "revenue": 0.5, "interactions": 3},
        {"day": "2020-01-05", "revenue": 19.95, "interactions": 0},
    ]
    assert len(api.get("/api/v1/customers/2/daily_revenue?limit=1").json()["data"]) == 1
    assert api.get("/api/v1/customers/3/daily_revenue").json()["data"] == []
    assert api.get("/api/v1/customers/nobody/daily_revenue").status_code == 404
