"""What refreshing costs ingestion: `python -m benchmarks refresh`.

First what each refresh costs by itself, with STORED older purchases of 100,000 customers: the CPU seconds of its
Postgres backend. Then the processor takes EVENTS more purchases, twice alone and twice with a refresher that refreshes
after changes as often as it may (every second), in turns.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path

import psycopg

from benchmarks.processor_run import Result, empty, fill, run_processor, servers, transactions
from benchmarks.report import report, say
from benchmarks.stand import PARTITIONS, Round
from events import topics
from sql.migrate import rebuild, totals
from sql.refresh import MONTHLY_REPORT, Connection, read_refreshables, refresh

_OLDER_PURCHASES = """
    INSERT INTO transactions
        (transaction_id, occurred_at, quantity, partition, customer_id, product_id, category, amount, currency)
    SELECT
        gen_random_uuid(), timestamptz '2021-01-01Z' + n * interval '30 seconds', 1 + n %% 3, n %% %(partitions)s,
        ((n * 7919) %% 100000)::text, 'P' || n %% 200, 'category ' || (n * 31 + n / 7) %% 10, n %% 9973 / 100.0, 'EUR'
    FROM generate_series(1, %(stored)s::bigint) AS n
"""
_CUSTOMERS = """
    INSERT INTO customers (customer_id, segment, industry, account_balance, partition)
    SELECT n::text, 'segment ' || n % 4, 'industry ' || n % 9, n, 0 FROM generate_series(0, 99999) AS n
"""
_HISTORY = """
    SELECT view, count(*), max(seconds), sum(seconds) FROM refreshes WHERE outcome = 'done' GROUP BY view ORDER BY view
"""


def store_older_purchases(connection: Connection, stored: int) -> None:
    """Put purchases of earlier years into the table, and make the totals that belong to them."""
    connection.execute(_CUSTOMERS)
    connection.execute(_OLDER_PURCHASES, {"stored": stored, "partitions": PARTITIONS})
    for total in totals(connection):
        rebuild(connection, total)
    connection.execute("TRUNCATE refreshes")
    connection.execute("VACUUM ANALYZE")
    connection.execute("CHECKPOINT")


@contextmanager
def refresher(where: Round) -> Iterator[None]:
    """A refresher as its users start it, that waits for no more than a second."""
    environment = {**os.environ, "DATABASE_URL": where.database_url, "C360_REFRESH_SECONDS": "1"}
    process = subprocess.Popen([sys.executable, "-m", "c360", "refresher"], env=environment)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def main(stored: int = 1_000_000, events: int = 2_500_000) -> None:
    """What refreshing materialized views costs the processor."""
    with servers() as where:
        say(f"{stored:,} purchases stored; each refresh by itself:")
        _measure_alone(where, stored)
        say(f"publishing {events:,} purchases ...")
        fill(where.bootstrap_servers, transactions(events))
        alone, refreshing = [], []
        for _ in range(2):
            alone.append(_run(where, stored, events, nullcontext()))
            refreshing.append(_run(where, stored, events, refresher(where)))
    rates = [sum(run.events_per_second for run in runs) for runs in (refreshing, alone)]
    say(f"with refreshes, the rate is {rates[0] / rates[1]:.2f} of what it is alone")
    rows = [{"how": how, **asdict(run)} for how, runs in (("alone", alone), ("refreshing", refreshing)) for run in runs]
    report("refresh", rows, stored=stored, events=events, ratio=round(rates[0] / rates[1], 2))


def _measure_alone(where: Round, stored: int) -> None:
    empty(where.database_url)
    with psycopg.connect(where.database_url, autocommit=True) as connection:
        store_older_purchases(connection, stored)
        together = 0.0
        for view in [one.view for one in read_refreshables(connection) if one.view != MONTHLY_REPORT]:
            before = _cpu_seconds(connection.info.backend_pid)
            refresh(connection, view)
            spent = _cpu_seconds(connection.info.backend_pid) - before
            together += spent
            say(f"  {view:24} {spent:6.2f} CPU s")
        say(f"  {'together':24} {together:6.2f} CPU s")


def _run(where: Round, stored: int, events: int, during: AbstractContextManager[None]) -> Result:
    empty(where.database_url)
    with psycopg.connect(where.database_url, autocommit=True) as connection:
        store_older_purchases(connection, stored)
        with during:
            result = run_processor(where, events, topics.TRANSACTIONS.name)
        refreshes = connection.execute(_HISTORY).fetchall()
    say(f"{'refreshing' if refreshes else 'alone':10} {result.events_per_second:>9,.0f} events/s, {result.seconds} s")
    for view, count, longest, together in refreshes:
        say(f"  {view:24} refreshed {count:>3} times, {longest:6.2f} s at most, {together:6.1f} s together")
    return result


def _cpu_seconds(pid: int) -> float:
    """Of a process of this machine so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
