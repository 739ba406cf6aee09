"""The same work for all, each measured in the same way, between two runs of the hand-written loop.

A contestant is started and counts the first events of the work: it is up, its JVM and its caches are warm. Then it is
frozen (SIGSTOP), while the rest is published; the clock runs from the moment it is let go to the moment a reader sees
the last event in its tables. Everybody's start-up and warm-up are left out, and everybody finds a full topic.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean

import psycopg

from benchmarks import process_tree
from benchmarks.report import Row, say
from benchmarks.stand import Round, Stand
from benchmarks.work import SCHEMA, TOPIC, Mode, Work, publish
from events.errors import C360Error, Unavailable
from local_stack import processes

#: Of the members of consumer groups: longer than anybody is frozen; the embedded broker waits for half of it at start.
SESSION_SECONDS = 20

_START_SECONDS = 180.0
_RUN_SECONDS = 900.0
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Tables:
    """Where a contestant keeps its results."""

    facts: str = "benchmark_facts"
    totals: str = "benchmark_totals"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """Somebody who does the work."""

    name: str
    #: The program that does it, in one mode or the other; raises C360Error where it can't be set up.
    command: Callable[[Mode], Sequence[str | Path]]
    tables: Mapping[Mode, Tables] = field(default_factory=lambda: {"facts": Tables(), "totals": Tables()})
    #: How much of the work is enough to know its rate.
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run took; CPU in seconds per million events."""

    name: str
    mode: Mode
    events: int
    events_per_second: float
    cpu: float
    postgres_cpu: float
    broker_cpu: float | None
    peak_memory_mb: float


class Program:
    """A contestant that runs in a round, and can be killed and started again."""

    def __init__(self, contestant: Contestant, mode: Mode, where: Round) -> None:
        self._log = where.folder / "contestant.log"
        self._command = contestant.command(mode)
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))},
            "KAFKA_BOOTSTRAP_SERVERS": where.bootstrap_servers,
            "KAFKA_SESSION_TIMEOUT_SECONDS": str(SESSION_SECONDS),
            "DATABASE_URL": where.database_url,
            "LOG_LEVEL": "warning",
            "BENCHMARK_TOPIC": TOPIC,
            "BENCHMARK_MODE": mode,
            "BENCHMARK_FOLDER": str(where.folder),
        }
        self._process: processes.Process | None = None

    @property
    def pid(self) -> int:
        """Of its first process."""
        assert self._process
        return self._process.pid

    def start(self) -> None:
        """Start it, again too."""
        self._process = processes.start(self._command, log=self._log, env=self._environment)

    @property
    def running(self) -> bool:
        """Whether its first process is there."""
        return self._process is not None and self._process.poll() is None

    def refuse_ended(self) -> None:
        """Raise Unavailable, with the end of its log, when it is not running."""
        assert self._process
        processes.refuse_ended(self._process, "it", self._log)

    def freeze(self) -> None:
        """Stop all of it in its tracks."""
        process_tree.send(process_tree.members(self.pid), signal.SIGSTOP)

    def thaw(self) -> None:
        """Let all of it go on."""
        process_tree.send(process_tree.members(self.pid), signal.SIGCONT)

    def kill(self) -> None:
        """End all of it by SIGKILL."""
        assert self._process
        if self._process.poll() is None:
            process_tree.send(process_tree.members(self.pid), signal.SIGKILL)
            self._process.wait()


@contextmanager
def started(contestant: Contestant, mode: Mode, where: Round) -> Iterator[Program]:
    """A contestant at work, ended at the end."""
    with psycopg.connect(where.database_url) as connection:
        connection.execute(SCHEMA)
    program = Program(contestant, mode, where)
    program.start()
    try:
        yield program
    finally:
        program.kill()


