"""Whatever is told, in whatever order and chunks, and whoever fails meanwhile: the totals are those of the facts.

A machine tells, repeats, corrects, withdraws and forgets on all streams, lets workers commit and crash, gives
partitions to one worker or the other, and after each unit of work holds all that is stored against plain SQL and
against a count in plain Python (`world.Truth`). Nightly, 2,000 examples:
HYPOTHESIS_PROFILE=nightly python -m pytest tests/properties/test_totals.py
Last passed: 2026-11-21, commit 6b29fca, 2,000 examples (and 500 of each test below with `at_once`) in 55 minutes on a
busy machine; what it found the run before is in test_found.py: a member who left in a unit whose answer was lost.
"""

from collections.abc import Awaitable, Iterator
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
import stamina
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from msgspec import UNSET
from msgspec.structs import replace

from events.contracts import (
    Channel,
    Customer,
    Event,
    Interaction,
    Product,
    ProductDiscussion,
    RejectedRow,
    Transaction,
)
from stream_processors.positions import PositionMoved
from stream_processors.tables import CheckedOut
from tests.properties.world import PARTITIONS, STREAMS, Forgotten, Ground, World

NIGHTLY = settings.get_current_profile_name() == "nightly"
EXAMPLES = 2000 if NIGHTLY else 60
FEW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much]

# Few of each, so that the same fact, customer, total and month come up again and again.
CUSTOMERS = st.sampled_from(["1", "2", "3", "Ümit"])
EVENT_IDS = st.sampled_from(
    [
        "a",
        "row 7",
        "b" * 36,
        "00000000-0000-8000-8000-00000000000a",
        "00000000-0000-8000-8000-00000000000A",
        "ffffffff-ffff-4fff-bfff-ffffffffffff",
    ]
)
CHANNELS = st.sampled_from(["Email", "Call", "Bird"])
PRODUCTS = st.sampled_from(["Sand", "Orange"])
MONTHS = st.sampled_from(["1969-12", "2020-02", "2020-03", "2020-12", "2021-01"])
MOMENTS = st.sampled_from(
    [
        datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC),
        datetime(2020, 2, 1, tzinfo=UTC),
        datetime(2020, 2, 29, 23, 59, 59, tzinfo=UTC),
        datetime(2020, 3, 1, tzinfo=UTC),
        # In UTC it is the other year.
        datetime(2020, 12, 31, 23, 30, tzinfo=timezone(timedelta(hours=-1))),
        datetime(2021, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1))),
    ]
)
REVENUES = st.sampled_from([None, None, Decimal("0.1"), Decimal("-0.10"), Decimal("999999999999.999999"), Decimal(0)])
TYPES = st.sampled_from([UNSET, None, "Red", "Blue", "Blue", "unknown"])
FORMS = st.sampled_from(["binary", "binary", "plain", "structured"])

INTERACTIONS = st.builds(
    Interaction,
    event_id=EVENT_IDS,
    customer_id=CUSTOMERS,
    channel=CHANNELS,
    occurred_at=MOMENTS,
    product=st.none() | PRODUCTS,
    count=st.sampled_from([1, 2, 1_000_000_000]),
    revenue=REVENUES,
)
CATEGORIES = st.sampled_from(["Garden", "Kitchen", "unknown"])
PRODUCT_IDS = st.sampled_from(["p", "7"])
TRANSACTIONS = st.builds(
    lambda what, **others: Transaction(product_id=what[0], category=what[1], **others),
    st.tuples(PRODUCT_IDS, st.none()) | st.tuples(st.none() | PRODUCT_IDS, CATEGORIES),
    transaction_id=EVENT_IDS,
    customer_id=CUSTOMERS,
    occurred_at=MOMENTS,
    quantity=st.sampled_from([1, 2, 1_000_000_000]),
    amount=st.sampled_from([Decimal(text) for text in ("0.1", "-0.10", "999999999999.999999", "0", "12.5", "12.50")]),
    currency=st.sampled_from(["EUR", "USD"]),
)
PRODUCTS_TOLD = st.builds(
    Product,
    product_id=PRODUCT_IDS,
    name=st.sampled_from([None, "Pot"]),
    category=st.none() | CATEGORIES,
    price=REVENUES,
)
CHANNELS_TOLD = st.builds(
    Channel, channel=CHANNELS, channel_type=st.sampled_from([None, "direct"]), unit_price=REVENUES
)
PROFILES = st.builds(
    Customer,
    customer_id=CUSTOMERS,
    customer_type=TYPES,
    segment=TYPES,
    email=st.sampled_from([UNSET, None, 'a"\\\n\u2028b@example.org']),
    account_balance=st.sampled_from([UNSET, None, Decimal("1.50"), Decimal("1.5")]),
    date_of_birth=st.sampled_from([UNSET, None, date(2000, 2, 29), date(1, 1, 1)]),
    created_at=st.one_of(st.just(UNSET), st.none(), MOMENTS),
)


