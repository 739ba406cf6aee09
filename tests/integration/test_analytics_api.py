"""GET analytics/..., revenue by period and the next best category, over a real Postgres."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import psycopg
import pytest
from starlette.testclient import TestClient

from api.app import create_app
from settings import ApiSettings
from sql.migrate import Connection, rebuild, totals
from sql.refresh import MONTHLY_REPORT, read_refreshables, refresh

#: On 1 March 2024: customer 1 has bought every month for a year, 2 once, 3 is only told of, 4 only named.
ROWS = """
CREATE OR REPLACE VIEW today AS SELECT '2024-03-01'::date AS day;
INSERT INTO customers (customer_id, industry, segment, account_balance, partition) VALUES
    ('1', 'Banking', 'SMB', 100.5, 0), ('2', 'Media', 'Startup', NULL, 0), ('3', 'Media', NULL, 7, 0);
INSERT INTO customer_segments VALUES
    ('1', '2022-01-01Z', 'Startup'), ('1', '2023-03-02Z', 'SMB'), ('2', '2021-01-01Z', 'SMB'),
    ('2', '2022-01-01Z', 'Startup');
INSERT INTO interactions (event_id, occurred_at, count, partition, customer_id, channel, revenue) VALUES
    (gen_random_uuid(), '2024-02-29 23:59Z', 2, 0, '1', 'Email', 0.25),
    (gen_random_uuid(), '2024-03-01 00:00Z', 1, 0, '4', 'Email', NULL);
INSERT INTO transactions (transaction_id, occurred_at, quantity, partition, customer_id, category, amount, currency)
SELECT gen_random_uuid(), month + interval '3 days', 1, 0, '1', (ARRAY['Toys', 'Books'])[1 + n % 2], 10, 'EUR'
FROM generate_series(timestamptz '2023-03-01Z', '2024-02-01Z', '1 month') WITH ORDINALITY AS months (month, n);
INSERT INTO transactions (transaction_id, occurred_at, quantity, partition, customer_id, category, amount, currency)
VALUES (gen_random_uuid(), '2024-02-10Z', 3, 0, '2', 'Apps & Games', 50, 'USD');
INSERT INTO positions (topic, partition, cluster_id, topic_id, next_offset, committed_at) VALUES
    ('transactions', 0, 'c', 't', 13, '2024-03-01 07:00Z'), ('interactions', 0, 'c', 'i', 2, '2024-03-01 08:00Z');