class Reader:
    """Looks at a contestant's tables.

    Args:
        mode: Whether there are facts to look at.
    """

    def __init__(self, where: Round, tables: Tables, mode: Mode) -> None:
        self._connection = psycopg.connect(where.database_url, autocommit=True)
        self._total = f"SELECT coalesce(sum(interactions), 0)::bigint FROM {tables.totals}"  # noqa: S608 - ours
        self._facts = f"SELECT count(*) FROM {tables.facts}" if mode == "facts" else None  # noqa: S608 - ours

    def total(self) -> int:
        """All totals together."""
        return self._ask(self._total)

    def wait_until_done(self, events: int, program: Program, *, seconds: float) -> None:
        """Wait until so many events are in the tables.

        Raises: Unavailable when that does not come about.
        """
        deadline = time.monotonic() + seconds
        while True:
            began = time.monotonic()
            seen = self.total()
            if seen == events and self._facts:
                seen = self._ask(self._facts)
            if seen == events:
                return
            program.refuse_ended()
            if time.monotonic() > deadline:
                raise Unavailable(f"after {seconds:.0f} s it shows {seen:,} events of {events:,}")
            time.sleep(max(_LOOK_SECONDS, 4 * (time.monotonic() - began)))  # a count of facts takes its time

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _ask(self, question: str) -> int:
        row = self._connection.execute(question).fetchone()
        assert row
        return int(row[0])


def run(contestant: Contestant, mode: Mode, work: Work, stand: Stand) -> Run:
    """Let one contestant do the work.

    Raises: C360Error when it can't be set up, or does not finish.
    """
    with stand.round() as where, started(contestant, mode, where) as program:
        reader = Reader(where, contestant.tables[mode], mode)
        events = round(len(work) * contestant.share)
        first = max(events // 20, 40)
        publish(where.bootstrap_servers, work.records[:first])
        reader.wait_until_done(first, program, seconds=_START_SECONDS)
        program.freeze()
        publish(where.bootstrap_servers, work.records[first:events])
        meters = [_Meter(pid) for pid in (program.pid, where.postgres, where.broker) if pid]
        began = time.monotonic()
        program.thaw()
        reader.wait_until_done(events, program, seconds=_RUN_SECONDS)
        seconds = time.monotonic() - began
        cpu = [meter.cpu_seconds() / (events - first) * 1e6 for meter in meters]
        reader.close()
        say(f"{contestant.name}, {mode}: {(events - first) / seconds:,.0f} events/s")
        return Run(
            name=contestant.name,
            mode=mode,
            events=events - first,
            events_per_second=round((events - first) / seconds),
            cpu=round(cpu[0], 2),
            postgres_cpu=round(cpu[1], 2),
            broker_cpu=round(cpu[2], 2) if where.broker else None,
            peak_memory_mb=round(process_tree.peak_memory_mb(program.pid)),
        )


class _Meter:
    """CPU of a process and its descendants from now on."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._before = process_tree.cpu_seconds(pid)

    def cpu_seconds(self) -> float:
        return process_tree.cpu_seconds(self._pid) - self._before


def compare(
    reference: Contestant, contestants: Sequence[Contestant], work: Work, stand: Stand, modes: Sequence[Mode]
) -> list[Row]:
    """Let contestants do the work, each between two runs of the reference.

    Returns: A row for each run; who could not be set up, or did not finish, has a row that says so.
    """
    rows: list[Row] = []
    for mode in modes:
        before = run(reference, mode, work, stand)
        rows.append(_row(before))
        for contestant in contestants:
            try:
                result = run(contestant, mode, work, stand)
            except C360Error as error:
                rows.append({"mode": mode, "who": contestant.name, "failed": str(error)})
                say(f"{contestant.name}, {mode}: {error}")
                continue
            after = run(reference, mode, work, stand)
            ratio = result.events_per_second / mean([before.events_per_second, after.events_per_second])
            rows += [_row(result, ratio), _row(after)]
            before = after
    return rows


def _row(result: Run, ratio: float | None = None) -> Row:
    return {
        "mode": result.mode,
        "who": result.name,
        "events": result.events,
        "events/s": result.events_per_second,
        "of the loop": "" if ratio is None else round(ratio, 3),
        "CPU s/M": result.cpu,
        "Postgres": result.postgres_cpu,
        **({} if result.broker_cpu is None else {"broker": result.broker_cpu}),
        "peak MB": result.peak_memory_mb,
    }
