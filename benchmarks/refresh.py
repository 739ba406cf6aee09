"""What refreshing costs ingestion: `python -m benchmarks.refresh [STORED] [EVENTS]`.

The processor takes EVENTS purchases with STORED older ones of 100,000 customers in the table: alone, with a refresher
that refreshes after changes as often as it may (every second), and alone again.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import psycopg

from benchmarks.throughput import PARTITIONS, Result, Servers, empty, fill, run_processor, servers, transactions
from events import topics
from sql.migrate import rebuild, totals

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


def store_older_purchases(database_url: str, stored: int) -> None:
    """Put purchases of earlier years into the table, and make the totals that belong to them."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_CUSTOMERS)
        connection.execute(_OLDER_PURCHASES, {"stored": stored, "partitions": PARTITIONS})
        for total in totals(connection):
            rebuild(connection, total)
        connection.execute("TRUNCATE refreshes")
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


@contextmanager
def refresher(where: Servers) -> Iterator[None]:
    """A refresher as its users start it, that waits for no more than a second."""
    environment = {**os.environ, "DATABASE_URL": where.database_url, "C360_REFRESH_SECONDS": "1"}
    process = subprocess.Popen([sys.executable, "-m", "c360", "refresher"], env=environment)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def main(stored: int = 2_000_000, events: int = 500_000) -> None:
    """Run, and print what it cost."""
    with servers() as where:
        _say(f"publishing {events:,} purchases ...")
        fill(where.bootstrap_servers, transactions(events))
        before, refreshing, after = (
            _run(where, stored, events, during) for during in (nullcontext(), refresher(where), nullcontext())
        )
    mean = (before.events_per_second + after.events_per_second) / 2
    _say(f"refreshing costs ingestion {1 - refreshing.events_per_second / mean:.1%} of its rate")


def _run(where: Servers, stored: int, events: int, during: AbstractContextManager[None]) -> Result:
    empty(where.database_url)
    store_older_purchases(where.database_url, stored)
    with during:
        result = run_processor(where, events, topics.TRANSACTIONS.name)
    _say(f"{stored:>12,} stored: {result.events_per_second:>9,.0f} events/s")
    with psycopg.connect(where.database_url) as connection:
        for view, count, longest, together in connection.execute(_HISTORY):
            _say(f"  {view:24} refreshed {count:>3} times, {longest:6.2f} s at most, {together:6.1f} s together")
    return result


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
