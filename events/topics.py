"""The topics: names, keys, partition counts and broker configuration, as code.

Every customer-keyed topic has the same number of partitions and the same partitioner (murmur2, the one of Java's
client and of librdkafka's `murmur2_random`), so that one worker owns all that is known about a customer.
"""

from dataclasses import dataclass, field
from typing import Final

from aiokafka.partitioner import murmur2

#: What librdkafka calls the partitioner of `partition_of`; its own default is another one.
LIBRDKAFKA_PARTITIONER: Final = "murmur2_random"

#: Room for the largest event (contracts.MAX_EVENT_BYTES) with its key and headers; Kafka's own limit is a little lower.
MAX_RECORD_BYTES: Final = 1_100_000

_LARGE: Final = {"max.message.bytes": str(MAX_RECORD_BYTES)}
_KEEP_ALL: Final = {"cleanup.policy": "delete", "retention.ms": "-1", **_LARGE}
#: For topics whose events replace all that was said before under their key.
_KEEP_LATEST: Final = {"cleanup.policy": "compact", **_LARGE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One Kafka topic of ours."""

    #: Topic name, also the name of the stream and of its contract in `events.contracts`.
    name: str
    #: What the record key holds, for people and for the AsyncAPI document.
    key: str
    #: True when the key is a customer_id: same partition count as all others of that kind.
    customer_keyed: bool
    #: Broker configuration at creation (retention, compaction).
    config: dict[str, str] = field(default_factory=lambda: dict(_KEEP_ALL))


CUSTOMERS: Final = Topic(name="customers", key="customer_id", customer_keyed=True)
INTERACTIONS: Final = Topic(name="interactions", key="customer_id", customer_keyed=True)
# Not compacted: several products share the key of a month, and each of them must stay.
PRODUCT_DISCUSSIONS: Final = Topic(name="product_discussions", key="month", customer_keyed=False)
REJECTED_EVENTS: Final = Topic(name="rejected_events", key="the origin's key", customer_keyed=False)

CHANNELS: Final = Topic(name="channels", key="channel", customer_keyed=False, config=_KEEP_LATEST)
PRODUCTS: Final = Topic(name="products", key="product_id", customer_keyed=False, config=_KEEP_LATEST)
TRANSACTIONS: Final = Topic(name="transactions", key="customer_id", customer_keyed=True)

#: Topics of events, in the order in which a fresh installation is best filled.
STREAMS: Final = (PRODUCT_DISCUSSIONS, CHANNELS, PRODUCTS, CUSTOMERS, INTERACTIONS, TRANSACTIONS)
ALL: Final = (*STREAMS, REJECTED_EVENTS)
BY_NAME: Final = {topic.name: topic for topic in ALL}


def partition_of(key: bytes, partitions: int) -> int:
    """The partition that a key belongs to, of `partitions` many.

    Source: org.apache.kafka.clients.producer.internals.BuiltInPartitioner.partitionForKey.
    """
    return int((murmur2(key) & 0x7FFF_FFFF) % partitions)
