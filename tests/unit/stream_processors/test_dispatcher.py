"""Who may commit what at once: no partition number in two hands, no chunk before its predecessor, none forgotten."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from stream_processors.chunks import Chunk
from stream_processors.dispatcher import Delivery, Dispatcher
from stream_processors.unit_of_work import Decoded


@dataclass(frozen=True, slots=True)
class Nothing:
    """A record of which only the place matters."""

    offset: int
    timestamp: int = 0
    key: None = None
    value: None = None
    headers: tuple[()] = ()


_numbers = count()


def delivery(partition: int = 0, topic: str = "interactions", size: int = 1) -> Delivery:
    start = next(_numbers) * 1000
    chunk = Chunk(topic, partition, start, [Nothing(start + place) for place in range(size)])
    return Delivery(Decoded(chunk, None), lambda: None)


async def filled(*deliveries: Delivery, most_events: int = 100) -> Dispatcher:
    dispatcher = Dispatcher(most_events=most_events)
    for one in deliveries:
        await dispatcher.submit(one)
    return dispatcher


async def nothing_to_take(dispatcher: Dispatcher) -> bool:
    """Whether a worker that asks now has to wait."""
    asking = asyncio.ensure_future(dispatcher.take())
    for _ in range(5):  # it has its turn
        await asyncio.sleep(0)
    waiting = not asking.done()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    return waiting


async def test_small_chunks_that_wait_are_committed_together() -> None:
    deliveries = [delivery(partition) for partition in (0, 1, 0)]
    unit = await (await filled(*deliveries)).take()
    assert unit == [deliveries[0], deliveries[2], deliveries[1]]


async def test_a_unit_is_of_one_topic() -> None:
    customers, interactions = delivery(0, "customers"), delivery(0, "interactions")
    dispatcher = await filled(customers, interactions)
    assert await dispatcher.take() == [customers]
    assert await nothing_to_take(dispatcher)


async def test_a_partition_number_is_in_one_hand_whatever_the_topic() -> None:
    customers, interactions = delivery(0, "customers"), delivery(0, "interactions")
    dispatcher = await filled(customers, interactions)
    unit = await dispatcher.take()
    await dispatcher.done(unit)
    assert await dispatcher.take() == [interactions]


async def test_a_chunk_must_not_overtake_one_of_its_partition_that_is_too_large_to_join() -> None:
    first, large, small = delivery(size=60), delivery(size=60), delivery(size=1)
    dispatcher = await filled(first, large, small)
    unit = await dispatcher.take()
    assert unit == [first]
    await dispatcher.done(unit)
    assert await dispatcher.take() == [large, small]


async def test_a_chunk_above_the_bound_is_committed_alone() -> None:
    large, small = delivery(0, size=1000), delivery(1)
    dispatcher = await filled(large, small)
    unit = await dispatcher.take()
    assert unit == [large]
    await dispatcher.done(unit)
    assert await dispatcher.take() == [small]


async def test_few_events_wait_for_the_unit_in_work_and_are_committed_together() -> None:
    dispatcher = await filled(delivery(0))
    unit = await dispatcher.take()
    few = [delivery(partition) for partition in (1, 2, 1)]
    for one in few:
        await dispatcher.submit(one)
    assert await nothing_to_take(dispatcher)
    await dispatcher.done(unit)
    assert await dispatcher.take() == [few[0], few[2], few[1]]


async def test_enough_events_do_not_wait_for_the_unit_in_work() -> None:
    dispatcher = await filled(delivery(0, size=10_000), most_events=20_000)
    await dispatcher.take()
    enough = [delivery(partition, size=1_000) for partition in (1, 2)]
    for one in enough:
        await dispatcher.submit(one)
    assert await dispatcher.take() == enough


async def test_a_unit_that_has_enough_leaves_other_partitions_to_the_next() -> None:
    many = [delivery(partition, size=1_000) for partition in range(4)]
    dispatcher = await filled(*many, most_events=20_000)
    assert await dispatcher.take() == many[:2]
    assert await dispatcher.take() == many[2:]


async def test_partitions_take_turns_however_soon_they_have_more() -> None:
    dispatcher = await filled(*(delivery(partition, size=2_000) for partition in range(3)), most_events=20_000)
    turns = []
    for _ in range(6):
        unit = await dispatcher.take()
        (partition,) = {one.decoded.chunk.partition for one in unit}
        await dispatcher.done(unit)
        await dispatcher.submit(delivery(partition, size=2_000))
        turns.append(partition)
    assert turns == [0, 1, 2, 0, 1, 2]


async def test_a_busy_partition_does_not_hold_up_the_others() -> None:
    dispatcher = await filled(delivery(0, size=100))
    unit = await dispatcher.take()
    other = delivery(1, size=100)
    await dispatcher.submit(delivery(0))
    await dispatcher.submit(other)
    assert await dispatcher.take() == [other]
    await dispatcher.done(unit)


async def test_a_partition_that_always_has_more_does_not_starve_the_others() -> None:
    greedy = [delivery(0, size=100) for _ in range(3)]
    patient = delivery(1, size=100)
    dispatcher = await filled(*greedy, patient)
    await dispatcher.done(await dispatcher.take())
    assert await dispatcher.take() == [patient]


async def test_whoever_waits_is_woken_by_new_work() -> None:
    dispatcher = Dispatcher(most_events=100)
    asking = [asyncio.ensure_future(dispatcher.take()) for _ in range(2)]
    await asyncio.sleep(0)
    one, other = delivery(0, size=100), delivery(1, size=100)
    await dispatcher.submit(one)
    await dispatcher.submit(other)
    async with asyncio.timeout(5):
        units = await asyncio.gather(*asking)
    assert units == [[one], [other]]


async def test_whoever_waits_is_woken_when_a_partition_is_handed_back() -> None:
    first, second = delivery(), delivery(size=100)
    dispatcher = await filled(first, second)
    unit = await dispatcher.take()
    asking = asyncio.ensure_future(dispatcher.take())
    await asyncio.sleep(0)
    await dispatcher.done(unit)
    async with asyncio.timeout(5):
        assert await asking == [second]


async def test_what_has_not_begun_is_dropped_once_what_has_is_done() -> None:
    begun, waiting, late = delivery(size=100), delivery(), delivery(1, size=100)
    dispatcher = await filled(begun, waiting)
    unit = await dispatcher.take()
    dropping = asyncio.ensure_future(dispatcher.drop_waiting())
    await asyncio.sleep(0)
    assert not dropping.done()
    await dispatcher.submit(late)  # fetched for the old assignment
    await dispatcher.done(unit)
    async with asyncio.timeout(5):
        await dropping
    assert await nothing_to_take(dispatcher)


async def test_a_worker_that_gives_up_waiting_takes_nothing_with_it() -> None:
    dispatcher = Dispatcher(most_events=100)
    asking = asyncio.ensure_future(dispatcher.take())
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    one = delivery()
    await dispatcher.submit(one)
    unit = await dispatcher.take()
    assert unit == [one]


#: Partition number, topic and size of a chunk to submit; None: a unit is handed back.
ACTIONS = st.lists(
    st.none() | st.tuples(st.integers(0, 3), st.sampled_from(["customers", "interactions"]), st.integers(1, 60)),
    max_size=40,
)


@given(actions=ACTIONS, workers=st.integers(1, 3))
async def test_every_chunk_is_committed_once_and_in_order(actions: Iterable[object], workers: int) -> None:
    dispatcher = Dispatcher(most_events=100)
    in_hand: list[list[Delivery]] = []
    submitted: list[Delivery] = []
    committed: list[Delivery] = []

    async def take_what_is_there() -> None:
        while len(in_hand) < workers and (unit := dispatcher._next_unit()):
            chunks = [one.decoded.chunk for one in unit]
            assert len({chunk.topic for chunk in chunks}) == 1
            assert sum(chunk.size for chunk in chunks) <= 100 or len(chunks) == 1
            busy = {one.decoded.chunk.partition for other in in_hand for one in other}
            assert busy.isdisjoint(chunk.partition for chunk in chunks)
            in_hand.append(unit)

    async def hand_back() -> None:
        committed.extend(in_hand[0])
        await dispatcher.done(in_hand.pop(0))

    for action in actions:
        if isinstance(action, tuple):
            submitted.append(delivery(*action))
            await dispatcher.submit(submitted[-1])
        elif in_hand:
            await hand_back()
        await take_what_is_there()
    while in_hand:
        await hand_back()
        await take_what_is_there()
    for partition in range(4):
        expected = [one for one in submitted if one.decoded.chunk.partition == partition]
        assert [one for one in committed if one.decoded.chunk.partition == partition] == expected