def rejected_rows(row: st.SearchStrategy[dict[str, str | None]]) -> st.SearchStrategy[RejectedRow]:
    return st.builds(
        lambda number, row: RejectedRow(
            reject_id=str(number), stream="customers", source=f"{number}.csv", place="row 1", reason="?", row=row
        ),
        st.integers(1, 3),
        row,
    )


#: Nobody is forgotten with these rows.
REJECTED_ROWS = rejected_rows(st.just({"a\0": None, "b": '"\\\0\ud7ff'}))
ROWS_OF_CUSTOMERS = rejected_rows(
    st.builds(
        lambda name, cell: {name: cell}, st.sampled_from(["id", "1"]), CUSTOMERS | st.sampled_from(["1.0", " 1 "])
    )
)
BAD = st.sampled_from(
    [
        (b"1", b"{", ()),
        (None, b"{}", ()),
        (b"1", b"", ()),
        (b"\xff", None, ()),
        (b"", None, ()),
        (b" 1.0", None, (("event_id", b"a"),)),
        (b"1", b'{"event_id":"a","customer_id":"","month":"2020-13"}', ()),
        (b"nobody", b'{"month":"2020-02","product":" Sand"}', (("content-type", None),)),
        (b"\0", b"\0\xff", (("\0", b"\0"), ("ce_type", b"c360.interactions.v9"))),
        (b"\0", None, ()),
        (b" 1", b'{"customer_id": 2}', ()),
        ("Ümit".encode(), b'{"customer_id":" 1.0 "}', ()),
        (b"2", '"customer_id" : "Ümit"'.encode(), ()),
    ]
)
NUMBERS = st.integers(0, PARTITIONS - 1)
ALL = {partition: [1000] for partition in range(PARTITIONS)}
TOPICS = st.sampled_from(STREAMS)


