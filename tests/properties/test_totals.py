"""Whatever is told, in whatever order and chunks, and whoever fails meanwhile: the totals are those of the facts.

A machine tells, repeats, corrects and withdraws, lets workers commit and crash, takes partitions away from them, and
after each unit of work holds all that is stored against plain SQL and against a count in plain Python (`world.Truth`).
2,000 examples: HYPOTHESIS_PROFILE=nightly python -m pytest tests/properties/test_totals.py
"""

from collections.abc import Awaitable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
import stamina
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from msgspec import UNSET
from msgspec.structs import replace

from events.contracts import Customer, Interaction, ProductDiscussion, RejectedRow
from stream_processors.positions import PositionMoved
from tests.properties.world import PARTITIONS, STREAMS, Ground, World

NIGHTLY = settings.get_current_profile_name() == "nightly"
FEW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much]

# Few of each, so that the same fact, customer, total and month come up again and again.
CUSTOMERS = st.sampled_from(["1", "2", "3", "4", "Ümit"])
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
TYPES = st.sampled_from([UNSET, None, "Red", "Blue", "unknown"])
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
REJECTED_ROWS = st.builds(
    lambda number: RejectedRow(
        reject_id=str(number), stream="customers", source=f"{number}.csv", place="row 1", reason="?", row={"a\0": None}
    ),
    st.integers(1, 3),
)
BAD = st.sampled_from(
    [
        (b"1", b"{", ()),
        (None, b"{}", ()),
        (b"1", b"", ()),
        (b"\xff", None, ()),
        (b"", None, ()),
        (b"1.0", None, (("event_id", b"a"),)),
        (b"1", b'{"event_id":"a","customer_id":"","month":"2020-13"}', ()),
        (b"nobody", b'{"month":"2020-02","product":" Sand"}', (("content-type", None),)),
        (b"\0", b"\0\xff", (("\0", b"\0"), ("ce_type", b"c360.interactions.v9"))),
    ]
)
NUMBERS = st.integers(0, PARTITIONS - 1)
ALL = {partition: [1000] for partition in range(PARTITIONS)}
TOPICS = st.sampled_from(STREAMS)


