"""Does the rate hold while facts grow? `python -m benchmarks growth`.

The processor takes EVENTS interactions with no facts stored, then with STORED older ones of 1,000,000 customers in the
table (made by SQL, with the totals that belong to them), then with none again.
"""

import time

import psycopg

from benchmarks.processor_run import CUSTOMERS, Result, empty, fill, interactions, run_processor, servers
from benchmarks.stand import PARTITIONS
from sql.migrate import rebuild

_BATCH = 1_000_000
#: Identities as events.identity.derived_id makes them: the time in the high 48 bits, a hash below.
_OLDER_FACTS = """
    INSERT INTO interactions (event_id, occurred_at, count, partition, customer_id, channel)
    SELECT
        (lpad(to_hex((extract(EPOCH FROM at) * 1000)::bigint), 12, '0') || '8' || substr(md5(n::text), 1, 3) || '8'
            || substr(md5(n::text), 4, 15))::uuid,
        at, 1, n %% %(partitions)s, ((n * 7919) %% 1000000)::text, (ARRAY['Email', 'Call', 'Bird'])[1 + n %% 3]
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS n,
        LATERAL (SELECT timestamptz '2021-01-01Z' + n * interval '4 seconds' AS at) AS t
"""


def store_older_facts(database_url: str, stored: int) -> None:
    """Put facts of earlier years into the table, and make the totals that belong to them."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        started = time.perf_counter()
        for first in range(0, stored, _BATCH):
            numbers = {"first": first, "last": min(first + _BATCH, stored) - 1, "partitions": PARTITIONS}
            connection.execute(_OLDER_FACTS, numbers)
            _say(f"  {numbers['last'] + 1:>12,} facts stored after {time.perf_counter() - started:.0f} s")
        for total in ("channel_totals", "daily_revenue"):
            _say(f"  {rebuild(connection, total):,} rows of {total}")
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def main(stored: int = 20_000_000, events: int = 1_000_000) -> None:
    """Run, and print the ratio of the rates."""
    with servers() as where:
        _say(f"publishing {events:,} interactions of {CUSTOMERS:,} customers ...")
        fill(where.bootstrap_servers, interactions(events))
        results: list[Result] = []
        for facts in (0, stored, 0):
            empty(where.database_url)
            if facts:
                store_older_facts(where.database_url, facts)
            results.append(run_processor(where, events))
            result = results[-1]
            _say(f"{facts:>12,} stored: {result.events_per_second:>9,.0f} events/s, peak {result.peak_memory_mb} MB")
    before, with_facts, after = (result.events_per_second for result in results)
    _say(f"rate with {stored:,} facts / without: {with_facts / ((before + after) / 2):.2f}")


def _say(line: str) -> None:
    print(line, flush=True)
