"""Pathway: the topic is a table, totals are a groupby; snapshots of both in Postgres; persistence on disk.

With facts, the first event of each identity counts (deduplicate): a primary key of the input counts repetitions, too.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

import pathway as pw
import psycopg


class Event(pw.Schema):
    event_id: str
    customer_id: str
    channel: str
    occurred_at: str
    count: int = pw.column_definition(default_value=1)


def main() -> None:
    with_facts = os.environ["BENCHMARK_MODE"] == "facts"
    url = urlsplit(os.environ["DATABASE_URL"])
    postgres = {
        "host": url.hostname, "port": url.port, "dbname": url.path[1:], "user": url.username, "password": url.password
    }  # fmt: skip
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:  # Pathway writes a str as text
        connection.execute(
            "ALTER TABLE benchmark_facts ALTER COLUMN event_id TYPE text, ALTER COLUMN occurred_at TYPE text,"
            " ALTER COLUMN count TYPE bigint"
        )
    events = pw.io.kafka.read(
        {
            "bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"],
            "group.id": "pathway",
            "auto.offset.reset": "earliest",
            "session.timeout.ms": str(1000 * int(os.environ["KAFKA_SESSION_TIMEOUT_SECONDS"])),
        },
        topic=os.environ["BENCHMARK_TOPIC"],
        format="json",
        schema=Event,
        name="interactions",
    )
    if with_facts:
        events = events.deduplicate(value=pw.this.count, instance=pw.this.event_id, acceptor=lambda _new, _old: False)
    totals = events.groupby(pw.this.customer_id, pw.this.channel).reduce(
        pw.this.customer_id, pw.this.channel, interactions=pw.reducers.sum(pw.this.count)
    )
    pw.io.postgres.write(
        totals,
        postgres,
        "benchmark_totals",
        output_table_type="snapshot",
        primary_key=[totals.customer_id, totals.channel],
    )
    if with_facts:
        pw.io.postgres.write(
            events, postgres, "benchmark_facts", output_table_type="snapshot", primary_key=[events.event_id]
        )
    backend = pw.persistence.Backend.filesystem(Path(os.environ["BENCHMARK_FOLDER"]) / "pathway")
    pw.run(
        monitoring_level=pw.MonitoringLevel.NONE,
        persistence_config=pw.persistence.Config(backend),
    )


if __name__ == "__main__":
    main()
