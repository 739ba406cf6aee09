"""The API as a process over a real Postgres: answers, faults, and every promise of its OpenAPI document."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
import schemathesis
from api_process import api_process, wait_until
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as examples
from hypothesis.strategies import SearchStrategy
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from starlette.testclient import TestClient

from api.access.tokens import Scope, create_token
from api.app import create_app
from api.database import Database, QueryTimeout
from api.sales.by_value import Reached, read_by_value
from api.sales.queries import read_top_customers
from events.admin import create_topics
from local_stack.postgres import SETTINGS, Postgres
from settings import ApiSettings
from sql.migrate import migrate
from tests.faults.proxy import Proxy

#: A workbook's worth of facts, as the processors would have stored them.
ROWS = """
INSERT INTO channels VALUES
    ('Bird', '2020-03-05 11:23Z'), ('Call', '2020-02-11 16:10Z'), ('Email', '2019-10-04 09:00Z');
INSERT INTO customers (customer_id, occupation, customer_type, partition) VALUES
    ('1', 'Jedi', 'Red', 0), ('2', 'Batman', 'Orange', 1), ('007', NULL, NULL, 2);
UPDATE customers SET first_name = 'Jane', last_name = 'Doe', email = 'jane@example.org', phone = '+49 171 1234567',
    address = '1 Main Street', date_of_birth = '1980-05-17', account_balance = 123456789012.345678
WHERE customer_id = '1';
INSERT INTO product_discussions VALUES ('2019-10-01', 'Sand'), ('2019-10-01', 'Orange');
INSERT INTO interactions (event_id, occurred_at, count, partition, customer_id, channel, product) VALUES
    ('00000000-0000-0000-0000-000000000001', '2019-10-04 09:00Z', 1, 0, '1', 'Email', NULL),
    ('00000000-0000-0000-0000-000000000002', '2020-02-11 16:10Z', 2, 3, '4', 'Call', 'Sand'),
    ('00000000-0000-0000-0000-000000000003', '2020-03-05 11:23Z', 1, 3, '4', 'Bird', NULL);
INSERT INTO channel_totals VALUES
    ('1', 'Email', 1, 0, '2019-10-04 09:00Z', '2019-10-04 09:00Z'),
    ('4', 'Call', 2, 0, '2020-02-11 16:10Z', '2020-02-11 16:10Z'),
    ('4', 'Bird', 1, 0, '2020-03-05 11:23Z', '2020-03-05 11:23Z');
INSERT INTO topic_totals (customer_id, channel, product, interactions, partition) VALUES
    ('1', 'Email', 'Sand', 1, 0), ('1', 'Email', 'Orange', 1, 0), ('4', 'Call', 'Sand', 2, 3);
INSERT INTO product_interest_parts (customer_type, product, partition, interactions, customers) VALUES
    ('Red', 'Sand', 0, 1, 1), ('Red', 'Orange', 0, 1, 1), ('unknown', 'Sand', 3, 2, 1), ('Red', 'Sand', 1, 4, 2);
INSERT INTO products VALUES ('P1', 'Kite', 'Toys', 19.95), ('P2', NULL, NULL, NULL);
INSERT INTO transactions VALUES
    ('00000000-0000-0000-0000-00000000000a', '2020-01-05 12:00Z', 1, 0, '1', 'P1', NULL, 19.95, 'EUR', 't-1'),
    ('00000000-0000-0000-0000-00000000000b', '2020-02-11 16:10Z', 2, 0, '1', 'P1', NULL, 39.90, 'EUR', NULL),
    ('00000000-0000-0000-0000-00000000000c', '2020-02-11 18:00Z', 3, 2, '5', 'P2', 'Food', 10, 'USD', NULL),
    ('00000000-0000-0000-0000-00000000000d', '2020-02-12 23:59Z', 1, 2, '5', NULL, 'Food', -0.01, 'USD', NULL);
INSERT INTO customer_purchases SELECT * FROM customer_purchases_from_facts;
INSERT INTO category_amounts SELECT * FROM category_amounts_from_facts;
INSERT INTO daily_sales_parts SELECT * FROM daily_sales_parts_from_facts;
INSERT INTO product_sales_parts SELECT * FROM product_sales_parts_from_facts;
INSERT INTO segment_changes VALUES
    ('1', '2020-02-01 08:00Z', 'New', 'Regular'), ('1', '2020-03-01 08:00Z', 'Regular', NULL);
