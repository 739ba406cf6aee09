"""The graph: all that there is has a meaning, and who reads whom is as the database and the processors do it."""

import asyncio
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from starlette.testclient import TestClient

from api.app import PREFIX, create_app
from api.lineage.served import endpoints_of
from c360.__main__ import run as c360
from events.contracts import CONTRACTS, Channel, Customer, Event, Interaction, Product, ProductDiscussion, Transaction
from events.contracts import RejectedRow as Row
from lineage.graph import Graph, Kind
from lineage.reading import ALSO_STORED_IN, read_graph
from lineage.site import page_of
from quality.checks import Check, Level
from quality.library import load_checks
from settings import ApiSettings
from sql.catalogue import reads_of
from sql.migrate import totals
from tests.properties.conftest import ground
from tests.properties.world import PARTITIONS, Ground, World

__all__ = ["ground"]

AT = datetime(2020, 2, 29, 12, tzinfo=UTC)
#: Endpoints that ask no query of their own: they publish.
SILENT = {"endpoint:forget_customer"}


@pytest.fixture
def graph(database: str) -> Graph:
    return read(database)


def read(url: str, checks: Sequence[Check] = ()) -> Graph:
    app = create_app(ApiSettings(), database_url=url)
    with psycopg.connect(url) as connection:
        return read_graph(connection, endpoints_of(app, prefix=PREFIX), [*load_checks().values(), *checks])


def test_nothing_is_undocumented(graph: Graph) -> None:
    """Tables and columns need a COMMENT, endpoints a summary and a docstring, fields of topics a `#:` comment."""
    bare = [thing.id for thing in graph.things if not thing.meaning]
    bare += [f"{thing.id}.{field.name}" for thing in graph.things for field in thing.fields if not field.meaning]
    assert bare == []


def test_the_way_of_an_interaction(graph: Graph) -> None:
    """From the topic to the API, down to the columns."""
    edges = {(edge.source, edge.reader): set(edge.fields) for edge in graph.edges}
    assert {"event_id", "customer_id", "count"} < edges["topic:interactions", "relation:interactions"]
    assert edges["relation:interactions", "relation:channel_totals"] == {
        "customer_id",
        "channel",
        "count",
        "revenue",
        "occurred_at",
    }
    assert {"interactions", "channel"} < edges["relation:channel_totals", "endpoint:get_interactions"]
    assert edges["relation:product_discussions", "relation:interaction_topics"] == {"month", "product"}
    # Through a view, not through what the view reads.
    assert ("relation:product_interest", "endpoint:list_product_interactions") in edges
    assert ("relation:product_interest_parts", "endpoint:list_product_interactions") not in edges
    assert graph["relation:channel_totals"].kind is Kind.TOTAL
    assert graph["relation:channel_totals_from_facts"].kind is Kind.QUESTION
    assert "revenue_agrees" in graph["relation:channel_totals"].checks


def test_what_is_shared_is_made_of_totals(graph: Graph) -> None:
    sources = {edge.source: edge.fields for edge in graph.sources_of("relation:shared.interest_by_type")}
    assert sources == {"relation:product_interest": ("customer_type", "customers", "interactions", "product")}


def test_every_endpoint_reads_something(graph: Graph) -> None:
    endpoints = {thing.id for thing in graph.things if thing.kind is Kind.ENDPOINT}
    assert {"endpoint:get_interactions", "endpoint:list_checks", "endpoint:follow_totals"} <= endpoints
    silent = {one for one in endpoints if not graph.sources_of(one)}
    assert silent <= SILENT | {"endpoint:get_lineage"}


def test_edges_join_things_and_sources_come_first(graph: Graph) -> None:
    place = {thing.id: number for number, thing in enumerate(graph.things)}
    assert len(place) == len(graph.things)
    for edge in graph.edges:
        assert place[edge.source] < place[edge.reader]
        assert set(edge.fields) <= {field.name for field in graph[edge.source].fields}
    assert {thing.name for thing in graph.things if thing.kind is Kind.TOPIC} == CONTRACTS.keys()


