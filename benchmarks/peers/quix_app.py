"""Quix Streams with its Postgres sink: state per customer (RocksDB and a changelog topic), checkpoints every 5 s.

The sink upserts what a checkpoint changed. With facts, the identities that were counted are state, too, because the
sink can't tell which of its rows were new.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

from quixstreams import Application, State
from quixstreams.sinks.community.postgresql import PostgreSQLSink

url = urlsplit(os.environ["DATABASE_URL"])


def sink(table: str, *key: str) -> PostgreSQLSink:
    return PostgreSQLSink(
        host=url.hostname,
        port=url.port,
        dbname=url.path[1:],
        user=url.username,
        password=url.password,
        table_name=table,
        primary_key_columns=list(key),
        upsert_on_primary_key=True,
        include_metadata=False,
        schema_auto_update=False,
    )


def is_new(event: dict, state: State) -> bool:
    if state.exists(event["event_id"]):
        return False
    state.set(event["event_id"], True)
    return True


def count(event: dict, state: State) -> dict:
    channel = event["channel"]
    total = state.get(f"total {channel}", 0) + event.get("count", 1)
    state.set(f"total {channel}", total)
    return {"customer_id": event["customer_id"], "channel": channel, "interactions": total}


def fact(event: dict) -> dict:
    columns = ("event_id", "customer_id", "channel", "occurred_at")
    return {**{column: event[column] for column in columns}, "count": event.get("count", 1)}


def main() -> None:
    session = {"session.timeout.ms": 1000 * int(os.environ["KAFKA_SESSION_TIMEOUT_SECONDS"])}
    app = Application(
        broker_address=os.environ["KAFKA_BOOTSTRAP_SERVERS"],
        consumer_group="quix",
        auto_offset_reset="earliest",
        state_dir=Path(os.environ["BENCHMARK_FOLDER"]) / "quix",
        consumer_extra_config=session,
        loglevel="WARNING",
    )
    events = app.dataframe(app.topic(os.environ["BENCHMARK_TOPIC"], value_deserializer="json"))
    if os.environ["BENCHMARK_MODE"] == "facts":
        events = events.filter(is_new, stateful=True)
        events.apply(fact).sink(sink("benchmark_facts", "event_id"))
    events.apply(count, stateful=True).sink(sink("benchmark_totals", "customer_id", "channel"))
    app.run()


if __name__ == "__main__":
    main()