def happening(method: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Something that happens at the broker: a method of World and its arguments."""
    return st.tuples(st.just(method), *arguments)


INTERACTION = happening("tell", INTERACTIONS, FORMS)
COMMON = (
    happening("tell", PROFILES, FORMS),
    happening("tell", REJECTED_ROWS, FORMS),
    happening("withdraw", st.just("customers"), CUSTOMERS),
    happening("misplace", INTERACTIONS, st.integers(1, PARTITIONS - 1)),
    happening("tell_nonsense", TOPICS, NUMBERS, BAD),
    happening("lose_offset", TOPICS, NUMBERS),
)
HAPPENINGS = st.one_of(
    INTERACTION,
    INTERACTION,
    INTERACTION,
    happening("tell", st.builds(ProductDiscussion, month=MONTHS, product=PRODUCTS), FORMS, NUMBERS),
    happening("repeat", TOPICS, st.integers(0, 100)),
    happening("withdraw", st.just("interactions"), CUSTOMERS, EVENT_IDS),
    happening("withdraw", st.just("product_discussions"), MONTHS, st.none() | PRODUCTS),
    *COMMON,
)

# Facts, and months, that only one partition ever speaks of.
AT_HOME = happening(
    "tell", st.builds(lambda one: replace(one, event_id=f"{one.customer_id}/{one.event_id}"), INTERACTIONS), FORMS
)
DISCUSSION_AT_HOME = happening("tell", st.builds(ProductDiscussion, month=MONTHS, product=PRODUCTS), FORMS)
Unit = tuple[str, dict[int, list[int]], int | None, bool]
SIZES = st.dictionaries(NUMBERS, st.lists(st.integers(1, 6), min_size=1, max_size=3), min_size=1)
#: Topic, sizes of the chunks by partition number, statement before which the connection breaks, lost answer.
UNITS = st.tuples(TOPICS, SIZES, st.none() | st.integers(0, 20), st.booleans())
CHUNK_SIZES = st.sampled_from([1, 2, 10])
at_once = settings(max_examples=500 if NIGHTLY else 50, deadline=None, suppress_health_check=FEW)


class Machine(RuleBasedStateMachine):
    """What may happen."""

    def __init__(self, ground: Ground) -> None:
        super().__init__()
        self.ground = ground
        self.world: World
        self.owner = "first"
        self.sound = False

    def run(self, doing: Awaitable[Any]) -> Any:
        async def done() -> Any:
            return await doing

        self.sound = False
        result = self.ground.runner.run(done())
        self.sound = True
        return result

    @initialize(cached_rows=st.sampled_from([1, 3, 1000]))
    def begin(self, cached_rows: int) -> None:
        self.world = self.ground.world(cached_rows=cached_rows)
        self.sound = True

    @rule(happenings=st.lists(HAPPENINGS, min_size=1, max_size=8))
    def tell(self, happenings: list[tuple[Any, ...]]) -> None:
        for method, *arguments in happenings:
            getattr(self.world, method)(*arguments)

    @rule(units=st.lists(UNITS, min_size=1, max_size=4))
    def commit(self, units: list[Unit]) -> None:
        for unit in units:
            self.commit_one(*unit)

    def commit_one(self, topic: str, sizes: dict[int, list[int]], cut_after: int | None, lose_answer: bool) -> None:
        for one in (topic, *STREAMS):  # of the first that has something to commit
            for some in (sizes, ALL):
                if self.world.fetch(self.world.workers[self.owner], one, some):
                    self.run(self.world.commit(self.owner, one, some, cut_after=cut_after, lose_answer=lose_answer))
                    self.run(self.world.check())
                    return

    @rule(what=st.sampled_from(["restart", "reassign"]))
    def upheaval(self, what: str) -> None:
        """The worker is started anew, or its partitions go to the other one and it hears nothing of it."""
        if what == "restart":
            self.world.restart(self.owner)
        else:
            self.owner = self.other()
        self.run(self.world.assign(self.owner, range(PARTITIONS)))

    @precondition(lambda self: len(self.world.workers) > 1)
    @rule(topic=TOPICS)
    def stale_worker_commits(self, topic: str) -> None:
        """Whoever lost the partitions is refused, and changes nothing."""
        if not self.world.fetch(self.world.workers[self.other()], topic, ALL):
            return
        before = self.run(self.world.state())
        with pytest.raises(PositionMoved):
            self.run(self.world.commit(self.other(), topic, ALL))
        self.sound = True
        assert self.run(self.world.state()) == before

    def other(self) -> str:
        return "second" if self.owner == "first" else "first"

    def teardown(self) -> None:
        if self.sound:  # else something else is being reported
            self.run(self.world.catch_up())
            self.run(self.world.check())


@pytest.mark.timeout(3600 if NIGHTLY else 300)
def test_totals_are_those_of_the_facts_whatever_happens(ground: Ground) -> None:
    run_state_machine_as_test(
        lambda: Machine(ground),
        settings=settings(
            max_examples=2000 if NIGHTLY else 100, stateful_step_count=20, deadline=None, suppress_health_check=FEW
        ),
    )


@pytest.mark.parametrize("topic", STREAMS)
def test_a_connection_cut_anywhere_leaves_no_trace(topic: str, ground: Ground) -> None:
    """A unit of each stream, that moves rows in memory, is cut before each of its statements in turn."""
    for cut_after in range(20):
        ground.runner.run(cut(ground.world(), topic, cut_after))


async def cut(world: World, topic: str, cut_after: int) -> None:
    profile = Customer(customer_id="1", customer_type="Red")
    told = Interaction(event_id="a", customer_id="1", channel="Email", occurred_at=datetime(2020, 2, 1, tzinfo=UTC))
    row = RejectedRow(reject_id="1", stream="customers", source="a.csv", place="row 1", reason="?", row={})

    async def commit(topic: str, cut_after: int | None = None) -> None:
        await world.commit("first", topic, ALL, cut_after=cut_after)
        await world.check()

    world.tell(ProductDiscussion(month="2020-02", product="Sand"))
    world.tell(profile)
    world.tell(told)
    for stream in STREAMS:
        await commit(stream)
    for event in (profile, told):  # once more, so that rows are in memory whatever was cleared by the discussion
        world.tell(event)
        await commit(event.topic.name)
    world.tell(ProductDiscussion(month="2020-02", product="Orange"))
    world.tell(replace(profile, customer_type="Blue"))
    world.tell(replace(told, count=2, channel="Call"))
    world.tell(replace(told, event_id="b", count=3))
    world.tell(row)
    world.publish(topic, b"1", b"{")
    await commit(topic, cut_after)
    for stream in STREAMS:
        await commit(stream)


@pytest.mark.timeout(3600 if NIGHTLY else 300)
@at_once
@given(
    happenings=st.lists(st.one_of(AT_HOME, AT_HOME, DISCUSSION_AT_HOME, *COMMON), min_size=20, max_size=60),
    size=CHUNK_SIZES,
)
def test_units_at_once_come_to_what_they_come_to_in_turn(ground: Ground, happenings: list[Any], size: int) -> None:
    world = ground.world(cached_rows=3, most_events=size)
    with stamina.set_testing(True, attempts=1000):
        for part in (happenings[::2], happenings[1::2]):
            for method, *arguments in part:
                getattr(world, method)(*arguments)
            ground.runner.run(world.commit_at_once("first", size, ground.connections))
            ground.runner.run(world.check())


@pytest.mark.timeout(3600 if NIGHTLY else 300)
@at_once
@given(happenings=st.lists(HAPPENINGS, min_size=20, max_size=60), size=CHUNK_SIZES)
def test_facts_that_several_partitions_tell_at_once(ground: Ground, happenings: list[Any], size: int) -> None:
    world = ground.world(cached_rows=3, most_events=size)
    with stamina.set_testing(True, attempts=1000):
        for part in (happenings[::2], happenings[1::2]):
            for method, *arguments in part:
                getattr(world, method)(*arguments)
            ground.runner.run(world.commit_at_once("first", size, ground.connections))
            ground.runner.run(world.check_stored())
