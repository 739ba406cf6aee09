"""Totals computed anew, or all facts read anew, while the stream flows: nobody sees a wrong answer in between."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import psycopg
import pytest
import stamina
from msgspec.structs import replace
from psycopg import AsyncConnection

from events.contracts import Customer, Event, Interaction, Product, ProductDiscussion, RejectedRow, Transaction
from sql.forget_everything import forget_everything
from sql.migrate import rebuild, totals
from stream_processors.positions import PositionMoved
from tests.properties.world import PARTITIONS, STREAMS, Ground, Truth, World

ALL = {partition: [1000] for partition in range(PARTITIONS)}
TOLD = Interaction(
    event_id="a", customer_id="1", channel="Email", occurred_at=datetime(2020, 2, 1, tzinfo=UTC), count=2
)
BOUGHT = Transaction(
    transaction_id="a",
    customer_id="1",
    occurred_at=TOLD.occurred_at,
    product_id="p",
    amount=Decimal("12.5"),
    currency="EUR",
)
#: Something for every total.
EVENTS: tuple[Event, ...] = (
    ProductDiscussion(month="2020-02", product="Sand"),
    Product(product_id="p", category="Garden"),
    Customer(customer_id="1", customer_type="Red", segment="New"),
    Customer(customer_id="1", segment="Old"),
    TOLD,
    BOUGHT,
)


@pytest.fixture
def world(ground: Ground) -> World:
    """A world in which no total is empty."""
    world = ground.world()
    for event in EVENTS:
        world.tell(event)
    commit(ground, world)
    return world


@pytest.fixture
def connection(ground: Ground) -> Iterator[psycopg.Connection]:
    with psycopg.connect(ground.url, autocommit=True) as connection:
        yield connection


def commit(ground: Ground, world: World) -> None:
    """Commit everything, a topic at a time, then look."""
    for topic in STREAMS:
        ground.runner.run(world.commit("first", topic, ALL))
    ground.runner.run(world.check())


def named_totals(ground: Ground) -> list[str]:
    with psycopg.connect(ground.url) as connection:
        return totals(connection)


@pytest.mark.usefixtures("world")
def test_every_total_is_rebuilt_to_what_it_was(connection: psycopg.Connection) -> None:
    for total in totals(connection):
        before = connection.execute(f"SELECT {total}::text FROM {total} ORDER BY 1").fetchall()  # noqa: S608
        assert before, "not tried"
        assert rebuild(connection, total) == len(before)
        assert connection.execute(f"SELECT {total}::text FROM {total} ORDER BY 1").fetchall() == before  # noqa: S608


def test_a_damaged_total_is_right_again_and_goes_on_right(
    ground: Ground, world: World, connection: psycopg.Connection
) -> None:
    """The worker held rows in memory all along."""
    connection.execute("UPDATE channel_totals SET interactions = 99")
    connection.execute("DELETE FROM daily_sales_parts")
    for total in ("channel_totals", "daily_sales_parts"):
        rebuild(connection, total)
    ground.runner.run(world.check())
    world.tell(replace(TOLD, event_id="b"))
    world.tell(replace(BOUGHT, transaction_id="b", customer_id="2"))
    commit(ground, world)


@pytest.mark.usefixtures("world")
def test_readers_see_the_old_rows_until_the_new_ones_are_there(ground: Ground, connection: psycopg.Connection) -> None:
    connection.execute("UPDATE channel_totals SET interactions = 99")
    question = "SELECT interactions FROM channel_totals"
    with psycopg.connect(ground.url, autocommit=True) as reader:
        with connection.transaction():
            rebuild(connection, "channel_totals")
            assert reader.execute(question).fetchall() == [(99,)]
        assert reader.execute(question).fetchall() == [(2,)]


def test_a_unit_of_work_waits_for_a_rebuild_and_builds_on_it(
    ground: Ground, world: World, connection: psycopg.Connection
) -> None:
    world.tell(replace(TOLD, event_id="b"))

    async def work() -> None:
        with connection.transaction():
            rebuild(connection, "channel_totals")
            unit = asyncio.ensure_future(world.commit("first", "interactions", ALL))
            waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
            while not connection.execute(waiting).fetchall():  # noqa: ASYNC110 - Postgres sends no event
                await asyncio.sleep(0)
            assert not unit.done()
        await asyncio.wait_for(unit, 10)
        await world.check()

    ground.runner.run(work())


class Traffic:
    """A stream that flows, somebody who rebuilds and somebody who reads, until both have been round often enough."""

    def __init__(self, ground: Ground, world: World) -> None:
        self._ground = ground
        self._world = world
        self._totals = named_totals(ground)
        self._flows = True
        self.rebuilt = 0
        self.compared = 0

    async def run(self) -> None:
        async with asyncio.timeout(100), asyncio.TaskGroup() as group:
            for one in (self._flow(), self._keep_rebuilding(), self._keep_reading()):
                group.create_task(one)

    async def _flow(self) -> None:
        random = Random(1)
        while min(self.rebuilt, self.compared) < 3 * len(self._totals):
            for event in some_events(random):
                self._world.tell(event)
            self._world.withdraw("customers", str(random.randrange(5)))
            await self._world.commit_at_once("first", 5, self._ground.connections)
        self._flows = False

    async def _keep_rebuilding(self) -> None:
        with psycopg.connect(self._ground.url, autocommit=True) as connection:
            while self._flows:
                await asyncio.to_thread(rebuild, connection, self._totals[self.rebuilt % len(self._totals)])
                self.rebuilt += 1

    async def _keep_reading(self) -> None:
        """Compare each total with its question, in one snapshot."""
        async with await AsyncConnection.connect(self._ground.url, autocommit=True) as connection:
            while self._flows:
                name = self._totals[self.compared % len(self._totals)]
                cursor = await connection.execute(
                    f"(SELECT * FROM {name} EXCEPT ALL SELECT * FROM {name}_from_facts)"  # noqa: S608
                    f" UNION ALL (SELECT * FROM {name}_from_facts EXCEPT ALL SELECT * FROM {name})"
                )
                assert await cursor.fetchall() == [], name
                self.compared += 1


@pytest.mark.timeout(120)
def test_rebuilding_while_the_stream_flows(ground: Ground, world: World) -> None:
    with stamina.set_testing(True, attempts=1000):
        ground.runner.run(Traffic(ground, world).run())
    ground.runner.run(world.check(in_turn=False))
    world.tell(replace(TOLD, event_id="last"))
    commit(ground, world)


def some_events(random: Random) -> Iterator[Event]:
    """New facts, corrections, changed types and categories; each fact has one customer."""
    for _ in range(40):
        number = random.randrange(30)
        customer = str(number % 5)
        at = TOLD.occurred_at + timedelta(days=random.randrange(40))
        yield replace(TOLD, event_id=f"{number}", customer_id=customer, occurred_at=at, count=random.randrange(1, 9))
        yield replace(BOUGHT, transaction_id=f"{number}", customer_id=customer, occurred_at=at, quantity=number + 1)
    yield Customer(customer_id=customer, customer_type=random.choice(["Red", "Blue"]), segment=random.choice("abc"))
    yield Product(product_id="p", category=random.choice(["Garden", "Kitchen"]))
    yield ProductDiscussion(month="2020-03", product=random.choice(["Sand", "Orange"]))


def test_everything_forgotten_is_told_again_by_the_topics(
    ground: Ground, world: World, connection: psycopg.Connection
) -> None:
    row = RejectedRow(reject_id="1", stream="customers", source="a", place="1", reason="?", row={})
    world.tell(row)
    world.publish("interactions", b"1", b"{")
    world.withdraw("interactions", "1", "a")
    commit(ground, world)

    assert forget_everything(connection) == len(STREAMS) * PARTITIONS
    for table in ("positions", "interactions", "transactions", "customers", "products", *totals(connection)):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchall() == [(0,)], table  # noqa: S608
    world.truth = Truth(rejects=world.truth.rejects)  # listed once, however often they are read
    ground.runner.run(world.assign("first", range(PARTITIONS)))
    commit(ground, world)


def test_a_worker_that_runs_while_everything_is_forgotten_is_refused(
    ground: Ground, world: World, connection: psycopg.Connection
) -> None:
    world.tell(replace(TOLD, event_id="b"))
    assert forget_everything(connection) is not None
    with pytest.raises(PositionMoved):
        ground.runner.run(world.commit("first", "interactions", ALL))
    assert connection.execute("SELECT count(*) FROM interactions").fetchall() == [(0,)]
    world.truth = Truth()
    ground.runner.run(world.assign("first", range(PARTITIONS)))
    commit(ground, world)


def test_facts_that_no_topic_holds_any_more_are_not_forgotten(
    ground: Ground, world: World, connection: psycopg.Connection
) -> None:
    connection.execute("UPDATE positions SET retired_at = now() WHERE topic = 'interactions'")
    before = ground.runner.run(world.state())
    assert forget_everything(connection) is None
    assert ground.runner.run(world.state()) == before


def test_topics_retired_before_they_told_anything_are_no_reason_to_keep_facts(connection: psycopg.Connection) -> None:
    connection.execute(
        "INSERT INTO positions (topic, partition, cluster_id, topic_id, next_offset, retired_at)"
        " VALUES ('interactions', 0, 'c', 'old', 0, now())"
    )
    assert forget_everything(connection) == 0
