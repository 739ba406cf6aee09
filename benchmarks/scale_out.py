"""What an event costs with 1, 2 and 4 processors, and what a cluster needs by that: `python -m benchmarks scale_out`.

On one machine more processors are not faster; but what each event costs in CPU, log and network tells what more
machines would need. The processors are up and frozen (SIGSTOP) while the topic is filled, so that starts are left out.
"""

import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import psycopg

from benchmarks import process_tree
from benchmarks.processor_run import DEADLINE_SECONDS, processor
from benchmarks.report import Row, report, say, table
from benchmarks.stand import Round, stand
from benchmarks.work import TOPIC, Work, publish
from local_stack.processes import Process

#: Longer than processors are frozen.
_SESSION_SECONDS: Final = 30
_LOOK_SECONDS: Final = 0.02
_CLUSTERS: Final = (100_000, 1_000_000, 10_000_000)
#: Share of its cores that a machine is planned to use.
_PLANNED_USE: Final = 0.6

_COMMITTED: Final = """
    SELECT coalesce(sum(next_offset), 0), count(DISTINCT owner) FROM positions WHERE topic = %s
"""
_USED: Final = """
    SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint, pg_database_size(current_database())
"""


def scale_out(*, events: int = 1_000_000, workers: tuple[int, ...] = (1, 2, 4, 1), broker: str | None = None) -> None:
    """What an event costs with several processors, and what that comes to for large clusters.

    Parameters
    ----------
    events: int
        How many interactions.
    workers: tuple[int, ...]
        How many processors, run after run.
    broker: str
        host:port of a Kafka without our topics; by default the embedded broker.
    """
    work = Work(events)
    rows: list[dict[str, float]] = []
    with stand(broker) as servers:
        for count in workers:
            with servers.round() as where:
                rows.append(_run(where, work, count))
            say(str(rows[-1]))
    alone = [row["workers CPU s/M"] for row in rows if row["workers"] == 1]
    for row in rows:
        row["of one worker's"] = round(row["workers CPU s/M"] * len(alone) / sum(alone), 2) if alone else 0
    needs = [_needs(rows[0], rate) for rate in _CLUSTERS]
    for line in table(needs):
        say(line)
    report("scale_out", rows, events=events, broker=broker or "embedded", clusters=needs)


def _run(where: Round, work: Work, count: int) -> dict[str, float]:
    first = len(work) // 20
    with ExitStack() as stack, psycopg.connect(where.database_url, autocommit=True) as connection:
        processors = [stack.enter_context(processor(where, session_seconds=_SESSION_SECONDS)) for _ in range(count)]
        publish(where.bootstrap_servers, work.records[:first])
        _wait_until_committed(connection, processors, first)
        for process in processors:
            process.send_signal(signal.SIGSTOP)
        publish(where.bootstrap_servers, work.records[first:])
        return _measure(where, connection, processors, events=len(work), first=first)


def _measure(
    where: Round, connection: psycopg.Connection, processors: Sequence[Process], *, events: int, first: int
) -> dict[str, float]:
    pids = {"workers": [process.pid for process in processors], "Postgres": [where.postgres]}
    if where.broker:
        pids["broker"] = [where.broker]
    cpu_before = {name: _cpu_seconds(members) for name, members in pids.items()}
    used_before, network_before = _used(connection), _loopback_bytes()
    began = time.monotonic()
    for process in processors:
        process.send_signal(signal.SIGCONT)
    _wait_until_committed(connection, processors, events)
    seconds = time.monotonic() - began
    cpu = {name: _cpu_seconds(members) - cpu_before[name] for name, members in pids.items()}
    wal, disk = (after - before for after, before in zip(_used(connection), used_before, strict=True))
    network = _loopback_bytes() - network_before
    events -= first
    return {
        "workers": len(processors),
        "events/s": round(events / seconds),
        **{f"{name} CPU s/M": round(spent / events * 1e6, 2) for name, spent in cpu.items()},
        **{f"{name}, cores": round(spent / seconds, 2) for name, spent in cpu.items()},
        "WAL B/event": round(wal / events),
        "disk B/event": round(disk / events),
        "network B/event": round(network / events),
    }


def _needs(row: dict[str, float], rate: int) -> Row:
    """What so many events a second take by these costs, if all of it grows in proportion."""
    cores = {name: row[f"{name} CPU s/M"] * rate / 1e6 for name in ("workers", "Postgres")}
    return {
        "events/s": rate,
        **{f"cores of {name}": round(one / _PLANNED_USE, 1) for name, one in cores.items()},
        "WAL MB/s": round(row["WAL B/event"] * rate / 1e6),
        "network MB/s": round(row["network B/event"] * rate / 1e6),
        "disk TB/day": round(row["disk B/event"] * rate * 86_400 / 1e12, 1),
    }


def _wait_until_committed(connection: psycopg.Connection, processors: Sequence[Process], events: int) -> None:
    """Wait until so many events are committed, and each processor has partitions."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline and all(process.poll() is None for process in processors):
        row = connection.execute(_COMMITTED, [TOPIC]).fetchone()
        if row and row[0] >= events and row[1] == len(processors):
            return
        time.sleep(_LOOK_SECONDS)
    raise SystemExit(f"{len(processors)} processors did not commit {events:,} events together")


def _cpu_seconds(pids: Sequence[int]) -> float:
    return sum(map(process_tree.cpu_seconds, pids))


def _used(connection: psycopg.Connection) -> tuple[int, int]:
    """Bytes of write-ahead log and of tables and indices so far."""
    row = connection.execute(_USED).fetchone()
    assert row
    return row[0], row[1]


def _loopback_bytes() -> int:
    """What went over the loopback interface so far; of all that runs on this machine."""
    for line in Path("/proc/net/dev").read_text().splitlines():
        name, _, fields = line.partition(":")
        if name.strip() == "lo":
            return int(fields.split()[0])
    raise SystemExit("/proc/net/dev has no loopback interface")
