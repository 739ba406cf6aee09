"""What is handed on of one fetch: all records in their order, and where it begins and ends."""

from aiokafka import TopicPartition
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from stream_processors.chunks import Batch, FetchedBatch, FetchedRecords

_TP = TopicPartition("interactions", 0)


async def fetched(offsets: list[int], *, begin: int) -> FetchedBatch:
    """What aiokafka makes of an answer with one batch of records, when it was asked for those from `begin` on."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1_000_000,
    )
    for offset in offsets:
        builder.append(offset, timestamp=0, key=None, value=b"%d" % offset, headers=[])
    subscription = SubscriptionState()
    subscription.assign_from_user({_TP})
    assignment = subscription.subscription.assignment
    assignment.state_value(_TP).seek(begin)
    records = FetchedRecords(_TP, MemoryRecords(bytes(builder.build())), [], begin, None, None, True, 1)
    return FetchedBatch(_TP, assignment=assignment, partition_records=records, backoff=0)


def position(batch: FetchedBatch) -> int:
    return int(batch._assignment.state_value(_TP).position)


async def test_all_records_are_handed_on_and_the_position_is_after_them() -> None:
    batch = await fetched([0, 1, 2], begin=0)
    taken = batch.getall()
    assert isinstance(taken, Batch)
    assert (taken.begin, [record.offset for record in taken.records], taken.end) == (0, [0, 1, 2], 3)
    assert position(batch) == 3
    assert not batch.has_more()


async def test_records_before_the_offset_that_was_asked_for_are_left_out() -> None:
    taken = (await fetched([0, 1, 2], begin=2)).getall()
    assert taken
    assert (taken.begin, [record.value for record in taken.records], taken.end) == (2, [b"2"], 3)


async def test_a_fetch_for_a_position_that_was_left_is_not_handed_on() -> None:
    batch = await fetched([0, 1, 2], begin=0)
    batch._assignment.state_value(_TP).seek(7)
    assert batch.getall() is None
    assert position(batch) == 7