"""


PID = b"SELECT pg_backend_pid() AS pid"


@dataclass
class Backend:
    pid: int


@pytest.fixture
def filled(database: str) -> str:
    """URL of a database with ROWS."""
    with psycopg.connect(database) as connection:
        connection.execute(ROWS)
    return database


@pytest.fixture
def api(filled: str) -> Iterator[httpx2.Client]:
    """A client of an API over ROWS, in this process."""
    settings = ApiSettings(open_reads=True, reads_per_minute=0)
    with TestClient(create_app(settings, database_url=filled)) as client:
        yield client


def test_questions_and_answers(api: httpx2.Client) -> None:
    def interactions(path: str) -> Any:
        response = api.get(f"/api/v1/interactions/{path}")
        assert response.status_code == 200, response.text
        return response.json()["data"]

    first = api.get("/api/v1/interactions/1").text
    assert first == '{"data":{"customer_id":1,"interactions":{"Email":1,"Call":0,"Bird":0}}}'
    # Known by facts alone, and known by the customers stream alone.
    assert interactions("4")["interactions"] == {"Email": 0, "Call": 2, "Bird": 1}
    assert interactions("007") == {"customer_id": "007", "interactions": {"Email": 0, "Call": 0, "Bird": 0}}
    # One product: named by the interaction, or discussed in its month.
    assert interactions("1?product=Sand")["interactions"] == {"Email": 1, "Call": 0, "Bird": 0}
    assert interactions("4?product=Sand")["interactions"] == {"Email": 0, "Call": 2, "Bird": 0}
    assert interactions("4?product=Nobody")["interactions"] == {"Email": 0, "Call": 0, "Bird": 0}
    # A period: from inclusive, to exclusive.
    assert interactions("4?from=2020-02-11T16:10:00Z")["interactions"] == {"Email": 0, "Call": 2, "Bird": 1}
    assert interactions("4?to=2020-02-11T16:10:00Z")["interactions"] == {"Email": 0, "Call": 0, "Bird": 0}
    assert interactions("4?from=2020-02-12&to=2020-03-06")["interactions"] == {"Email": 0, "Call": 0, "Bird": 1}
    assert interactions("4?product=Sand&from=2020-01-01")["interactions"] == {"Email": 0, "Call": 2, "Bird": 0}
    assert interactions("1?product=Orange&from=2019-10-01&to=2019-11-01")["interactions"]["Email"] == 1
    assert interactions("1?product=Orange&to=2019-10-01")["interactions"]["Email"] == 0
    assert api.get("/api/v1/interactions/99").status_code == 404
    assert api.get("/api/v1/interactions/99?product=Sand").status_code == 404


def test_product_interest_is_filtered_summed_and_in_order(api: httpx2.Client) -> None:
    answer = api.get("/api/v1/product-interactions").json()
    assert [tuple(row.values()) for row in answer["data"]] == [
        ("Red", "Orange", 1, 1),
        ("Red", "Sand", 1 + 4, 1 + 2),
        ("unknown", "Sand", 2, 1),
    ]
    assert answer["totals"]["interactions"] == 1 + 5 + 2
    narrowed = api.get("/api/v1/product-interactions?customer_type=Red&customer_type=Blue&product=Sand").json()
    assert narrowed["data"] == [{"customer_type": "Red", "product": "Sand", "interactions": 5, "customers": 3}]
    assert narrowed["totals"]["by_product"] == [{"product": "Sand", "interactions": 5, "customers": 3}]
    assert api.get("/api/v1/product-interactions?product=Nobody").json()["data"] == []


def test_customers_page_by_page(filled: str, api: httpx2.Client) -> None:
    with psycopg.connect(filled) as connection:
        connection.execute(
            "INSERT INTO customers (customer_id, customer_type, partition)"
            " SELECT n::text, 'Blue', 0 FROM generate_series(3, 24) AS n"
        )
    answer = api.get("/api/v1/customers?page=3&limit=10").json()
    assert [row["customer_id"] for row in answer.pop("data")] == [21, 22, 23, 24, "007"]
    assert answer == {"total": 25, "page": 3, "limit": 10, "total_pages": 3}
    first = api.get("/api/v1/customers")
    assert [row["customer_id"] for row in first.json()["data"]] == list(range(1, 11))
    assert first.links["next"]["url"] == "/api/v1/customers?page=2"
    assert "next" not in api.get("/api/v1/customers?page=3").links
    assert api.get("/api/v1/customers?page=4").json()["data"] == []
    assert api.get("/api/v1/customers?customer_type=Blue&customer_type=Red&limit=1").json()["total"] == 22 + 1
    assert api.get("/api/v1/customers?country=nowhere").json() == {
        "data": [],
        "total": 0,
        "page": 1,
        "limit": 10,
        "total_pages": 0,
    }
    assert api.get("/api/customers").json() == first.json()


def test_a_keyset_gives_every_customer_once_and_in_order(filled: str, api: httpx2.Client) -> None:
    with psycopg.connect(filled) as connection:
        connection.execute(
            "INSERT INTO customers (customer_id, partition) SELECT n::text, 0 FROM generate_series(3, 24) AS n"
        )
    for limit in (1, 7, 12, 25, 100):
        seen: list[int | str] = []
        following = f"/api/v1/customers?after=&limit={limit}"
        while following:
            response = api.get(following)
            seen += [row["customer_id"] for row in response.json()["data"]]
            following = response.links.get("next", {}).get("url", "")
        assert seen == [*range(1, 25), "007"]


def test_the_whole_of_a_customer_with_personal_data_masked(api: httpx2.Client) -> None:
    response = api.get("/api/v1/customers/%201.0")
    customer = response.json()["data"]
    assert customer.pop("revenue")["as_of"] == str(datetime.now(UTC).date())
    assert customer == {
        "customer_id": 1,
        "first_name": "J***",
        "last_name": "D***",
        "email": "j***@***",
        "phone": "***67",
        "address": "***",
        "date_of_birth": "1980-**-**",
        "account_balance": pytest.approx(123456789012.345678),
        "occupation": "Jedi",
        "customer_type": "Red",
        "segment": None,
        "industry": None,
        "country": None,
        "account_id": None,
        "created_at": None,
        "channels": [
            {
                "channel": "Email",
                "interactions": 1,
                "revenue": 0,
                "first_at": "2019-10-04T09:00:00Z",
                "last_at": "2019-10-04T09:00:00Z",
            }
        ],
        "topics": [
            {"product": "Orange", "interactions": 1, "by_channel": {"Email": 1}},
            {"product": "Sand", "interactions": 1, "by_channel": {"Email": 1}},
        ],
        "lifetime_value": 59.85,
        "purchases": {
            "orders": 2,
            "units": 3,
            "amount": 59.85,
            "average_order": 29.925,
            "first_purchase_date": "2020-01-05",
            "last_purchase_date": "2020-02-11",
        },
        "categories": [{"category": "Toys", "orders": 2, "units": 3, "amount": 59.85}],
        "segment_changes": [
            {"changed_at": "2020-03-01T08:00:00Z", "old_segment": "Regular", "new_segment": None},
            {"changed_at": "2020-02-01T08:00:00Z", "old_segment": "New", "new_segment": "Regular"},
        ],
        "next_best_category": None,  # nothing was refreshed yet
    }
    # Every digit of an amount, more than a float has.
    assert '"account_balance":123456789012.345678' in response.text
    assert api.get("/api/customers/1").text == response.text
    assert "Jane" not in api.get("/api/v1/customers").text
    # Known by purchases alone, one of them a refund.
    buyer = api.get("/api/v1/customers/5").json()["data"]
    assert buyer["lifetime_value"] == 9.99
    assert buyer["categories"] == [{"category": "Food", "orders": 2, "units": 4, "amount": 9.99}]
    assert api.get("/api/v1/interactions/5").json()["data"]["interactions"] == {"Email": 0, "Call": 0, "Bird": 0}
    # Only named by facts, and by none at all.
    assert api.get("/api/v1/customers/4").json()["data"]["purchases"] is None
    assert api.get("/api/v1/customers/4").json()["data"]["lifetime_value"] == 0
    assert api.get("/api/v1/customers/4").json()["data"]["occupation"] is None
    assert api.get("/api/v1/customers/99").status_code == 404


def test_a_timeline_is_newest_first_and_goes_on(filled: str, api: httpx2.Client) -> None:
    with psycopg.connect(filled) as connection:  # facts of one moment, so that the id has to decide
        connection.execute(
            "INSERT INTO interactions (event_id, occurred_at, count, partition, customer_id, channel, source_id)"
            " SELECT gen_random_uuid(), '2021-01-01 00:00Z', 1, 3, '4', 'Call', 'e-' || n"
            " FROM generate_series(1, 7) AS n"
        )
    seen: list[dict[str, Any]] = []
    following = "/api/v1/customers/4/timeline?limit=2"
    while following:
        response = api.get(following)
        seen += response.json()["data"]
        following = response.links.get("next", {}).get("url", "")
    assert {entry["event_id"] for entry in seen[:7]} == {f"e-{n}" for n in range(1, 8)}
    assert [entry["channel"] for entry in seen[7:]] == ["Bird", "Call"]
    assert seen[8] == {
        "kind": "interaction",
        "event_id": "00000000-0000-0000-0000-000000000002",
        "occurred_at": "2020-02-11T16:10:00Z",
        "channel": "Call",
        "product": "Sand",
        "count": 2,
        "revenue": None,
    }
    assert api.get("/api/v1/customers/007/timeline").json() == {"data": [], "limit": 20, "after": None}
    assert api.get("/api/v1/customers/99/timeline").status_code == 404


def test_a_timeline_merges_interactions_and_transactions(filled: str, api: httpx2.Client) -> None:
    with psycopg.connect(filled) as connection:  # an interaction and a transaction of one moment and one id
        connection.execute(
            "INSERT INTO interactions (event_id, occurred_at, count, partition, customer_id, channel)"
            " VALUES ('00000000-0000-0000-0000-00000000000b', '2020-02-11 16:10Z', 1, 0, '1', 'Call')"
        )
    for limit in (1, 2, 3, 100):
        seen: list[dict[str, Any]] = []
        following = f"/api/v1/customers/1/timeline?limit={limit}"
        while following:
            response = api.get(following)
            seen += response.json()["data"]
            following = response.links.get("next", {}).get("url", "")
        assert [entry["kind"] for entry in seen] == ["transaction", "interaction", "transaction", "interaction"]
        assert [entry["occurred_at"][:10] for entry in seen] == ["2020-02-11", "2020-02-11", "2020-01-05", "2019-10-04"]
    assert seen[2] == {
        "kind": "transaction",
        "transaction_id": "t-1",
        "occurred_at": "2020-01-05T12:00:00Z",
        "product_id": "P1",
        "category": None,
        "quantity": 1,
        "amount": 19.95,
        "currency": "EUR",
    }
    assert len(api.get("/api/v1/customers/5/timeline").json()["data"]) == 2


def test_daily_sales(api: httpx2.Client) -> None:
    def days(query: str = "") -> list[tuple[Any, ...]]:
        response = api.get(f"/api/v1/daily_sales{query}")
        assert response.status_code == 200, response.text
        return [tuple(row.values()) for row in response.json()["data"]]

    january = ("2020-01-05", "EUR", 1, 1, 19.95, 1)
    euros = ("2020-02-11", "EUR", 1, 2, 39.9, 1)
    dollars = ("2020-02-11", "USD", 1, 3, 10, 1)
    refund = ("2020-02-12", "USD", 1, 1, -0.01, 1)
    assert days() == [refund, euros, dollars, january]
    assert days("?sort=day") == [january, euros, dollars, refund]
    assert days("?sort=-revenue&limit=2") == [euros, january]
    assert days("?from=2020-02-11&to=2020-02-12") == [euros, dollars]
    assert days("?from=2020-02-12") == [refund]
    assert days("?currency=EUR&sort=units") == [january, euros]
    assert '"revenue":39.90' in api.get("/api/v1/daily_sales").text  # every digit


def test_top_customers(api: httpx2.Client) -> None:
    def ids(query: str = "") -> list[int]:
        return [row["customer_id"] for row in api.get(f"/api/v1/top_customers{query}").json()["data"]]

    assert ids() == [1, 5]
    assert ids("?sort=lifetime_value") == [5, 1]
    assert ids("?sort=-last_purchase_date&limit=1") == [5]
    assert ids("?sort=-average_order") == [1, 5]
    assert ids("?customer_type=Red") == [1]
    assert ids("?segment=nobody") == []
    assert api.get("/api/v1/top_customers?limit=1").json()["data"] == [
        {
            "customer_id": 1,
            "first_name": "J***",
            "last_name": "D***",
            "customer_type": "Red",
            "segment": None,
            "country": None,
            "lifetime_value": 59.85,
            "orders": 2,
            "units": 3,
            "average_order": 29.925,
            "first_purchase_date": "2020-01-05",
            "last_purchase_date": "2020-02-11",
        }
    ]


def test_product_metrics(api: httpx2.Client) -> None:
    def metrics(query: str = "") -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in api.get(f"/api/v1/product_metrics{query}").json()["data"]]

    kite = ("P1", "Kite", "Toys", 19.95, 2, 3, 59.85, 1, 19.95, "2020-02-11T16:10:00Z")
    other = ("P2", None, "unknown", None, 1, 3, 10, 1, 3.333333, "2020-02-11T18:00:00Z")
    assert metrics() == [kite, other]
    assert metrics("?sort=-last_sold_at") == [other, kite]
    assert metrics("?sort=average_price&limit=1") == [other]
    assert metrics("?category=Toys") == [kite]
    # A period is counted from the facts, and all of time gives the totals.
    assert metrics("?from=1970-01-01") == [kite, other]
    assert metrics("?to=2020-02-01") == [("P1", "Kite", "Toys", 19.95, 1, 1, 19.95, 1, 19.95, "2020-01-05T12:00:00Z")]
    assert metrics("?from=2020-02-11T16:10:01Z") == [other]


def test_nothing_that_is_sent_is_read_as_sql(api: httpx2.Client) -> None:
    for text in ("' OR 1=1 --", "1; DROP TABLE customers", "%(customer_id)s", "%s", "$1", "\\'"):
        assert api.get("/api/v1/product-interactions", params={"product": text}).json()["data"] == []
    assert api.get("/api/v1/interactions/1").status_code == 200


def test_health_and_readiness(api: httpx2.Client, filled: str) -> None:
    assert api.get("/health").json() == api.get("/api/health").json()
    assert api.get("/ready").json() == {
        "status": "ready",
        "checks": [{"check": "database", "passed": True}, {"check": "migrations", "passed": True}],
    }
    with psycopg.connect(filled) as connection:
        connection.execute("DELETE FROM _yoyo_migration")
    assert "migrations: not applied" in api.get("/ready").json()["detail"]


def test_a_database_without_tables_is_not_ready(postgres_url: str, tmp_path: Path) -> None:
    with api_process(postgres_url, tmp_path / "api.log") as (url, _):
        assert "migrations: not applied" in httpx2.get(f"{url}/ready").json()["detail"]
        response = httpx2.get(f"{url}/api/v1/interactions/1")
        assert response.status_code == 503
        assert response.json()["detail"] == "the database lacks tables of this version: apply the migrations"


def test_postgres_away_and_back(tmp_path: Path) -> None:
    postgres = Postgres(tmp_path / "pg", log=tmp_path / "pg.log", settings={**SETTINGS, "shared_buffers": "16MB"})
    database_url = postgres.start()
    migrate(database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute(ROWS)
    postgres.stop()
    log = tmp_path / "api.log"
    try:
        with api_process(database_url, log) as (url, _), httpx2.Client(base_url=url) as client:
            for _ in range(2):  # away from the start, then lost under a running API
                assert_says_503(client)
                postgres.start()
                wait_until(lambda: client.get("/ready").status_code == 200, seconds=10)
                assert_answers_on_every_connection(client)
                postgres.stop()
            postgres.start()
            # Restarted between two requests: the pool's connections are dead, and nobody should notice.
            wait_until(lambda: client.get("/ready").status_code == 200, seconds=10)
            assert_answers_on_every_connection(client)
            postgres.stop()
            postgres.start()
            assert_answers_on_every_connection(client)
    finally:
        postgres.stop()
    assert "Traceback" not in log.read_text()


def assert_says_503(client: httpx2.Client) -> None:
    started = time.monotonic()
    response = client.get("/api/v1/interactions/1")
    assert time.monotonic() - started < 4
    assert response.status_code == 503
    assert response.json()["type"] == "/problems/database-away"
    assert int(response.headers["retry-after"]) > 0
    assert client.get("/ready").status_code == 503
    assert client.get("/health").status_code == 200


def assert_answers_on_every_connection(client: httpx2.Client) -> None:
    """More requests than the pool has connections; none may fail."""
    assert {client.get("/api/v1/interactions/1").status_code for _ in range(12)} == {200}


def test_log_lines_carry_the_request_id_and_no_personal_data(filled: str, tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    with api_process(filled, log) as (url, _):
        httpx2.get(f"{url}/api/v1/interactions/jane@example.org", headers={"X-Request-ID": "from-the-caller"})
        wait_until(lambda: "from-the-caller" in log.read_text())
    assert "jane" not in log.read_text()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_gracefully(filled: str, tmp_path: Path, stop: signal.Signals) -> None:
    with api_process(filled, tmp_path / "api.log") as (_, process):
        process.send_signal(stop)
        assert process.wait(timeout=10) == 0


def test_what_can_not_be_served_is_said_in_a_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for url, said in [
            ("no url", "DATABASE_URL can't be used"),
            ("postgresql://", f"can't listen on 127.0.0.1:{port}"),
        ]:
            environment = {**os.environ, "DATABASE_URL": url, "C360_API_PORT": str(port)}
            ended = subprocess.run(
                [sys.executable, "-m", "c360", "api"], env=environment, capture_output=True, text=True, check=False
            )
            assert ended.returncode == 2
            assert ended.stderr.count("\n") == 1
            assert said in ended.stderr


async def test_a_query_that_takes_too_long_is_ended_by_postgres(database: str) -> None:
    async with Database(database, pool_size=1, query_seconds=0.2) as pool:
        with pytest.raises(QueryTimeout):
            await pool.fetch_all(b"SELECT pg_sleep(60) AS pid", Backend)
        assert await pool.fetch_one(PID, Backend)


@pytest.fixture
def line(database: str) -> Iterator[Proxy]:
    """A line to Postgres."""
    line = Proxy(int(conninfo_to_dict(database)["port"]))
    yield line
    line.stop()


async def test_a_server_that_does_not_answer_is_not_waited_for(
    database: str, line: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.database._GRACE_SECONDS", 0.2)
    url = make_conninfo(database, host="127.0.0.1", port=line.port)
    async with Database(url, pool_size=1, query_seconds=0.2) as pool:
        backend = await pool.fetch_one(PID, Backend)
        assert backend
        line.block("to_client")
        with pytest.raises(QueryTimeout):
            await pool.fetch_one(PID, Backend)
        line.unblock()
        # The next question gets a connection that works.
        assert await pool.fetch_one(PID, Backend) != backend


async def test_the_api_can_only_read(database: str) -> None:
    async with Database(database, pool_size=1) as pool:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            await pool.fetch_all(b"DELETE FROM customers RETURNING 1 AS pid", Backend)


def test_the_life_of_a_token(filled: str, tmp_path: Path) -> None:
    def c360(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "DATABASE_URL": filled}
        command = [sys.executable, "-m", "c360", "token", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def status(token: str, path: str = "product-interactions") -> int:
        return httpx2.get(f"{url}/api/v1/{path}", headers={"Authorization": f"Bearer {token}"}).status_code

    with api_process(filled, tmp_path / "api.log", open_reads=False) as (url, _):
        reader = c360("create", "reader").stdout.strip()
        sender = c360("create", "sender", "--scope", "ingest", "--scope", "admin").stdout.strip()
        assert (status(reader), status(sender), status(reader[:-1] + "x")) == (200, 403, 401)
        with psycopg.connect(filled) as connection:
            stored = str(connection.execute("SELECT * FROM api_tokens").fetchall())
        assert reader.rpartition("_")[2] not in stored
        again = c360("create", "reader")
        assert (again.returncode, again.stderr.count("\n")) == (2, 1)
        assert "there is a token named 'reader'" in again.stderr
        assert c360("create", " ").returncode == c360("create", "x", "--scope", "all").returncode == 2

        assert c360("revoke", "reader").returncode == 0
        wait_until(lambda: status(reader) == 401, seconds=4)
        assert c360("revoke", "reader").returncode == 2
        assert c360("create", "reader").returncode == 0  # the name is free again
        listed = json.loads(c360("list", "--json").stdout)
        assert [(one["name"], one["revoked_at"] is not None) for one in listed] == [
            ("reader", False),
            ("sender", False),
            ("reader", True),
        ]
        assert "sender" in c360("list").stdout
        assert reader.rpartition("_")[2] not in (tmp_path / "api.log").read_text()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("requests", [5, pytest.param(50, marks=pytest.mark.long)])
def test_every_promise_of_the_openapi_document(filled: str, broker: str, tmp_path: Path, requests: int) -> None:
    """Generated requests, valid and not: no 5xx, no undocumented status, no answer that breaks its schema."""
    load_all_checks()
    with psycopg.connect(filled) as connection:
        token = create_token(connection, "schemathesis", list(Scope))
        powerless = create_token(connection, "powerless", [])
    create_topics({"bootstrap.servers": broker}, partitions=4, replication_factor=1)
    with api_process(filled, tmp_path / "api.log", open_reads=False, kafka=broker) as (url, _):
        config = schemathesis.Config.discover()
        # Who may ask has tests of its own; here the token is always good.
        config.projects.default.generation.update(with_security_parameters=False)
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json", config=config)
        # Under the batch systems' paths the same endpoints answer; what is live has no end.
        finite = schema.exclude(operation_id_regex="_unversioned$|^follow_totals$")
        obey_all(finite, {"Authorization": f"Bearer {token}"}, requests)
        refuse_all(schema, {"Authorization": f"Bearer {powerless}"})


def refuse_all(schema: schemathesis.schemas.BaseSchema, headers: dict[str, str]) -> None:
    """Whoever has no scope gets a documented 403 wherever a token is asked for, whatever is sent along."""
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.definition.raw.get("security"):

            @given(case=operation.as_strategy(GenerationMode.POSITIVE))
            @examples(max_examples=1, deadline=None, derandomize=True, phases=[Phase.generate])
            def check(case: schemathesis.Case) -> None:
                unsaid = [positive_data_acceptance, negative_data_rejection]
                assert case.call_and_validate(headers=headers, excluded_checks=unsaid).status_code == 403

            check()


def obey_all(schema: schemathesis.schemas.BaseSchema, headers: dict[str, str], requests: int) -> None:
    for result in schema.get_all_operations():
        operation = result.ok()
        # Without parameters there is no invalid request to generate.
        modes = GenerationMode if operation.definition.raw.get("parameters") else [GenerationMode.POSITIVE]
        for mode in modes:
            obey(operation.as_strategy(mode), headers, requests)


def obey(cases: SearchStrategy[schemathesis.Case], headers: dict[str, str], requests: int) -> None:
    @given(case=cases)
    @examples(
        max_examples=requests,
        deadline=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def check(case: schemathesis.Case) -> None:
        # That `from` must be before `to`, and that `after` comes from an answer, can't be said in OpenAPI.
        sent = set(case.query or ())
        unsaid = [positive_data_acceptance] if {"from", "to"} <= sent or "after" in sent else []
        if case.method == "POST":  # nor all of the rules for events
            unsaid = [positive_data_acceptance]
        for named in (case.query, case.headers):  # that nobody will reach a position is 504, and takes its time
            for name in ("position", "C360-Position"):
                if named and name in named:
                    del named[name]
                    unsaid = [*unsaid, negative_data_rejection]  # it may have been what was wrong
        case.call_and_validate(headers=headers, excluded_checks=unsaid)

    check()


async def test_those_who_bought_for_most_are_found_whatever_changes(database: str) -> None:
    """Held against a sort of all of them, while amounts rise, fall and vanish."""
    fill = """
        INSERT INTO customer_purchases
        SELECT n::text, 1, 1, (n * 37 % 101) * 10, '2020-01-01', '2020-01-01' FROM generate_series(1, 300) AS n
    """
    everybody = (
        "SELECT customer_id FROM customer_purchases ORDER BY amount DESC, length(customer_id), customer_id LIMIT %s"
    )
    changes = [
        "UPDATE customer_purchases SET amount = 5000 WHERE customer_id = '7'",
        "UPDATE customer_purchases SET amount = amount - 600 WHERE amount > 700",
        "DELETE FROM customer_purchases WHERE customer_id::int > 120",
        "DELETE FROM customer_purchases WHERE customer_id::int > 3",
        "UPDATE customer_purchases SET amount = -1",
        fill.replace("1, 300", "1000, 1400"),
    ]
    reached = Reached()
    async with Database(database, pool_size=1) as pool:
        with psycopg.connect(database, autocommit=True) as connection:
            for change in (fill, *changes):
                connection.execute(change)
                for most in (1, 10, 100):
                    wanted = [row[0] for row in connection.execute(everybody, [most]).fetchall()]
                    found = await read_by_value(pool, reached, most=most)
                    assert [str(row.customer_id) for row in found] == wanted, change


async def test_the_largest_of_some_customers_are_the_largest_of_some(database: str) -> None:
    """Large groups are found among the largest of all, small ones are looked for among all."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("""
            INSERT INTO customer_purchases
            SELECT n::text, 1 + n % 3, 1, (n * 37 % 4001) * 10, '2020-01-01', '2020-01-01'
            FROM generate_series(1, 4000) AS n;
            INSERT INTO customers (customer_id, segment, country, partition)
            SELECT n::text, (ARRAY['New', 'Gold'])[1 + n % 2], CASE n WHEN 17 THEN 'IS' ELSE 'FR' END, 0
            FROM generate_series(1, 3900) AS n
        """)
        question = """
            SELECT customer_id FROM customer_purchases JOIN customers USING (customer_id)
            WHERE segment = ANY(%(segments)s) AND country = ANY(%(countries)s)
            ORDER BY amount DESC, length(customer_id), customer_id LIMIT %(limit)s
        """
        reached = Reached()
        async with Database(database, pool_size=1) as pool:
            for change in ("", "UPDATE customer_purchases SET amount = amount - 20000 WHERE amount > 10000"):
                if change:
                    connection.execute(change)
                for segments, countries, limit in (
                    (["Gold"], ["FR", "IS"], 10),
                    (["Gold", "New"], ["IS"], 10),
                    (["New"], ["FR"], 100),
                    (["Gold"], ["FR"], 3),
                ):
                    narrowed: dict[str, Any] = {"segments": segments, "countries": countries, "limit": limit}
                    wanted = [row[0] for row in connection.execute(question, narrowed).fetchall()]
                    found = await read_top_customers(
                        pool, reached, customer_types=[], order="-lifetime_value", **narrowed
                    )
                    assert [str(row.customer_id) for row in found] == wanted
                    assert all(row.segment in segments and row.country in countries for row in found)


def test_the_total_of_the_list_is_kept_by_the_table(database: str, tmp_path: Path) -> None:
    with (
        psycopg.connect(database, autocommit=True) as connection,
        api_process(database, tmp_path / "api.log") as (url, _),
    ):

        def totals() -> tuple[int, int, int]:
            numbered = httpx2.get(f"{url}/api/v1/customers?limit=1").json()["total"]
            narrowed = httpx2.get(f"{url}/api/v1/customers?limit=1&country=FR").json()["total"]
            return numbered, narrowed, httpx2.get(f"{url}/api/v1/overview").json()["data"]["customers"]

        assert totals() == (0, 0, 0)
        add = """
            INSERT INTO customers (customer_id, country, partition)
            SELECT n::text, CASE mod(n, 3) WHEN 0 THEN 'FR' END, mod(n, 4) FROM generate_series(1, %s) AS n
            ON CONFLICT (customer_id) DO UPDATE SET country = excluded.country
        """
        connection.execute(add, [30])
        connection.execute(add, [33])  # 30 of them again
        assert totals() == (33, 11, 33)
        with connection.transaction() as given_up:
            connection.execute("DELETE FROM customers")
            raise psycopg.Rollback(given_up)
        connection.execute("DELETE FROM customers WHERE customer_id::int <= 3")
        assert totals() == (30, 10, 30)
        connection.execute("DELETE FROM customers")
        assert totals() == (0, 0, 0)
        assert connection.execute("SELECT * FROM customer_counts").fetchall() == []