def happening(method: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Something that happens at the broker: a method of World and its arguments."""
    return st.tuples(st.just(method), *arguments)


INTERACTION = happening("tell", INTERACTIONS, FORMS)
TRANSACTION = happening("tell", TRANSACTIONS, FORMS)
PROFILE = happening("tell", PROFILES, FORMS)
COMMON = (
    PROFILE,
    PROFILE,
    PROFILE,
    happening("tell", PRODUCTS_TOLD, FORMS),
    happening("tell", PRODUCTS_TOLD, FORMS),
    happening("tell", CHANNELS_TOLD, FORMS),
    happening("tell", REJECTED_ROWS, FORMS),
    happening("withdraw", st.just("customers"), CUSTOMERS),
    happening("withdraw", st.just("customers"), CUSTOMERS),
    happening("withdraw", st.just("channels"), CHANNELS),
    happening("withdraw", st.just("products"), PRODUCT_IDS),
    happening("misplace", INTERACTIONS | TRANSACTIONS | PROFILES, st.integers(1, PARTITIONS - 1)),
    happening("tell_nonsense", TOPICS, NUMBERS, BAD),
    happening("lose_offset", TOPICS, NUMBERS),
    happening("pass_time", st.sampled_from([1, 1, 86_400_000, -1, -3_600_000])),
)
FACTS = ("interactions", "transactions")
PICKS = st.integers(0, 100)
FIELDS = st.sampled_from(
    [
        "customer_id", "channel", "occurred_at", "product", "count", "revenue", "product_id", "quantity", "amount",
        "currency",
    ]
)  # fmt: skip
CORRECTION = happening("correct", PICKS, INTERACTIONS | TRANSACTIONS, st.lists(FIELDS, min_size=1, max_size=4))
HAPPENINGS = st.one_of(
    INTERACTION,
    INTERACTION,
    INTERACTION,
    TRANSACTION,
    TRANSACTION,
    TRANSACTION,
    happening("tell", st.builds(ProductDiscussion, month=MONTHS, product=PRODUCTS), FORMS, NUMBERS),
    happening("tell", ROWS_OF_CUSTOMERS, FORMS),
    happening("repeat", TOPICS, st.integers(0, 100)),
    CORRECTION,
    CORRECTION,
    happening("withdraw_told", PICKS),
    happening("withdraw_told", PICKS),
    happening("withdraw", st.sampled_from(FACTS), CUSTOMERS, EVENT_IDS),
    happening("withdraw", st.just("product_discussions"), MONTHS, st.none() | PRODUCTS),
    *COMMON,
)


# Facts, and months, that only one partition ever speaks of.
def at_home(event: Event) -> Event:
    name = "event_id" if isinstance(event, Interaction) else "transaction_id"
    return replace(event, **{name: f"{event.key}/{event.identity}"})


AT_HOME = happening("tell", st.builds(at_home, INTERACTIONS | TRANSACTIONS), FORMS)
DISCUSSION_AT_HOME = happening("tell", st.builds(ProductDiscussion, month=MONTHS, product=PRODUCTS), FORMS)
Unit = tuple[str, dict[int, list[int]], int | None, bool]
SIZES = st.dictionaries(NUMBERS, st.lists(st.integers(1, 6), min_size=1, max_size=3), min_size=1)
#: Topic, sizes of the chunks by partition number, statement before which the connection breaks, lost answer.
UNITS = st.tuples(TOPICS, SIZES, st.none() | st.integers(0, 40), st.booleans())
MODES: st.SearchStrategy[Forgotten] = st.sampled_from(["anonymous", "removed"])
CHUNK_SIZES = st.sampled_from([1, 2, 10])
at_once = settings(max_examples=500 if NIGHTLY else 30, deadline=None, suppress_health_check=FEW)


def population() -> Iterator[Event]:
    """Customers, each with facts under identities of their own, so that whatever happens next happens to something."""
    first, second = datetime(2020, 2, 1, tzinfo=UTC), datetime(2020, 3, 1, tzinfo=UTC)
    yield ProductDiscussion(month="2020-02", product="Sand")
    yield Product(product_id="p", category="Garden")
    contact = Interaction(event_id="", customer_id="", channel="Email", occurred_at=first, revenue=Decimal("0.1"))
    bought = Transaction(
        transaction_id="", customer_id="", occurred_at=first, product_id="p", amount=Decimal("12.5"), currency="EUR"
    )
    for customer in ("1", "2", "Ümit"):
        yield Customer(customer_id=customer, customer_type="Red", segment="Blue")
        for place, changes in enumerate(
            ({}, {"product": "Orange", "channel": "Call"}, {"occurred_at": second, "count": 2})
        ):
            yield replace(contact, event_id=f"{customer}/{place}", customer_id=customer, **changes)
        for place, changes in enumerate(({}, {"category": "Kitchen"}, {"occurred_at": second}, {"product_id": "7"})):
            yield replace(bought, transaction_id=f"{customer}/{place}", customer_id=customer, **changes)


class Machine(RuleBasedStateMachine):
    """What may happen."""

    def __init__(self, ground: Ground) -> None:
        super().__init__()
        self.ground = ground
        self.world: World
        #: Who was given each partition number.
        self.owners = dict.fromkeys(range(PARTITIONS), "first")
        self.sound = False

    def run(self, doing: Awaitable[Any]) -> Any:
        async def done() -> Any:
            return await doing

        self.sound = False
        result = self.ground.runner.run(done())
        self.sound = True
        return result

    @initialize(
        cached_rows=st.sampled_from([1, 3, 1000]), forgotten=MODES, populated=st.sampled_from([True, True, False])
    )
    def begin(self, cached_rows: int, forgotten: Forgotten, populated: bool) -> None:
        self.world = self.ground.world(cached_rows=cached_rows, forgotten=forgotten)
        if populated:
            for event in population():
                self.world.tell(event)
            self.settle()
        self.sound = True

    @rule(happenings=st.lists(HAPPENINGS, min_size=5, max_size=30))
    def tell(self, happenings: list[tuple[Any, ...]]) -> None:
        for method, *arguments in happenings:
            getattr(self.world, method)(*arguments)

    @rule(units=st.lists(UNITS, min_size=1, max_size=4))
    def commit(self, units: list[Unit]) -> None:
        for unit in units:
            self.commit_one(*unit)
        self.run(self.world.check())

    def commit_one(self, topic: str, sizes: dict[int, list[int]], cut_after: int | None, lose_answer: bool) -> None:
        for one in (topic, *STREAMS):  # of the first that has something to commit
            for some in (sizes, ALL):
                for name, worker in self.world.workers.items():
                    mine = {number: lengths for number, lengths in some.items() if self.owners[number] == name}
                    if self.world.fetch(worker, one, mine):
                        self.run(self.world.commit(name, one, mine, cut_after=cut_after, lose_answer=lose_answer))
                        return

    @rule()
    def settle(self) -> None:
        """Everything told so far is committed, a topic at a time, by whoever owns it."""
        for topic in STREAMS:
            for name in self.world.workers:
                if mine := self.partitions_of(name):
                    self.run(self.world.commit(name, topic, {number: [1000] for number in mine}))
        self.run(self.world.check())

    @rule(owners=st.just([]) | st.lists(st.sampled_from(["first", "second"]), min_size=PARTITIONS, max_size=PARTITIONS))
    def upheaval(self, owners: list[str]) -> None:
        """Partitions are given to either worker, one that is left with none hears nothing of it; or all start anew."""
        if not owners:
            self.world.workers.clear()
        self.owners = dict(enumerate(owners)) or self.owners
        for name in sorted(set(self.owners.values())):
            self.run(self.world.assign(name, self.partitions_of(name)))

    @rule(name=st.sampled_from(["first", "second"]), topic=TOPICS)
    def stale_worker_commits(self, name: str, topic: str) -> None:
        """Whoever lost the partitions is refused, and changes nothing."""
        stale = self.world.workers.get(name)
        if stale is None or self.partitions_of(name) or not self.world.fetch(stale, topic, ALL):
            return
        before = self.run(self.world.state())
        with pytest.raises(PositionMoved):
            self.run(self.world.commit(name, topic, ALL))
        self.sound = True
        assert self.run(self.world.state()) == before

    def partitions_of(self, name: str) -> list[int]:
        return [number for number, owner in self.owners.items() if owner == name]

    def teardown(self) -> None:
        if self.sound:  # else something else is being reported
            self.run(self.world.catch_up())
            self.run(self.world.check())


@pytest.mark.timeout(10800 if NIGHTLY else 300)
def test_totals_are_those_of_the_facts_whatever_happens(ground: Ground) -> None:
    run_state_machine_as_test(
        lambda: Machine(ground),
        settings=settings(max_examples=EXAMPLES, stateful_step_count=20, deadline=None, suppress_health_check=FEW),
    )


@pytest.mark.parametrize(
    ("topic", "forgotten"), [*((topic, "anonymous") for topic in STREAMS), ("customers", "removed")]
)
def test_a_connection_cut_anywhere_leaves_no_trace(topic: str, forgotten: Forgotten, ground: Ground) -> None:
    """A unit of each stream, that moves rows in memory, is cut before each of its statements in turn."""
    world = ground.world(forgotten=forgotten)
    ground.runner.run(cut(world, topic))


async def cut(world: World, topic: str) -> None:
    profile = Customer(customer_id="1", customer_type="Red", segment="New")
    leaving = replace(profile, customer_id="4")
    told = Interaction(event_id="a", customer_id="1", channel="Email", occurred_at=datetime(2020, 2, 1, tzinfo=UTC))
    bought = Transaction(
        transaction_id="a",
        customer_id="1",
        occurred_at=told.occurred_at,
        product_id="p",
        amount=Decimal(1),
        currency="EUR",
    )
    product = Product(product_id="p", category="Garden")
    row = RejectedRow(reject_id="1", stream="customers", source="a.csv", place="row 1", reason="?", row={"id": "4"})
    of_leaving = [replace(told, event_id="d", customer_id="4"), replace(bought, transaction_id="d", customer_id="4")]
    for event in (
        ProductDiscussion(month="2020-02", product="Sand"),
        product,
        profile,
        leaving,
        told,
        bought,
        *of_leaving,
    ):
        world.tell(event)
    for stream in STREAMS:
        await world.commit("first", stream, ALL)
    for event in (profile, leaving, told, bought, *of_leaving):  # again: rows are in memory whatever cleared them
        world.tell(event)
        await world.commit("first", event.topic.name, ALL)
    world.tell(ProductDiscussion(month="2020-02", product="Orange"))
    world.tell(replace(product, category="Kitchen"))
    world.tell(Channel(channel="Email", name="E-mail"))
    world.tell(replace(profile, customer_type="Blue", segment="Old"))
    world.withdraw("customers", "4")
    for event in (replace(told, count=2, channel="Call"), replace(told, event_id="b", count=3)):
        world.tell(event)
    for event in (replace(bought, amount=Decimal(2), currency="USD"), replace(bought, transaction_id="b")):
        world.tell(event)
    world.tell(row)
    world.publish(topic, b"1", b"{")
    await world.check()
    tables = world.workers["first"].engine._tables.values()
    in_memory = [deepcopy(dict(table.data)) for table in tables]
    for statements in count():
        for table, rows in zip(tables, in_memory, strict=True):
            table.forget()
            table.give_back(CheckedOut(deepcopy(rows)))
        if not await world.commit("first", topic, ALL, cut_after=statements, give_up=True):
            break
    assert statements > 4
    await world.check()
    for stream in STREAMS:
        await world.commit("first", stream, ALL)
    await world.check()


@pytest.mark.timeout(10800 if NIGHTLY else 300)
@at_once
@given(
    happenings=st.lists(st.one_of(AT_HOME, AT_HOME, DISCUSSION_AT_HOME, *COMMON), min_size=20, max_size=60),
    size=CHUNK_SIZES,
    forgotten=MODES,
)
def test_units_at_once_come_to_what_they_come_to_in_turn(
    ground: Ground, happenings: list[Any], size: int, forgotten: Forgotten
) -> None:
    world = ground.world(cached_rows=3, most_events=size, forgotten=forgotten)
    with stamina.set_testing(True, attempts=1000):
        for part in (happenings[::2], happenings[1::2]):
            for method, *arguments in part:
                getattr(world, method)(*arguments)
            ground.runner.run(world.commit_at_once("first", size, ground.connections))
            ground.runner.run(world.check(in_turn=False))


@pytest.mark.timeout(10800 if NIGHTLY else 300)
@at_once
@given(happenings=st.lists(HAPPENINGS, min_size=20, max_size=60), size=CHUNK_SIZES, forgotten=MODES)
def test_facts_that_several_partitions_tell_at_once(
    ground: Ground, happenings: list[Any], size: int, forgotten: Forgotten
) -> None:
    world = ground.world(cached_rows=3, most_events=size, forgotten=forgotten)
    with stamina.set_testing(True, attempts=1000):
        for part in (happenings[::2], happenings[1::2]):
            for method, *arguments in part:
                getattr(world, method)(*arguments)
            ground.runner.run(world.commit_at_once("first", size, ground.connections))
            ground.runner.run(world.check_stored())
