"""confluent-kafka and psycopg as most people write it: a batch, json.loads, one transaction, then Kafka's offsets."""

import json
import os
from collections import Counter

import psycopg
from confluent_kafka import Consumer

STORE_NEW = """
    INSERT INTO benchmark_facts (event_id, customer_id, channel, occurred_at, count)
    SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::timestamptz[], %s::integer[])
    ON CONFLICT (event_id) DO NOTHING
    RETURNING customer_id, channel, count
"""
ADD = """
    INSERT INTO benchmark_totals AS t SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[])
    ON CONFLICT (customer_id, channel) DO UPDATE SET interactions = t.interactions + excluded.interactions
"""
COLUMNS = ("event_id", "customer_id", "channel", "occurred_at", "count")


def main() -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
            "group.id": "plain-loop",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 1000 * int(os.environ["KAFKA_SESSION_TIMEOUT_SECONDS"]),
        }
    )
    consumer.subscribe([os.environ["BENCHMARK_TOPIC"]])
    with_facts = os.environ["BENCHMARK_MODE"] == "facts"
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        while True:
            messages = [message for message in consumer.consume(10_000, timeout=0.5) if not message.error()]
            if messages:
                store(connection, [json.loads(message.value() or b"") for message in messages], with_facts=with_facts)
                consumer.commit(asynchronous=False)


def store(connection: psycopg.Connection, events: list[dict], *, with_facts: bool) -> None:
    totals: Counter[tuple[str, str]] = Counter()
    if with_facts:
        columns = [[event.get(column, 1) for event in events] for column in COLUMNS]
        counted = connection.execute(STORE_NEW, columns).fetchall()
    else:
        counted = [(event["customer_id"], event["channel"], event.get("count", 1)) for event in events]
    for customer, channel, count in counted:
        totals[customer, channel] += count
    if totals:
        customers, channels = zip(*totals, strict=True)
        connection.execute(ADD, [list(customers), list(channels), list(totals.values())])
    connection.commit()


if __name__ == "__main__":
    main()