"""


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    """A database with ROWS, totals and all that is derived."""
    with psycopg.connect(database, autocommit=True, options="-c TimeZone=UTC") as connection:
        connection.execute(ROWS)
        for total in totals(connection):
            rebuild(connection, total)
        for view in read_refreshables(connection):
            if view.view != MONTHLY_REPORT:
                assert refresh(connection, view.view).reason is None
        yield connection


@pytest.fixture
def api(database: str, connection: Connection) -> Iterator[httpx2.Client]:  # noqa: ARG001
    settings = ApiSettings(open_reads=True, reads_per_minute=0)
    with TestClient(create_app(settings, database_url=database)) as client:
        yield client


def ask(api: httpx2.Client, path: str) -> Any:
    response = api.get(f"/api/v1/{path}")
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize(
    "path",
    [
        "analytics/industries",
        "analytics/segments",
        "analytics/segment-movers",
        "analytics/top-customers",
        "analytics/steady-customers",
        "analytics/statistics",
        "customers/1/next-best-category",
    ],
)
def test_every_answer_says_how_old_it_is(api: httpx2.Client, connection: Connection, path: str) -> None:
    answer = ask(api, path)
    age = (datetime.now(UTC) - datetime.fromisoformat(answer["refreshed_at"])).total_seconds()
    assert answer["age_seconds"] == pytest.approx(age, abs=5)
    assert answer["as_of"] == "2024-03-01"
    assert answer["position"] == "interactions:0@2,transactions:0@13"
    connection.execute("UPDATE positions SET next_offset = 14 WHERE topic = 'transactions'")
    assert ask(api, path)["position"] == answer["position"]
    for view in read_refreshables(connection):
        refresh(connection, view.view)
    assert ask(api, path)["position"] == "interactions:0@2,transactions:0@14"


def test_the_five_questions(api: httpx2.Client) -> None:
    industries = ask(api, "analytics/industries")
    assert industries["currencies"] == ["EUR", "USD"]
    assert [tuple(row.values()) for row in industries["data"]] == [
        ("Banking", 1, 1, 120.25, 70.63, "High", "Low"),
        ("Media", 2, 2, 50, 29.37, "Low", "High"),
        ("unknown", None, 1, 0, 0, None, None),
    ]
    assert ask(api, "analytics/segments")["data"] == [
        {"segment": "unknown", "customers": 2, "customers_percent": 50},
        {"segment": "SMB", "customers": 1, "customers_percent": 25},
        {"segment": "Startup", "customers": 1, "customers_percent": 25},
    ]
    movers = ask(api, "analytics/segment-movers")
    assert (movers["total"], movers["page"], movers["limit"], movers["total_pages"]) == (1, 1, 10, 1)
    assert movers["data"] == [
        {
            "customer_id": 1,
            "changes": 1,
            "last_changed_at": "2023-03-02T00:00:00Z",
            "old_segment": "Startup",
            "new_segment": "SMB",
        }
    ]
    top = ask(api, "analytics/top-customers")["data"]
    assert [(row["customer_id"], row["place"], row["revenue"]) for row in top] == [(1, 1, 120.25), (2, 2, 50)]
    steady = ask(api, "analytics/steady-customers")
    assert steady["data"] == [{"customer_id": 1, "place": 1, "revenue": 120.25}]
    assert (steady["total"], steady["top_10_percent"]) == (1, 1)


def test_pages_go_on(api: httpx2.Client, connection: Connection) -> None:
    connection.execute("INSERT INTO segment_changes VALUES ('2', '2024-01-01Z', 'Startup', 'SMB')")
    refresh(connection, "segment_movers")
    first = api.get("/api/v1/analytics/segment-movers?limit=1")
    assert [row["customer_id"] for row in first.json()["data"]] == [2]
    second = api.get(first.links["next"]["url"])
    assert [row["customer_id"] for row in second.json()["data"]] == [1]
    assert "next" not in second.links


def test_statistics_are_exact_and_per_currency(api: httpx2.Client) -> None:
    found = {(row["column_name"], row["currency"]): row for row in ask(api, "analytics/statistics")["data"]}
    assert set(found) == {
        ("account_balance", None), ("count", None), ("revenue", "EUR"), ("quantity", None), ("amount", "EUR"),
        ("amount", "USD"),
    }  # fmt: skip
    assert found["account_balance", None] == {
        "table_name": "customers",
        "column_name": "account_balance",
        "currency": None,
        "count": 2,
        "missing": 1,
        "min": 7,
        "max": 100.5,
        "mean": 53.75,
        "stddev": 66.114484,
        "q1": 30.375,
        "median": 53.75,
        "q3": 77.125,
    }
    assert found["amount", "USD"]["stddev"] is None


def test_revenue_by_period_is_live(api: httpx2.Client, connection: Connection) -> None:
    assert ask(api, "customers/1/revenue") == {
        "data": {
            "as_of": "2024-03-01",
            "last_month": 10.25,
            "last_quarter": 30,
            "quarter_before": 30,
            "month_to_date": 0,
            "year_to_date": 20.25,
            "quarter_over_quarter": 0,
            "customer_id": 1,
            "last_updated": "2024-03-01T08:00:00Z",
        }
    }
    january = ask(api, "customers/1/revenue?as_of=2024-01-31")["data"]
    assert (january["month_to_date"], january["year_to_date"], january["last_month"]) == (10, 10, 10)
    connection.execute("UPDATE daily_revenue SET revenue = 1000 WHERE customer_id = '1' AND day = '2024-02-29'")
    assert ask(api, "customers/1/revenue")["data"]["last_month"] == 1010
    # Without facts: nothing, not nobody.
    third = ask(api, "customers/3/revenue")["data"]
    assert (third["year_to_date"], third["quarter_over_quarter"]) == (0, None)
    assert api.get("/api/v1/customers/99/revenue").status_code == 404
    for as_of in ("0001-01-01", "9999-12-31"):
        assert ask(api, f"customers/1/revenue?as_of={as_of}")["data"]["as_of"] == as_of
    assert api.get("/api/v1/customers/1/revenue?as_of=2023-02-29").status_code == 422


def test_the_next_best_category_comes_with_its_evidence(api: httpx2.Client) -> None:
    answer = ask(api, "customers/1/next-best-category?limit=2")
    books, toys = answer["data"]
    # Books and toys take turns, and toys were the last.
    assert (books["category"], toys["category"]) == ("Books", "Toys")
    assert books["bought_before"]
    assert [(one["category"], one["purchases"]) for one in books["evidence"]] == [("Toys", 3), ("Books", 2)]
    from_toys, from_books = books["evidence"]
    assert from_toys["times"] == 5 + 4 + 3  # the first, third and fifth purchase after one of toys
    assert from_toys["lift"] > 1 > from_books["lift"]
    # A newcomer gets what is popular, with no evidence.
    newcomer = ask(api, "customers/4/next-best-category?limit=100")["data"]
    assert sum(one["probability"] for one in newcomer) == pytest.approx(1, abs=1e-5)
    assert [one["evidence"] for one in newcomer] == [[], [], []]
    assert [one["probability"] for one in newcomer] == [one["popularity"] for one in newcomer]
    assert api.get("/api/v1/customers/99/next-best-category").status_code == 404


def test_the_whole_of_a_customer_has_both(api: httpx2.Client) -> None:
    customer = ask(api, "customers/1")["data"]
    periods = ask(api, "customers/1/revenue")["data"]
    assert customer["revenue"] == {name: periods[name] for name in customer["revenue"]}
    assert customer["next_best_category"] == ask(api, "customers/1/next-best-category?limit=1")["data"][0]


def test_monthly_reports(api: httpx2.Client, connection: Connection) -> None:
    assert ask(api, "analytics/monthly-reports")["data"] == []
    assert refresh(connection, MONTHLY_REPORT).reason is None
    (report,) = ask(api, "analytics/monthly-reports")["data"]
    assert report["month"] == "2024-02-01"
    assert report["report"]["revenue"] == {"month": 60.25, "month_before": 10, "year_to_date": 70.25}
    assert report["report"]["customers_who_changed_segment"] == 1


def test_metrics_tell_of_every_view_and_of_failures(api: httpx2.Client, connection: Connection) -> None:
    text = api.get("/metrics").text
    assert 'c360_view_refresh_failed{view="industry_revenue"} 0.0' in text
    assert 'c360_view_age_seconds{view="industry_revenue"}' in text
    connection.execute("DROP INDEX industry_revenue_key")  # it can't be refreshed concurrently any more
    run = refresh(connection, "industry_revenue")
    assert run.reason is not None
    text = api.get("/metrics").text
    assert 'c360_view_refresh_failed{view="industry_revenue"} 1.0' in text
    assert 'c360_view_refresh_failed{view="segment_shares"} 0.0' in text
    # What was there still is, with its age.
    assert ask(api, "analytics/industries")["data"][0]["industry"] == "Banking"
