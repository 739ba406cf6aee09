"""How long after a commit each of many subscribers of GET live has it, while events are committed all the time.

`python -m benchmarks live` stores the totals of 100,000 customers by SQL, opens the streams (half of them follow a
customer each, half the five views), and commits 40 times a second what a processor commits of 25 events: 1,000
events/s, half of them of the customers that are followed. Every commit and every stream that it concerns is one
delay: until the first state that includes it has been received. API, Postgres, the writer and the subscribers
(benchmarks/live_subscribers.py) share the machine.
"""

import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from random import Random

import msgspec
import psycopg

from benchmarks.api import Server, api_server, store_customers
from benchmarks.report import Row, report, say
from local_stack.postgres import Postgres
from sql.migrate import migrate

VIEWS = ("overview", "product-interactions", "daily_sales", "top_customers", "product_metrics")
COMMITS_PER_SECOND = 40
EVENTS_PER_COMMIT = 25

#: What each view counts by one with every commit.
_FIRST = """
    INSERT INTO positions (topic, partition, cluster_id, topic_id, next_offset, partitions)
    SELECT topic, n, 'benchmark', 'benchmark', 0, 4
    FROM unnest(ARRAY['customers', 'interactions', 'transactions']) AS topic, generate_series(0, 3) AS n;
    INSERT INTO channel_activity_parts VALUES ('Email', 0, 1);
    INSERT INTO product_interest_parts VALUES ('Red', 'Sand', 0, 1, 1);
    INSERT INTO daily_sales_parts SELECT '2024-01-01'::date + n, 'EUR', 0, 1, 1, 1, 1 FROM generate_series(0, 364) AS n;
    INSERT INTO product_sales_parts
    SELECT 'P' || n, 0, 1, 1, 1000 - n, 1, '2024-01-01Z' FROM generate_series(0, 499) AS n;
    UPDATE customer_purchases SET amount = 1e9 WHERE customer_id = '0';
"""
_COMMIT = """
    UPDATE channel_totals SET interactions = interactions + 1, last_at = now()
    WHERE channel = 'Email' AND customer_id = ANY(%(customers)s);
    UPDATE channel_activity_parts SET interactions = interactions + 1;
    UPDATE product_interest_parts SET interactions = interactions + 1;
    UPDATE daily_sales_parts SET orders = orders + 1 WHERE day = '2024-12-30';
    UPDATE product_sales_parts SET orders = orders + 1 WHERE product = 'P0';
    UPDATE customer_purchases SET orders = orders + 1 WHERE customer_id = '0';
    UPDATE positions SET next_offset = next_offset + 6, committed_at = clock_timestamp() WHERE topic = 'interactions';
    NOTIFY c360_commits
"""


class Received(msgspec.Struct, frozen=True, array_like=True):
    """A state: what is followed, its counter, and when it was received."""

    followed: str
    subscriber: int
    counter: int
    at: float


def follow_and_commit(database_url: str, server: Server, *, subscribers: int, seconds: float, customers: int) -> None:
    """Open the streams, commit for some seconds, and print what came of it."""
    followed = [str(n * customers // subscribers) for n in range(1, subscribers // 2 + 1)]
    questions = [f"customer_id={one}" for one in followed]
    questions += [f"view={VIEWS[n % len(VIEWS)]}" for n in range(subscribers - len(questions))]
    command = [sys.executable, "-m", "benchmarks.live_subscribers", str(server.port), *questions]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as listening:
        assert listening.stdin
        assert listening.stdout
        assert listening.stdout.readline() == b"ready\n"
        cpu_before = server.cpu_seconds()
        commits = _commit(database_url, followed, seconds=seconds, customers=customers)
        time.sleep(1)
        cpu = server.cpu_seconds() - cpu_before
        listening.stdin.close()
        received = msgspec.json.decode(listening.stdout.read(), type=list[Received])
    rows = []
    for name, concerned in (("customers", {*followed}), ("views", {*VIEWS})):
        states = [one for one in received if one.followed in concerned]
        rows.append(_row(name, states, delays(states, commits)))
    rate = sum(map(len, commits.values())) / seconds
    say(f"API: {cpu / seconds:.2f} cores; {len(received):,} states received; {rate:,.0f} moves/s of what is followed")
    report("live", rows, subscribers=subscribers, api_cores=round(cpu / seconds, 2))


def _commit(database_url: str, followed: list[str], *, seconds: float, customers: int) -> dict[str, list[float]]:
    """When each commit that concerned something came to its end, for everything that is followed."""
    commits = defaultdict[str, list[float]](list)
    random = Random(360)
    with psycopg.connect(database_url) as connection:
        began = time.time()
        for number in range(int(seconds * COMMITS_PER_SECOND)):
            time.sleep(max(0.0, began + number / COMMITS_PER_SECOND - time.time()))
            half = EVENTS_PER_COMMIT // 2
            concerned = {*random.sample(followed, min(half, len(followed)))}
            others = [str(random.randrange(customers)) for _ in range(EVENTS_PER_COMMIT - half)]
            cursor = psycopg.ClientCursor(connection)
            cursor.execute(_COMMIT, {"customers": [*concerned, *(one for one in others if one not in followed)]})
            connection.commit()
            committed_at = time.time()
            for one in (*concerned, *VIEWS):
                commits[one].append(committed_at)
    return commits


def delays(states: list[Received], commits: dict[str, list[float]]) -> list[float]:
    """From each commit to the first state of each subscriber that includes it."""
    found = []
    streams = defaultdict[tuple[str, int], list[Received]](list)
    for one in states:
        streams[one.followed, one.subscriber].append(one)
    for (followed, _), stream in streams.items():
        first, seen = stream[0].counter, 0
        for state in stream[1:]:
            found += [state.at - commit for commit in commits[followed][seen : state.counter - first]]
            seen = state.counter - first
        assert seen == len(commits[followed]), f"{followed}: the last of {len(commits[followed])} commits is missing"
    return sorted(found)


def _row(name: str, states: list[Received], found: list[float]) -> Row:
    p50, p99 = (found[len(found) * share // 100] for share in (50, 99))
    ms = {"p50 ms": p50, "p99 ms": p99, "max ms": found[-1]}
    return {
        "follow": name,
        "states": len(states),
        "delays": len(found),
        **{column: round(delay * 1000) for column, delay in ms.items()},
    }


def main(subscribers: int = 200, seconds: float = 10, customers: int = 100_000) -> None:
    """How long after a commit each of many subscribers of GET live has it."""
    with tempfile.TemporaryDirectory() as folder:
        postgres = Postgres(Path(folder) / "postgres", log=Path(folder) / "postgres.log")
        try:
            url = postgres.start()
            migrate(url)
            store_customers(url, customers)
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(_FIRST)
            say(f"{subscribers:,} subscribers, {COMMITS_PER_SECOND * EVENTS_PER_COMMIT:,} events/s for {seconds:g} s")
            with api_server(url, C360_API_OPEN_READS="true", C360_API_SUBSCRIBERS=str(subscribers)) as server:
                follow_and_commit(url, server, subscribers=subscribers, seconds=seconds, customers=customers)
        finally:
            postgres.stop()
