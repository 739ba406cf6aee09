"""What the machine of test_totals found, or its author in search of it: one small history for each bug."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec.structs import replace

from events.contracts import Channel, Customer, Interaction, Product, ProductDiscussion, RejectedRow, Transaction
from tests.properties.world import PARTITIONS, STREAMS, Forgotten, Ground, World

ALL = {partition: [1000] for partition in range(PARTITIONS)}
TOLD = Interaction(event_id="a", customer_id="1", channel="Email", occurred_at=datetime(2020, 2, 1, tzinfo=UTC))

BOUGHT = Transaction(
    transaction_id="a",
    customer_id="1",
    occurred_at=datetime(2020, 2, 1, tzinfo=UTC),
    product_id="p",
    amount=Decimal("12.5"),
    currency="EUR",
)
MODES: list[Forgotten] = ["anonymous", "removed"]


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


@pytest.mark.parametrize("forgotten", MODES)
def test_a_member_who_left_in_a_unit_whose_answer_was_lost(forgotten: Forgotten, ground: Ground) -> None:
    world = ground.world(forgotten=forgotten)
    world.tell(replace(TOLD, product="Sand"))
    world.tell(BOUGHT)
    settle(ground, world)
    world.withdraw("customers", "1")
    ground.runner.run(world.commit("first", "customers", ALL, lose_answer=True))
    ground.runner.run(world.check())
    world.tell(replace(BOUGHT, transaction_id="b"))
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


@pytest.mark.parametrize("topic", ["channels", "products", "customers", "product_discussions"])
def test_tombstone_whose_key_no_text_column_can_hold(topic: str, ground: Ground, world: World) -> None:
    world.publish(topic, b"\0", None)
    settle(ground, world)


@pytest.mark.parametrize("forgotten", MODES)
def test_customer_forgotten_whom_facts_alone_have_named(forgotten: Forgotten, ground: Ground) -> None:
    world = ground.world(forgotten=forgotten)
    world.tell(TOLD)
    world.tell(BOUGHT)
    settle(ground, world)
    world.withdraw("customers", "1")
    settle(ground, world)


@pytest.mark.parametrize("forgotten", MODES)
def test_customer_forgotten_beside_refusals_that_are_no_json(forgotten: Forgotten, ground: Ground) -> None:
    world = ground.world(forgotten=forgotten)
    row = {"a\0": "\0", "id": " 1.0"}
    world.tell(RejectedRow(reject_id="1", stream="customers", source="a", place="1", reason="?", row=row))
    world.publish("rejected_events", b"1", b"{\xff")
    world.publish("interactions", b"2", b'{"customer_id": 1, "occurred_at": ""}')
    settle(ground, world)
    world.withdraw("customers", "1")
    settle(ground, world)
    assert list(world.truth.rejects) == [("rejected_events", 0, 0)] or len(world.truth.rejects) == 1


@pytest.mark.parametrize("size", [1, 1000])
def test_refusals_before_the_tombstone_go_and_those_after_it_stay(size: int, ground: Ground, world: World) -> None:
    world.publish("customers", b"1", b"{")
    world.withdraw("customers", "1")
    world.publish("customers", b"1", b"[")
    for _ in range(3):
        ground.runner.run(world.commit("first", "customers", {partition: [size] for partition in range(PARTITIONS)}))
        ground.runner.run(world.check())
    assert [record.value for record in world.truth.rejects.values()] == [b"["]


@pytest.mark.parametrize("size", [1, 2, 1000])
@pytest.mark.parametrize("forgotten", MODES)
def test_forgotten_twice_in_chunks_of_any_size(size: int, forgotten: Forgotten, ground: Ground) -> None:
    world = ground.world(forgotten=forgotten)
    world.tell(Customer(customer_id="1", customer_type="Red"))
    world.tell(TOLD)
    settle(ground, world)
    for segment in ("New", "Old"):
        world.tell(Customer(customer_id="1", segment=segment))
    world.withdraw("customers", "1")
    world.withdraw("customers", "1")
    for segment in ("Old", "New", None):
        world.tell(Customer(customer_id="1", segment=segment, customer_type="Blue"))
    world.withdraw("customers", "1")
    world.tell(Customer(customer_id="1", segment="Last"))
    for _ in range(9):
        ground.runner.run(world.commit("first", "customers", {partition: [size] for partition in range(PARTITIONS)}))
        ground.runner.run(world.check())


def test_channel_told_after_interactions_have_named_it_and_taken_back(ground: Ground, world: World) -> None:
    world.tell(TOLD)
    ground.runner.run(world.commit("first", "interactions", ALL))
    world.tell(Channel(channel="Email"))
    settle(ground, world)
    world.withdraw("channels", "Email")
    world.withdraw("channels", "Email")
    settle(ground, world)


def test_fact_told_again_after_its_customer_was_forgotten(ground: Ground, world: World) -> None:
    for event in (Customer(customer_id="1", customer_type="Red", segment="New"), TOLD, BOUGHT):
        world.tell(event)
    settle(ground, world)
    world.withdraw("customers", "1")
    settle(ground, world)
    world.tell(TOLD)
    world.tell(BOUGHT)
    settle(ground, world)


def test_product_retired_and_told_again_within_one_chunk(ground: Ground, world: World) -> None:
    product = Product(product_id="p", category="Garden")
    world.tell(BOUGHT)
    world.tell(product)
    settle(ground, world)
    world.withdraw("products", "p")
    world.tell(replace(product, category="Kitchen"))
    settle(ground, world)
    world.withdraw("products", "p")
    settle(ground, world)


def test_tombstone_of_a_product_in_another_spelling(ground: Ground, world: World) -> None:
    world.tell(Product(product_id="7", category="Garden"))
    world.publish("products", b"7.0", None)
    settle(ground, world)
