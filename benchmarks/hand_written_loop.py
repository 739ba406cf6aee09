"""The reference: what one good engineer writes by hand for one job, without a framework.

aiokafka fetches, msgspec decodes, facts are stored once by identity (ask which are known, binary COPY of the rest),
totals per customer and channel are added up per chunk and upserted, the offsets are kept in the same transaction. It
knows one topic and one total; it has no corrections, no rejects, no rebalancing, no retries.
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import aiokafka
import msgspec
import psycopg

CHUNK = 20_000

OFFSETS = "CREATE TABLE IF NOT EXISTS loop_offsets (partition integer PRIMARY KEY, next_offset bigint NOT NULL)"
COPY = "COPY benchmark_facts (event_id, customer_id, channel, occurred_at, count) FROM STDIN (FORMAT binary)"
TOTALS = """
    INSERT INTO benchmark_totals AS t SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[])
    ON CONFLICT (customer_id, channel) DO UPDATE SET interactions = t.interactions + excluded.interactions
"""
OFFSET = """
    INSERT INTO loop_offsets VALUES (%s, %s) ON CONFLICT (partition) DO UPDATE SET next_offset = excluded.next_offset
"""


class Interaction(msgspec.Struct, frozen=True, gc=False):
    """As much of the event as this job needs."""

    event_id: UUID
    customer_id: str
    channel: str
    occurred_at: datetime
    count: int = 1


async def run(*, bootstrap_servers: str, database_url: str, topic: str, partitions: int, with_facts: bool) -> None:
    """Consume a topic from where the last commit left it, until stopped."""
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(OFFSETS)
        consumer = aiokafka.AIOKafkaConsumer(
            bootstrap_servers=bootstrap_servers,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=4 * 1024 * 1024,
            fetch_max_wait_ms=20,
        )
        consumer.assign([aiokafka.TopicPartition(topic, number) for number in range(partitions)])
        await consumer.start()
        try:
            for number, offset in await _next_offsets(connection):
                consumer.seek(aiokafka.TopicPartition(topic, number), offset)
            await _consume(consumer, connection, with_facts=with_facts)
        finally:
            await consumer.stop()


async def _next_offsets(connection: psycopg.AsyncConnection) -> list[tuple[int, int]]:
    return await (await connection.execute("SELECT partition, next_offset FROM loop_offsets")).fetchall()


async def _consume(
    consumer: aiokafka.AIOKafkaConsumer, connection: psycopg.AsyncConnection, *, with_facts: bool
) -> None:
    decode = msgspec.json.Decoder(Interaction).decode
    while True:
        for tp, records in (await consumer.getmany(timeout_ms=1000, max_records=CHUNK)).items():
            events: Sequence[Interaction] = [decode(record.value) for record in records]
            async with connection.transaction():
                if with_facts:
                    events = await _store_new(connection, events)
                await _add(connection, events)
                await connection.execute(OFFSET, [tp.partition, records[-1].offset + 1])


async def _store_new(connection: psycopg.AsyncConnection, events: Sequence[Interaction]) -> Sequence[Interaction]:
    """Store the facts that are not there yet, and return them."""
    facts = {event.event_id: event for event in events}
    cursor = await connection.execute(
        "SELECT event_id FROM benchmark_facts WHERE event_id = ANY(%s)", [list(facts)], binary=True
    )
    for (known,) in await cursor.fetchall():
        del facts[known]
    async with connection.cursor().copy(COPY) as copy:
        copy.set_types(["uuid", "text", "text", "timestamptz", "int4"])
        for fact in facts.values():
            await copy.write_row((fact.event_id, fact.customer_id, fact.channel, fact.occurred_at, fact.count))
    return list(facts.values())


async def _add(connection: psycopg.AsyncConnection, events: Sequence[Interaction]) -> None:
    """Add events to the totals."""
    totals: defaultdict[tuple[str, str], int] = defaultdict(int)
    for event in events:
        totals[event.customer_id, event.channel] += event.count
    if totals:
        customers, channels = zip(*totals, strict=True)
        await connection.execute(TOTALS, [list(customers), list(channels), list(totals.values())])


if __name__ == "__main__":
    asyncio.run(
        run(
            bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"],
            database_url=os.environ["DATABASE_URL"],
            topic=os.environ["BENCHMARK_TOPIC"],
            partitions=4,
            with_facts=os.environ["BENCHMARK_MODE"] == "facts",
        )
    )
