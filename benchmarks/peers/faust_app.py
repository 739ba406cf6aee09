"""Faust as its quick start has it: an agent per event, a table that counts, Postgres written to as it goes.

Totals alone: a Table with its changelog topic counts; what changed is written to Postgres every second. With facts:
Postgres decides what is new, so each event is one statement.
"""

import os
import sys
from pathlib import Path

import faust
import psycopg

STORE = """
    WITH new AS (
        INSERT INTO benchmark_facts (event_id, customer_id, channel, occurred_at, count)
        VALUES (%(event_id)s, %(customer_id)s, %(channel)s, %(occurred_at)s, %(count)s)
        ON CONFLICT (event_id) DO NOTHING
        RETURNING customer_id, channel, count
    )
    INSERT INTO benchmark_totals AS t SELECT * FROM new
    ON CONFLICT (customer_id, channel) DO UPDATE SET interactions = t.interactions + excluded.interactions
"""
WRITE = """
    INSERT INTO benchmark_totals SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[])
    ON CONFLICT (customer_id, channel) DO UPDATE SET interactions = excluded.interactions
"""

session = int(os.environ["KAFKA_SESSION_TIMEOUT_SECONDS"])
app = faust.App(
    "plain-faust",
    broker=f"kafka://{os.environ['KAFKA_BOOTSTRAP_SERVERS']}",
    broker_session_timeout=session,
    broker_heartbeat_interval=session / 4,
    store="memory://",
    datadir=Path(os.environ["BENCHMARK_FOLDER"]) / "faust",
    topic_partitions=4,
    web_enabled=False,
)
topic = app.topic(os.environ["BENCHMARK_TOPIC"], value_serializer="json")


async def connect() -> psycopg.AsyncConnection:
    return await psycopg.AsyncConnection.connect(os.environ["DATABASE_URL"], autocommit=True)


if os.environ["BENCHMARK_MODE"] == "facts":

    @app.agent(topic)
    async def store(events: faust.StreamT[dict]) -> None:
        async with await connect() as database:
            async for event in events:
                await database.execute(STORE, {"count": 1, **event})

else:
    totals = app.Table("totals", default=int, partitions=4)
    changed: set[tuple[str, str]] = set()

    @app.agent(topic)
    async def count(events: faust.StreamT[dict]) -> None:
        async for event in events:
            key = (event["customer_id"], event["channel"])
            totals[key] += event.get("count", 1)
            changed.add(key)

    @app.task
    async def write() -> None:
        async with await connect() as database:
            while not app.should_stop:
                await app.sleep(1.0)
                if changed:
                    customers, channels = zip(*changed, strict=True)
                    values = [totals[key] for key in changed]
                    changed.clear()
                    await database.execute(WRITE, [list(customers), list(channels), values])


if __name__ == "__main__":
    sys.argv = [sys.argv[0], "worker", "--loglevel", "warn"]
    app.main()
