"""The ends of partitions, as a worker that looks after itself asks for them at any moment, also amid a rebalance."""

from types import SimpleNamespace

from aiokafka import TopicPartition
from aiokafka.consumer.subscription_state import SubscriptionState
from faust.types import TP

from stream_processors.chunks import ChunkConsumerThread


async def test_a_partition_that_was_just_revoked_has_no_end() -> None:
    subscription = SubscriptionState()
    subscription.assign_from_user({TopicPartition("interactions", 0)})
    subscription.subscription.assignment.state_value(TopicPartition("interactions", 0)).highwater = 7
    thread = ChunkConsumerThread.__new__(ChunkConsumerThread)
    thread._consumer = SimpleNamespace(_subscription=subscription)
    assert thread.end_offset(TP("interactions", 0)) == 7
    assert thread.end_offset(TP("interactions", 1)) is None
