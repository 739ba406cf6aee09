"""A forgotten customer: no table says any more who it was, and totals are as docs/forgetting.md says."""

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from events import encoding
from events.contracts import (
    Customer,
    Event,
    Interaction,
    Product,
    ProductDiscussion,
    RejectedRow,
    Transaction,
)
from sql.migrate import totals
from tests.properties.world import PARTITIONS, STREAMS, Forgotten, Ground, World

ALL = {partition: [1000] for partition in range(PARTITIONS)}
MODES: list[Forgotten] = ["anonymous", "removed"]
ID = "Müller-4711"
PROFILE = Customer(
    customer_id=ID,
    first_name="Johanna",
    last_name="Müllerin",
    email="jo@example.org",
    phone="+49 555 0123",
    address="Am Graben 17",
    date_of_birth=date(1987, 6, 5),
    account_balance=Decimal("8765.4321"),
    occupation="Glaziologist",
    customer_type="Red",
    segment="New",
    industry="Glass",
    country="DE",
    account_id="ACC-0815",
    created_at=datetime(2011, 11, 11, 11, 11, 11, tzinfo=UTC),
)
#: As Postgres prints them, or as they were told in bytes.
SECRETS = (
    *(ID, "Johanna", "Müllerin", "jo@example.org", "555 0123", "Graben", "1987-06-05", "8765.4321", "Glaziologist"),
    *("ACC-0815", "2011-11-11"),
)
TOLD = Interaction(
    event_id=f"2020-02-01 {ID} Email",
    customer_id=ID,
    channel="Email",
    occurred_at=datetime(2020, 2, 1, tzinfo=UTC),
    revenue=Decimal("0.5"),
)
BOUGHT = Transaction(
    transaction_id=f"2020-02-01 {ID} p",
    customer_id=ID,
    occurred_at=TOLD.occurred_at,
    product_id="p",
    amount=Decimal("12.5"),
    currency="EUR",
)
OTHERS: tuple[Event, ...] = (
    ProductDiscussion(month="2020-02", product="Sand"),
    Product(product_id="p", category="Garden"),
    Customer(customer_id="1", customer_type="Red", segment="New", email="other@example.org"),
    replace(TOLD, event_id="1", customer_id="1"),
    replace(BOUGHT, transaction_id="1", customer_id="1"),
)


def told(ground: Ground, forgotten: Forgotten) -> World:
    """A world with two customers, one of whom left traces wherever it is possible."""
    world = ground.world(forgotten=forgotten)
    for event in (*OTHERS, PROFILE, Customer(customer_id=ID, segment="Old"), TOLD, BOUGHT):
        world.tell(event)
    key, record = ID.encode(), encoding.encode(PROFILE)
    world.publish("customers", key, (record.value or b"")[:-5])
    world.publish("customers", b" %s " % key, record.value)
    world.publish("customers", b"1", record.value, partition=0)
    world.publish("interactions", None, encoding.encode(TOLD).value)
    world.publish("transactions", key, b'{"transaction_id": "ACC-0815"}')
    row: dict[str, str | None] = {"Kunde": f" {ID}", "Ort": "Am Graben 17"}
    world.tell(RejectedRow(reject_id="1", stream="customers", source="a", place="1", reason="?", row=row))
    world.tell(RejectedRow(reject_id="2", stream="customers", source="a", place="2", reason="?", row={"id": "1"}))
    commit(ground, world)
    with psycopg.connect(ground.url) as connection:
        connection.execute("INSERT INTO pseudonyms VALUES (%s, 'p')", [ID])
        connection.execute(f"INSERT INTO shared.customers VALUES ('p', {', '.join(['%s'] * 8)})", [ID] * 8)  # noqa: S608
    return world


def commit(ground: Ground, world: World) -> None:
    """Commit everything, a topic at a time, then look."""
    for topic in STREAMS:
        ground.runner.run(world.commit("first", topic, ALL))
    ground.runner.run(world.check())


