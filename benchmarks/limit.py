"""How near to the limit: against a bare COPY of the same rows plus one upsert, and a bare fetch and decode.

The rows are those that the processor itself stored, read back; they go into the same table with the same indices.
"""

import subprocess
import sys
import time
from dataclasses import dataclass
from statistics import mean

import psycopg

from benchmarks.contest import Reader, run, started
from benchmarks.contestants import OURS
from benchmarks.report import Row, report, say
from benchmarks.stand import Round, Stand, stand
from benchmarks.work import Work, publish
from events.errors import Unavailable

_PATIENCE_SECONDS = 600.0

_COPY_OUT = "COPY {} TO STDOUT (FORMAT binary)"
_COPY_IN = "COPY {} FROM STDIN (FORMAT binary)"
_TO_BE_UPSERTED = "CREATE TEMPORARY TABLE final_totals (LIKE channel_totals)"
_UPSERT = """
    INSERT INTO channel_totals SELECT * FROM final_totals
    ON CONFLICT (customer_id, channel) DO UPDATE
    SET interactions = excluded.interactions, revenue = excluded.revenue, first_at = excluded.first_at,
        last_at = excluded.last_at
"""


@dataclass(frozen=True, slots=True)
class Rows:
    """What the processor left, in Postgres's binary format."""

    facts: list[bytes]
    totals: list[bytes]


def limit(*, events: int = 1_000_000, broker: str | None = None) -> None:
    """Our rate as a share of what Postgres alone and what Kafka and decoding alone would allow.

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
    with stand(broker) as servers:
        rows = _processed(work, servers)
        before = _bare(work, rows, servers)
        ours = run(OURS, "facts", work, servers)
        after = _bare(work, rows, servers)
    bare = [{name: round(rate) for name, rate in rates.items()} for rates in (before, after)]
    shares = {name: round(ours.events_per_second / mean([before[name], after[name]]), 2) for name in before}
    found: list[Row] = [
        {"what": name, "before": bare[0][name], "ours": ours.events_per_second, "after": bare[1][name], "share": share}
        for name, share in shares.items()
    ]
    report("limit", found, events=events, broker=broker or "embedded")


def _processed(work: Work, servers: Stand) -> Rows:
    """Let the processor work, and read what it stored."""
    tables = OURS.tables["facts"]
    with servers.round() as where, started(OURS, "facts", where) as program:
        publish(where.bootstrap_servers, work.records)
        reader = Reader(where, tables, "facts")
        reader.wait_until_done(len(work), program, seconds=_PATIENCE_SECONDS)
        reader.close()
        with psycopg.connect(where.database_url) as connection:
            return Rows(_copied_out(connection, tables.facts), _copied_out(connection, tables.totals))


def _bare(work: Work, rows: Rows, servers: Stand) -> dict[str, float]:
    with servers.round() as where:
        publish(where.bootstrap_servers, work.records)
        return {
            "COPY and one upsert": len(work) / _copy_seconds(where, rows),
            "fetch and decode": len(work) / fetch_seconds(where, len(work)),
        }


def _copy_seconds(where: Round, rows: Rows) -> float:
    with psycopg.connect(where.database_url) as connection:
        connection.execute(_TO_BE_UPSERTED)
        _copy_in(connection, "final_totals", rows.totals)
        began = time.perf_counter()
        _copy_in(connection, OURS.tables["facts"].facts, rows.facts)
        connection.execute(_UPSERT)
        connection.commit()
        return time.perf_counter() - began


def fetch_seconds(where: Round, events: int) -> float:
    """How long a bare fetch and decode of so many events takes. Raises: Unavailable."""
    command = [sys.executable, "-m", "benchmarks.bare_fetch", where.bootstrap_servers, str(events)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=False)
    if done.returncode != 0:
        raise Unavailable(f"the bare fetch failed: {done.stderr.strip()[-500:]}")
    return float(done.stdout)


def _copied_out(connection: psycopg.Connection, table: str) -> list[bytes]:
    with connection.cursor().copy(_COPY_OUT.format(table)) as copy:
        return [bytes(data) for data in copy]


def _copy_in(connection: psycopg.Connection, table: str, data: list[bytes]) -> None:
    whole = b"".join(data)
    with connection.cursor().copy(_COPY_IN.format(table)) as copy:
        copy.write(whole)
