"""Where the time of the processor goes: its functions by CPU, and Postgres's statements by their time."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import psycopg

from benchmarks.contest import Contestant, Reader, started
from benchmarks.contestants import OURS
from benchmarks.report import Row, report, say
from benchmarks.stand import Round, stand
from benchmarks.work import Work, publish
from events.errors import Unavailable

_PATIENCE_SECONDS = 600.0
_MOST = 15

_STATEMENTS = """
    SELECT left(regexp_replace(query, '\\s+', ' ', 'g'), 90), calls, total_exec_time / 1000
    FROM pg_stat_statements JOIN pg_database ON oid = dbid
    WHERE datname = current_database() ORDER BY total_exec_time DESC LIMIT %s
"""


def profile(*, events: int = 1_000_000, broker: str | None = None) -> None:
    """Where the processor's CPU and Postgres's time go, over interactions.

    Parameters
    ----------
    events: int
        How many interactions.
    broker: str
        host:port of a Kafka without our topics, or `kafka`: Apache Kafka on this machine (Java); by default the
        embedded broker.
    """
    say(f"making {events:,} interactions ...")
    work = Work(events)
    with stand(broker, shared_preload_libraries="pg_stat_statements") as servers, servers.round() as where:
        file = where.folder / "profile.json"
        sampled = Contestant(
            name="sampled",
            command=lambda _: [sys.executable, "-m", "benchmarks.sampled_processor", file],
            tables=OURS.tables,
        )
        publish(where.bootstrap_servers, work.records)
        with psycopg.connect(where.database_url) as connection:
            connection.execute("CREATE EXTENSION pg_stat_statements")
        with started(sampled, "facts", where) as program:
            reader = Reader(where, sampled.tables["facts"], "facts")
            reader.wait_until_done(events, program, seconds=_PATIENCE_SECONDS)
            reader.close()
            os.kill(program.pid, signal.SIGTERM)
            rows = [*_functions(_written(file)), *_statements(where)]
    report("profile", rows, events=events, broker=broker or "embedded")


def _written(file: Path) -> dict[str, int]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if file.exists() and (text := file.read_text()):
            counts: dict[str, int] = json.loads(text)
            return counts
        time.sleep(0.1)
    raise Unavailable(f"the processor was stopped, but did not write {file}")


def _functions(counts: dict[str, int]) -> list[Row]:
    together = sum(counts.values())
    most = sorted(counts.items(), key=lambda one: -one[1])[:_MOST]
    return [{"in": "processor", "share": f"{count / together:.1%}", "what": place} for place, count in most]


def _statements(where: Round) -> list[Row]:
    with psycopg.connect(where.database_url) as connection:
        found = connection.execute(_STATEMENTS, [_MOST]).fetchall()
    together = sum(seconds for _, _, seconds in found)
    return [
        {"in": "Postgres", "share": f"{seconds / together:.1%}", "what": f"{query} ({calls:,} times, {seconds:.2f} s)"}
        for query, calls, seconds in found
        if seconds > together / 100
    ]