def traces(ground: Ground) -> set[tuple[str, str, str]]:
    """Table, column and secret, wherever one of them is: in every column of every table."""
    found = set()
    with psycopg.connect(ground.url) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', table_schema, table_name), table_name FROM information_schema.tables"
            " WHERE table_schema IN ('public', 'shared') AND table_type = 'BASE TABLE'"
        ).fetchall()
        for address, table in tables:
            cursor = connection.execute(f"SELECT * FROM {address}")  # noqa: S608 - of the catalogue
            names = [column.name for column in cursor.description or ()]
            for row in cursor.fetchall():
                texts = [value.decode(errors="replace") if isinstance(value, bytes) else str(value) for value in row]
                found |= {
                    (table, name, secret)
                    for name, text in zip(names, texts, strict=True)
                    for secret in SECRETS
                    if secret in text
                }
    return found


def rows_of_totals(ground: Ground) -> dict[str, Counter[tuple[Any, ...]]]:
    """The totals, whoever they are of."""
    answers = {}
    with psycopg.connect(ground.url) as connection:
        for total in totals(connection):
            cursor = connection.execute(f"SELECT * FROM {total}")  # noqa: S608
            names = [column.name for column in cursor.description or ()]
            answers[total] = Counter(
                tuple(value for name, value in zip(names, row, strict=True) if name != "customer_id")
                for row in cursor.fetchall()
            )
    return answers


@pytest.mark.parametrize("forgotten", MODES)
def test_no_column_of_any_table_says_who_was_forgotten(forgotten: Forgotten, ground: Ground) -> None:
    world = told(ground, forgotten)
    left = traces(ground)
    assert {secret for _, _, secret in left} == set(SECRETS), "not tried"
    assert {"customers", "interactions", "transactions", "customer_segments", "rejected_events", "pseudonyms"} <= {
        table for table, _, _ in left
    }
    world.withdraw("customers", ID)
    commit(ground, world)
    assert traces(ground) == set()


@pytest.mark.parametrize("forgotten", MODES)
def test_what_was_refused_of_others_stays(forgotten: Forgotten, ground: Ground) -> None:
    world = told(ground, forgotten)
    world.publish("customers", b"1", b"{")
    world.withdraw("customers", ID)
    commit(ground, world)
    assert {(record.key, record.value) for record in world.truth.rejects.values() if record.meaning is None} == {
        (b"1", b"{")
    }
    assert sum(record.meaning is not None for record in world.truth.rejects.values()) == 1


def test_totals_are_as_they_were_under_an_anonymous_id(ground: Ground) -> None:
    world = told(ground, "anonymous")
    before = rows_of_totals(ground)
    assert all(before.values()), "not tried"
    world.withdraw("customers", ID)
    commit(ground, world)
    assert rows_of_totals(ground) == before


def test_totals_of_others_stay_where_facts_are_removed(ground: Ground) -> None:
    world = told(ground, "removed")
    world.withdraw("customers", ID)
    commit(ground, world)
    left = rows_of_totals(ground)
    alone = ground.world(forgotten="removed")
    for event in OTHERS:
        alone.tell(event)
    commit(ground, alone)
    assert rows_of_totals(ground) == left


@pytest.mark.parametrize("forgotten", MODES)
def test_the_same_id_told_afterwards_is_another_customer(forgotten: Forgotten, ground: Ground) -> None:
    world = told(ground, forgotten)
    world.withdraw("customers", ID)
    commit(ground, world)
    world.tell(Customer(customer_id=ID, customer_type="Blue"))
    world.tell(replace(TOLD, event_id="afterwards"))
    commit(ground, world)
    with psycopg.connect(ground.url) as connection:
        assert connection.execute("SELECT * FROM segment_changes WHERE customer_id = %s", [ID]).fetchall() == []
        assert connection.execute(
            "SELECT interactions FROM channel_totals WHERE customer_id = %s", [ID]
        ).fetchall() == [(1,)]


def test_nobody_else_can_have_the_anonymous_id(ground: Ground) -> None:
    """Two who are forgotten are two, however much they have in common."""
    world = told(ground, "anonymous")
    world.withdraw("customers", ID)
    world.withdraw("customers", "1")
    commit(ground, world)
    with psycopg.connect(ground.url) as connection:
        assert connection.execute("SELECT count(*) FROM customers WHERE customer_id LIKE 'anonymous-%'").fetchall() == [
            (2,)
        ]
