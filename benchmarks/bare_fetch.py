"""The least that reading takes: aiokafka fetches, msgspec decodes. `python -m benchmarks.bare_fetch SERVERS EVENTS`.

Prints how many seconds that took. In a process of its own, because the transport of ours changes aiokafka.
"""

import asyncio
import sys
import time

import aiokafka
import msgspec

from benchmarks.hand_written_loop import Interaction
from events import topics

_TOPIC = topics.INTERACTIONS.name
#: As benchmarks.stand has it, which imports more than this process may.
_PARTITIONS = 4


async def fetch(bootstrap_servers: str, events: int) -> float:
    """Seconds that so many interactions take."""
    consumer = aiokafka.AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 * 1024 * 1024,
        fetch_max_wait_ms=20,
    )
    consumer.assign([aiokafka.TopicPartition(_TOPIC, number) for number in range(_PARTITIONS)])
    decode = msgspec.json.Decoder(Interaction).decode
    await consumer.start()
    try:
        began, seen = time.perf_counter(), 0
        while seen < events:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                seen += len([decode(record.value) for record in records])
        return time.perf_counter() - began
    finally:
        await consumer.stop()


if __name__ == "__main__":
    print(asyncio.run(fetch(sys.argv[1], int(sys.argv[2]))))
