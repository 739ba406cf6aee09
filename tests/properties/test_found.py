"""What the machine of test_totals found, or its author in search of it: one small history for each bug."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec.structs import replace

from events.contracts import Customer, Interaction, ProductDiscussion
from tests.properties.world import PARTITIONS, STREAMS, Ground, World

ALL = {partition: [1000] for partition in range(PARTITIONS)}
TOLD = Interaction(event_id="a", customer_id="1", channel="Email", occurred_at=datetime(2020, 2, 1, tzinfo=UTC))


@pytest.fixture
def world(ground: Ground) -> World:
    return ground.world()


def settle(ground: Ground, world: World) -> None:
    """Commit everything, a topic at a time, then look."""

    async def work() -> None:
        for topic in STREAMS:
            await world.commit("first", topic, ALL)
            await world.check()

    ground.runner.run(work())


def test_told_and_withdrawn_within_one_chunk(ground: Ground, world: World) -> None:
    world.tell(TOLD)
    world.withdraw("interactions", "1", "a")
    settle(ground, world)


def test_discussion_withdrawn_by_its_identity(ground: Ground, world: World) -> None:
    world.tell(TOLD)
    for product in ("Sand", "Orange"):
        world.tell(ProductDiscussion(month="2020-02", product=product))
    settle(ground, world)
    world.withdraw("product_discussions", "2020-02", "Sand")
    settle(ground, world)


def test_channel_named_only_by_a_version_that_was_corrected_within_the_chunk(ground: Ground, world: World) -> None:
    world.tell(replace(TOLD, channel="Fax"))
    world.tell(TOLD)
    settle(ground, world)


def test_the_month_that_no_calendar_goes_beyond(ground: Ground, world: World) -> None:
    told = ProductDiscussion(month="9999-12", product="Sand")
    world.publish("product_discussions", b"9999-12", b'{"month":"9999-12","product":"Sand"}')
    settle(ground, world)
    world.tell(TOLD)
    settle(ground, world)
    assert told.key == "9999-12"


@pytest.mark.parametrize("amount", ["1e1000000", "-1e999999999999999999", "0e99999999999", "0e1000"])
def test_amounts_beyond_arithmetic(amount: str, ground: Ground, world: World) -> None:
    moment = b'"occurred_at":"2020-02-01T00:00:00Z"'
    value = b'{"event_id":"a","customer_id":"1","channel":"Email",%s,"revenue":%s}' % (moment, amount.encode())
    world.publish("interactions", b"1", value)
    world.publish("customers", b"1", b'{"customer_id":"1","account_balance":%s}' % amount.encode())
    settle(ground, world)


@pytest.mark.parametrize("name", ["content-type", "ce_type", "event_id", "other"])
def test_headers_without_a_value(name: str, ground: Ground, world: World) -> None:
    headers: Sequence[tuple[str, bytes | None]] = [(name, None)]
    world.publish("interactions", b"1", b'{"event_id":"a"}', headers)
    world.publish("interactions", b"1", None, headers)
    settle(ground, world)


def test_amounts_of_many_spellings_are_one(ground: Ground, world: World) -> None:
    world.tell(replace(TOLD, revenue=Decimal("1.50")))
    world.tell(Customer(customer_id="1", account_balance=Decimal("1.50")))
    settle(ground, world)
    world.tell(replace(TOLD, revenue=Decimal("1.5")))
    world.tell(Customer(customer_id="1", account_balance=Decimal("1.5")))
    settle(ground, world)
