"""The reference: what one good engineer writes by hand for one job, without a framework.

aiokafka fetches, msgspec decodes, facts are stored once by identity (ask which are known, binary COPY of the rest),
totals per customer and channel are added up per chunk and upserted, the offsets are kept in the same transaction. It
knows one topic and one total; it has no corrections, no rejects, no rebalancing, no restart in the middle of a failure.
"""

import asyncio
import time
from collections import defaultdict
from datetime import datetime
from uuid import UUID

import aiokafka
import msgspec
import psycopg

CHUNK = 20_000

SCHEMA = """
    DROP SCHEMA IF EXISTS loop CASCADE;
    CREATE SCHEMA loop;
    CREATE TABLE loop.facts (
        event_id uuid PRIMARY KEY, customer_id text NOT NULL, channel text NOT NULL,
        occurred_at timestamptz NOT NULL, count integer NOT NULL
    );
    CREATE TABLE loop.totals (
        customer_id text, channel text, interactions bigint NOT NULL, PRIMARY KEY (customer_id, channel)
    ) WITH (fillfactor = 50);
    CREATE TABLE loop.offsets (partition integer PRIMARY KEY, next_offset bigint NOT NULL);
"""
COPY = "COPY loop.facts FROM STDIN (FORMAT binary)"
TOTALS = """
    INSERT INTO loop.totals AS t SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[])
    ON CONFLICT (customer_id, channel) DO UPDATE SET interactions = t.interactions + excluded.interactions
"""
OFFSET = """
    INSERT INTO loop.offsets VALUES (%s, %s) ON CONFLICT (partition) DO UPDATE SET next_offset = excluded.next_offset
"""


class Interaction(msgspec.Struct, frozen=True, gc=False):
    """As much of the event as this job needs."""

    event_id: UUID
    customer_id: str
    channel: str
    occurred_at: datetime
    count: int = 1


async def run(*, bootstrap_servers: str, database_url: str, topic: str, partitions: int, events: int) -> float:
    """Consume `events` events of a topic from its beginning.

    Returns: Seconds from the first record consumed to the last commit.
    """
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await connection.execute(SCHEMA)
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
            return await _consume(consumer, connection, events)
        finally:
            await consumer.stop()


async def _consume(consumer: aiokafka.AIOKafkaConsumer, connection: psycopg.AsyncConnection, events: int) -> float:
    decode = msgspec.json.Decoder(Interaction).decode
    started, seen = 0.0, 0
    while seen < events:
        for tp, records in (await consumer.getmany(timeout_ms=1000, max_records=CHUNK)).items():
            started = started or time.perf_counter()
            await _commit(
                connection, tp.partition, records[-1].offset + 1, [decode(record.value) for record in records]
            )
            seen += len(records)
    return time.perf_counter() - started


async def _commit(
    connection: psycopg.AsyncConnection, partition: int, next_offset: int, events: list[Interaction]
) -> None:
    facts = {event.event_id: event for event in events}
    async with connection.transaction():
        cursor = await connection.execute(
            "SELECT event_id FROM loop.facts WHERE event_id = ANY(%s)", [list(facts)], binary=True
        )
        for (known,) in await cursor.fetchall():
            del facts[known]
        totals: defaultdict[tuple[str, str], int] = defaultdict(int)
        async with connection.cursor().copy(COPY) as copy:
            copy.set_types(["uuid", "text", "text", "timestamptz", "int4"])
            for fact in facts.values():
                totals[fact.customer_id, fact.channel] += fact.count
                await copy.write_row((fact.event_id, fact.customer_id, fact.channel, fact.occurred_at, fact.count))
        customers, channels = zip(*totals, strict=True) if totals else ((), ())
        await connection.execute(TOTALS, [list(customers), list(channels), list(totals.values())])
        await connection.execute(OFFSET, [partition, next_offset])


def measure(**job: object) -> float:
    """`run`, from synchronous code."""
    return asyncio.run(run(**job))  # type: ignore[arg-type]  # the parameters of `run`
