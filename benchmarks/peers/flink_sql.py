"""Flink SQL by PyFlink: Kafka source, JDBC sinks with upserts, mini-batches, checkpoints every 10 s, all cores.

With facts, the first row of each identity counts (Flink's own pattern of deduplication: ROW_NUMBER() = 1).
"""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from pyflink.table import EnvironmentSettings, TableEnvironment

url = urlsplit(os.environ["DATABASE_URL"])
folder = Path(os.environ["BENCHMARK_FOLDER"]) / "flink"

SOURCE = f"""
    CREATE TABLE interactions (
        event_id STRING, customer_id STRING, channel STRING, occurred_at STRING, `count` INT, arrived AS PROCTIME()
    ) WITH (
        'connector' = 'kafka', 'topic' = '{os.environ["BENCHMARK_TOPIC"]}', 'properties.group.id' = 'flink',
        'properties.bootstrap.servers' = '{os.environ["KAFKA_BOOTSTRAP_SERVERS"]}',
        'scan.startup.mode' = 'earliest-offset', 'format' = 'json'
    )
"""
SINK = f"""
    WITH (
        'connector' = 'jdbc', 'username' = '{url.username}', 'password' = '{url.password}',
        'url' = 'jdbc:postgresql://{url.hostname}:{url.port}{url.path}?reWriteBatchedInserts=true&stringtype=unspecified',
        'sink.buffer-flush.max-rows' = '5000', 'sink.buffer-flush.interval' = '1s', 'table-name' =
"""
FACTS = f"""
    CREATE TABLE facts (
        event_id STRING, customer_id STRING, channel STRING, occurred_at STRING, `count` INT,
        PRIMARY KEY (event_id) NOT ENFORCED
    ) {SINK} 'benchmark_facts')
"""
TOTALS = f"""
    CREATE TABLE totals (
        customer_id STRING, channel STRING, interactions BIGINT, PRIMARY KEY (customer_id, channel) NOT ENFORCED
    ) {SINK} 'benchmark_totals')
"""
ONCE = """
    CREATE TEMPORARY VIEW once AS SELECT * FROM (
        SELECT *, ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY arrived) AS nth FROM interactions
    ) WHERE nth = 1
"""
STORE = "INSERT INTO facts SELECT event_id, customer_id, channel, occurred_at, COALESCE(`count`, 1) FROM once"
ADD = """
    INSERT INTO totals SELECT customer_id, channel, SUM(CAST(COALESCE(`count`, 1) AS BIGINT)) FROM {source}
    GROUP BY customer_id, channel
"""


def last_checkpoint() -> Path | None:
    """What to go on from after a crash."""
    complete = [file.parent for file in folder.glob("*/chk-*/_metadata")]
    return max(complete, key=lambda checkpoint: checkpoint.stat().st_mtime, default=None)


def main() -> None:
    options = {
        "pipeline.jars": ";".join(f"file://{jar}" for jar in sys.argv[1:]),
        "parallelism.default": str(len(os.sched_getaffinity(0))),
        "execution.checkpointing.interval": "10 s",
        "execution.checkpointing.dir": f"file://{folder}",
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "table.exec.mini-batch.enabled": "true",
        "table.exec.mini-batch.allow-latency": "1 s",
        "table.exec.mini-batch.size": "5000",
        "table.optimizer.agg-phase-strategy": "TWO_PHASE",
    }
    if checkpoint := last_checkpoint():
        options["execution.state-recovery.path"] = f"file://{checkpoint}"
    tables = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    for name, value in options.items():
        tables.get_config().set(name, value)
    with_facts = os.environ["BENCHMARK_MODE"] == "facts"
    for statement in (SOURCE, FACTS, TOTALS, *([ONCE] if with_facts else [])):
        tables.execute_sql(statement)
    work = tables.create_statement_set()
    if with_facts:
        work.add_insert_sql(STORE)
    work.add_insert_sql(ADD.format(source="once" if with_facts else "interactions"))
    work.execute().wait()


if __name__ == "__main__":
    main()
