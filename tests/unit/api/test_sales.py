"""GET daily_sales, top_customers and product_metrics: what is asked of the database, and what is refused."""

from datetime import UTC, date, datetime
from typing import get_args

import pytest
from fake_database import FakeDatabase
from starlette.testclient import TestClient

from api.app import create_app
from api.database import query_text
from api.sales.queries import DailyOrder, ProductOrder, TopOrder
from settings import ApiSettings


def test_a_leading_minus_turns_the_order_round(client: TestClient, fake: FakeDatabase) -> None:
    client.get("/api/v1/daily_sales?sort=-revenue&from=2020-01-01&to=2020-02-01&limit=7")
    client.get("/api/v1/daily_sales?sort=revenue&currency=EUR")
    assert fake.asked == [
        {
            "days_from": date(2020, 1, 1),
            "days_to": date(2020, 2, 1),
            "currencies": None,
            "sorted_by": "revenue",
            "direction": -1,
            "most": 7,
        },
        {
            "days_from": None,
            "days_to": None,
            "currencies": ["EUR"],
            "sorted_by": "revenue",
            "direction": 1,
            "most": 100,
        },
    ]


def test_a_period_of_products_is_passed_on(client: TestClient, fake: FakeDatabase) -> None:
    client.get("/api/v1/product_metrics?from=2020-01-01T12:00:00Z&category=Toys")
    assert fake.asked[0]["sold_from"] == datetime(2020, 1, 1, 12, tzinfo=UTC)
    assert fake.asked[0]["categories"] == ["Toys"]


@pytest.mark.parametrize(
    ("orders", "queries"),
    [
        (DailyOrder, ["daily_sales"]),
        (TopOrder, ["top_customers"]),
        (ProductOrder, ["product_metrics", "product_metrics_narrowed"]),
    ],
)
def test_every_order_is_one_that_the_query_knows(orders: object, queries: list[str]) -> None:
    names = {name.removeprefix("-") for name in get_args(orders)}
    assert len(names) * 2 == len(get_args(orders))
    for query in queries:
        text = query_text(query).decode()
        assert {name for name in names if f"WHEN '{name}' THEN" in text} == names


@pytest.mark.parametrize(
    "query",
    [
        "daily_sales?from=2020-02-30",
        "daily_sales?from=2020-01-01T00:00:00Z",
        "daily_sales?from=2020-01-02&to=2020-01-02",
        "daily_sales?sort=nothing",
        "daily_sales?limit=1001",
        "top_customers?limit=101",
        "top_customers?sort=name",
        "product_metrics?sort=--revenue",
        "product_metrics?from=yesterday",
    ],
)
def test_what_makes_no_sense_is_refused(client: TestClient, fake: FakeDatabase, query: str) -> None:
    assert client.get(f"/api/v1/{query}").status_code == 422
    assert not fake.asked


def test_how_many_rows_there_are_is_a_setting(fake: FakeDatabase) -> None:
    app = create_app(
        ApiSettings(open_reads=True, list_rows=4, most_list_rows=5, most_small_rows=30),
        database_url="postgresql://nowhere",
    )
    app.state.database = fake
    client = TestClient(app)
    client.get("/api/v1/product_metrics")
    client.get("/api/v1/product_metrics?limit=5")
    client.get("/api/v1/customers/1/timeline")
    client.get("/api/v1/daily_sales")
    assert [asked["most"] for asked in fake.asked[:2]] == [4, 5]
    assert fake.asked[2]["most"] == 6  # one more tells whether there is another page
    assert fake.asked[-1]["most"] == 30
    refused = client.get("/api/v1/product_metrics?limit=6")
    assert refused.status_code == 422
    assert refused.json()["errors"] == [
        {"place": "query", "field": "limit", "reason": "this API is set to give 5 rows at most"}
    ]
