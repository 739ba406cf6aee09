"""Bytewax: totals as a stateful_map with recovery, written by a sink of our own, as there is none for Postgres.

With facts, the sink stores those that are new, and adds them to the totals, in one transaction per batch.
"""

import json
import os
from collections import Counter
from datetime import timedelta

import bytewax.operators as op
import psycopg
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition

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
REPLACE = """
    INSERT INTO benchmark_totals SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[])
    ON CONFLICT (customer_id, channel) DO UPDATE SET interactions = excluded.interactions
"""
COLUMNS = ("event_id", "customer_id", "channel", "occurred_at", "count")


class Partition(StatelessSinkPartition):
    def __init__(self) -> None:
        self.connection = psycopg.connect(os.environ["DATABASE_URL"])

    def write(self, statement: str, totals: dict[tuple[str, str], int]) -> None:
        if totals:
            keys = sorted(totals)  # one order for all workers, or two of them could wait for each other
            customers, channels = zip(*keys, strict=True)
            self.connection.execute(statement, [list(customers), list(channels), [totals[key] for key in keys]])
        self.connection.commit()

    def close(self) -> None:
        self.connection.close()


class TotalsPartition(Partition):
    def write_batch(self, items: list[tuple[str, tuple[tuple[str, str], int]]]) -> None:
        self.write(REPLACE, dict(total for _, total in items))


class FactsPartition(Partition):
    def write_batch(self, items: list[dict]) -> None:
        columns = [[event.get(column, 1) for event in items] for column in COLUMNS]
        totals: Counter[tuple[str, str]] = Counter()
        for customer, channel, count in self.connection.execute(STORE_NEW, columns).fetchall():
            totals[customer, channel] += count
        self.write(ADD, totals)


class Sink(DynamicSink):
    def __init__(self, partition: type[Partition]) -> None:
        self.partition = partition

    def build(self, _step_id: str, _worker_index: int, _worker_count: int) -> Partition:
        return self.partition()


def by_total(event: dict) -> tuple[str, tuple[tuple[str, str], int]]:
    key = (event["customer_id"], event["channel"])
    return f"{key[0]} {key[1]}", (key, event.get("count", 1))


def add(total: int | None, event: tuple[tuple[str, str], int]) -> tuple[int, tuple[tuple[str, str], int]]:
    key, count = event
    total = (total or 0) + count
    return total, (key, total)


flow = Dataflow("totals")
topic = kop.input(
    "topic",
    flow,
    brokers=[os.environ["KAFKA_BOOTSTRAP_SERVERS"]],
    topics=[os.environ["BENCHMARK_TOPIC"]],
    batch_size=5000,
)
events = op.map("decode", topic.oks, lambda message: json.loads(message.value))
if os.environ["BENCHMARK_MODE"] == "facts":
    op.output("store", events, Sink(FactsPartition))
else:
    totals = op.stateful_map("add", op.map("key", events, by_total), add)
    op.output("store", totals, Sink(TotalsPartition))

if __name__ == "__main__":
    from pathlib import Path

    from bytewax.recovery import RecoveryConfig, init_db_dir
    from bytewax.run import cli_main

    folder = Path(os.environ["BENCHMARK_FOLDER"]) / "bytewax"
    if not folder.exists():
        folder.mkdir()
        init_db_dir(folder, 1)
    cli_main(
        flow,
        workers_per_process=2,
        epoch_interval=timedelta(seconds=10),
        recovery_config=RecoveryConfig(str(folder)),
    )