def test_things_are_as_old_as_the_newest_of_what_they_are_made_of(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO positions (topic, partition, cluster_id, topic_id, next_offset, committed_at) VALUES"
            "('interactions', 0, 'c', 't', 1, '2026-01-01Z'), ('interactions', 1, 'c', 't', 1, '2026-01-02Z'),"
            "('transactions', 0, 'c', 't', 1, '2026-01-03Z')"
        )
    graph = read(database)
    days = {name: moment.day for name in (
        "topic:interactions", "relation:channel_totals", "relation:daily_revenue", "endpoint:list_daily_sales"
    ) if (moment := graph[name].updated_at)}  # fmt: skip
    assert list(days.values()) == [2, 2, 3, 3]
    assert graph["relation:product_discussions"].updated_at is None


def test_a_materialized_view_is_as_old_as_its_last_refresh(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO positions (topic, partition, cluster_id, topic_id, next_offset, committed_at) VALUES"
            "('customers', 0, 'c', 't', 1, '2026-01-03Z')"
        )
        # Before that commit, after it, and never.
        connection.execute("UPDATE refreshes SET started_at = '2026-01-02Z' WHERE view = 'segment_shares'")
        connection.execute("UPDATE refreshes SET started_at = '2026-01-04Z' WHERE view = 'top_20_customers'")
        connection.execute("DELETE FROM refreshes WHERE view = 'industry_revenue'")
    graph = read(database)
    days = [(moment := graph[f"relation:{name}"].updated_at) and moment.day for name in (
        "customers", "segment_shares", "top_20_customers", "industry_revenue"
    )]  # fmt: skip
    assert days == [3, 2, 3, None]
    answered = graph["endpoint:list_segments"].updated_at
    assert answered
    assert answered.day == 2


def test_what_is_counted_in_steps_is_made_of_purchases(graph: Graph) -> None:
    sources = {edge.source: set(edge.fields) for edge in graph.sources_of("relation:category_pairs")}
    assert sources == {
        "relation:purchases": {"customer_id", "category", "amount", "occurred_at", "transaction_id"},
    }


def test_a_check_of_nothing_that_is_there_reads_nothing(database: str) -> None:
    bad = Check(name="bad", level=Level.WARN, meaning="m", remedy="r", query="SELECT 1 FROM nowhere WHERE 'a' LIKE '%'")
    good = Check(name="good", level=Level.WARN, meaning="m", remedy="r", query="SELECT 1 FROM products;")
    graph = read(database, [bad, good])
    assert graph["relation:products"].checks == ("good", "products_are_known")


@pytest.mark.parametrize(
    ("statement", "reads"),
    [
        ("SELECT name FROM products WHERE product_id = %(id)s", {"products": ("name", "product_id")}),
        ("SELECT count(*) FROM products", {"products": ()}),
        ("SELECT p.name FROM products AS p JOIN purchases USING (category) -- why", None),
        ("DELETE FROM products WHERE category = ANY(%(a)s) AND name LIKE '100%%'", {"products": ("category", "name")}),
        ("SELECT 1 AS one", {}),
    ],
)
def test_what_a_statement_reads(database: str, statement: str, reads: dict[str, tuple[str, ...]] | None) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO products VALUES ('1', '100%', 'Toys', 1)")
        expected = {"products": ("category", "name"), "purchases": ("category",)} if reads is None else reads
        assert reads_of(connection, statement) == expected
        assert connection.execute("SELECT count(*) FROM products").fetchone() == (1,), "nothing of it is run"
        assert connection.execute("SELECT count(*) FROM pg_proc WHERE proname = 'asked'").fetchone() == (0,)


EVENTS: tuple[Event, ...] = (
    Customer(customer_id="1", customer_type="Red", segment="New"),
    Channel(channel="Call", name="Telephone"),
    Product(product_id="P", category="Toys"),
    ProductDiscussion(month="2020-02", product="Sand"),
    Interaction(event_id="a", customer_id="1", channel="Email", occurred_at=AT),
    Transaction(transaction_id="a", customer_id="1", occurred_at=AT, product_id="P", amount=Decimal(1), currency="EUR"),
    Row(reject_id="a", stream="customers", source="f", place="row 1", reason="no id", row={}),
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.topic.name)
def test_a_topic_is_stored_where_the_graph_says(ground: Ground, event: Event) -> None:
    """What a processor writes when it reads the topic, and nothing but totals and its own notes beside."""
    name = event.topic.name
    filled = ground.runner.run(_filled_by(ground, event))
    assert filled - {"positions", "reattribution"} == {name, *ALSO_STORED_IN.get(name, ())}


