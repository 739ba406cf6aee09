"""Whoever was forgotten stays forgotten when the topics are read again, in whatever order that happens."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from events.contracts import Customer, Interaction, Product, ProductDiscussion, RejectedRow, Transaction
from sql.forget_everything import forget_everything
from sql.migrate import totals
from tests.properties.test_totals import AT_HOME, COMMON, DISCUSSION_AT_HOME, FEW, MODES, NIGHTLY
from tests.properties.world import PARTITIONS, STREAMS, Forgotten, Ground, Truth, World

#: What is told of facts and customers, and has to be the same when it is read again.
_TABLES = ("interactions", "transactions", "customers", "customer_segments", "products", "product_discussions")
ID = "4711"
TOLD = Interaction(event_id="a", customer_id=ID, channel="Email", occurred_at=datetime(2020, 2, 1, tzinfo=UTC))
BOUGHT = Transaction(
    transaction_id="a", customer_id=ID, occurred_at=TOLD.occurred_at, product_id="p", amount=Decimal(2), currency="EUR"
)


def read(ground: Ground, world: World, order: Sequence[str], size: int) -> None:
    """Read all topics to their end, one after the other."""
    whole = {partition: [size] * 1000 for partition in range(PARTITIONS)}
    for topic in order:
        ground.runner.run(world.commit("first", topic, whole))


def state(ground: Ground) -> dict[str, Counter[Any]]:
    """What is stored, but for positions, which count differently what was withdrawn meanwhile."""
    with psycopg.connect(ground.url) as connection:
        rows = {
            name: Counter(connection.execute(f"SELECT * FROM {name}").fetchall())  # noqa: S608
            for name in (*_TABLES, *totals(connection))
        }
        rejects = 'SELECT topic, partition, "offset" FROM rejected_events'
        return {**rows, "rejected_events": Counter(connection.execute(rejects).fetchall())}


def read_again(ground: Ground, world: World, order: Sequence[str], size: int) -> None:
    """As `c360 rebuild --facts` and the processors after it."""
    with psycopg.connect(ground.url, autocommit=True) as connection:
        assert forget_everything(connection) is not None
    world.truth = Truth(world.truth.forgotten)
    ground.runner.run(world.assign("first", range(PARTITIONS)))
    read(ground, world, order, size)
    ground.runner.run(world.check_totals(told=False))


@pytest.mark.parametrize("order", [STREAMS, STREAMS[::-1]], ids=["customers first", "facts first"])
@pytest.mark.parametrize("forgotten", ["anonymous", "removed"])
def test_who_was_forgotten_is_not_told_of_again(forgotten: Forgotten, order: Sequence[str], ground: Ground) -> None:
    world = ground.world(forgotten=forgotten)
    for event in (
        ProductDiscussion(month="2020-02", product="Sand"),
        Product(product_id="p", category="Garden"),
        Customer(customer_id=ID, customer_type="Red", segment="New"),
        TOLD,
        replace(TOLD, event_id="b"),
        BOUGHT,
        RejectedRow(reject_id="1", stream="customers", source="a", place="1", reason="?", row={"id": f" {ID}.0"}),
    ):
        world.tell(event)
    world.publish("interactions", ID.encode(), b"{")
    world.publish("transactions", ID.encode(), b'{"customer_id": "%s"}' % ID.encode())
    read(ground, world, STREAMS, 100)
    world.withdraw("customers", ID)
    read(ground, world, STREAMS, 100)
    # Back again by itself, with a fact that was another one's, and one of its own.
    world.tell(Customer(customer_id=ID, customer_type="Blue"))
    world.tell(replace(TOLD, event_id="b", count=7))
    world.tell(replace(TOLD, event_id="new", channel="Call"))
    read(ground, world, STREAMS, 100)
    before = state(ground)
    assert len(before["rejected_events"]) == 0
    read_again(ground, world, order, 100)
    assert state(ground) == before


@pytest.mark.parametrize("forgotten", ["anonymous", "removed"])
def test_a_tombstone_that_compaction_took_is_remembered(forgotten: Forgotten, ground: Ground) -> None:
    world = ground.world(forgotten=forgotten)
    for event in (Customer(customer_id=ID, email="e@example.org"), TOLD, BOUGHT):
        world.tell(event)
    read(ground, world, STREAMS, 100)
    world.withdraw("customers", ID)
    read(ground, world, STREAMS, 100)
    for place, records in world.log.items():
        if place[0] == "customers":
            records.clear()
    read_again(ground, world, STREAMS, 100)
    with psycopg.connect(ground.url) as connection:
        for table in ("interactions", "transactions", "customers", "channel_totals", "customer_purchases"):
            rows = connection.execute(f"SELECT count(*) FROM {table} WHERE customer_id = %s", [ID])  # noqa: S608
            assert rows.fetchall() == [(0,)], table
        kept = connection.execute("SELECT count(*) FROM interactions WHERE customer_id LIKE 'anonymous-%'").fetchall()
    assert kept == [(1 if forgotten == "anonymous" else 0,)]


@pytest.mark.timeout(3600 if NIGHTLY else 300)
@settings(max_examples=500 if NIGHTLY else 15, deadline=None, suppress_health_check=FEW)
@given(
    parts=st.lists(
        st.lists(st.one_of(AT_HOME, AT_HOME, DISCUSSION_AT_HOME, *COMMON), min_size=5, max_size=25),
        min_size=1,
        max_size=3,
    ),
    forgotten=MODES,
    order=st.permutations(STREAMS),
    size=st.sampled_from([1, 3, 100]),
)
def test_what_is_read_again_is_what_it_was(
    ground: Ground, parts: list[list[Any]], forgotten: Forgotten, order: list[str], size: int
) -> None:
    """Of facts that one customer has: else it depends on which partition is read first."""
    world = ground.world(forgotten=forgotten)
    for happenings in parts:
        for method, *arguments in happenings:
            getattr(world, method)(*arguments)
        read(ground, world, STREAMS, 100)
    before = state(ground)
    read_again(ground, world, order, size)
    after = state(ground)
    assert set(after.pop("rejected_events")) <= set(before.pop("rejected_events"))
    assert after == before