async def _filled_by(ground: Ground, event: Event) -> set[str]:
    """Tables with rows, without totals, once a processor has committed the event."""
    world = World(ground.url, ground.connections[0], cached_rows=3, most_events=100, forgotten="anonymous")
    await world.begin()
    world.tell(event)
    await world.commit("first", event.topic.name, {partition: [2, 100] for partition in range(PARTITIONS)}, cut_after=7)
    with psycopg.connect(ground.url) as connection:
        tables = connection.execute("SELECT relid::regclass::text FROM pg_stat_user_tables").fetchall()
        names = {table for (table,) in tables if "yoyo" not in table and table != "definitions"}
        return {
            table
            for table in names - set(totals(connection))
            if connection.execute(f"SELECT FROM {table} LIMIT 1").fetchone() is not None
        }


@pytest.fixture
def api(database: str) -> Any:
    with TestClient(create_app(ApiSettings(open_reads=True), database_url=database)) as client:
        yield client


def test_the_api_serves_it(api: httpx2.Client, graph: Graph) -> None:
    answer = api.get("/api/v1/lineage").json()
    assert [thing["id"] for thing in answer["things"]] == [thing.id for thing in graph.things]
    assert len(answer["edges"]) == len(graph.edges)
    assert {"name": "channel", "kind": "text", "meaning": "What the customer was in touch on."} in next(
        thing["fields"] for thing in answer["things"] if thing["id"] == "relation:channel_totals"
    )


def test_without_a_database_it_says_so() -> None:
    app = create_app(ApiSettings(open_reads=True), database_url="postgresql://127.0.0.1:1/nowhere")
    response = TestClient(app).get("/api/v1/lineage")
    assert (response.status_code, response.json()["type"]) == (503, "/problems/database-away")


def test_many_who_ask_at_once_ask_the_database_once(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(ApiSettings(), database_url=database)
    lineage = app.state.lineage
    asked = []
    read_it = lineage._read
    monkeypatch.setattr(lineage, "_read", lambda: asked.append(1) or read_it())

    async def ask() -> list[Graph]:
        return await asyncio.gather(*(lineage.graph() for _ in range(5)))

    assert len({id(found) for found in asyncio.run(ask())}) == 1
    assert len(asked) == 1


def test_the_site(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page for each thing; all links lead to pages of ours, and nothing is asked of anybody else."""
    monkeypatch.setenv("DATABASE_URL", database)
    with psycopg.connect(database) as connection:
        connection.execute("COMMENT ON TABLE products IS 'One <script> & another'")
    assert c360(["check", "revenue_agrees"]) == 0
    out = tmp_path / "site"
    assert c360(["docs", "--out", str(out)]) == 0
    graph = read(database)
    assert {page_of(thing) for thing in graph.things} == {
        str(path.relative_to(out)) for path in (out / "things").iterdir()
    }
    pages = sorted(out.rglob("*.html"))
    for page in pages:
        text = page.read_text()
        assert "://" not in text
        assert "<script> &" not in text
        for link in re.findall(r'href="(?!data:)([^"#]+)', text):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
    assert "One &lt;script&gt; &amp; another" in (out / "index.html").read_text()
    assert (
        '<a class="name" href="../things/endpoint-get_interactions.html">'
        in (out / "things" / "relation-channel_totals.html").read_text()
    )
    assert '<span class="passed">passed</span>' in (out / "things" / "relation-channel_totals.html").read_text()
    assert json.loads((out / "asyncapi.json").read_text())["asyncapi"] == "3.0.0"
    assert len(json.loads((out / "lineage.json").read_text())["edges"]) == len(graph.edges)
    assert c360(["docs", "--out", str(out)]) == 0, "and again, over what is there"
    (tmp_path / "file").touch()
    assert c360(["docs", "--out", str(tmp_path / "file")]) == 2
