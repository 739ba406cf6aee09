"""Does the rate hold while facts and customers grow? `python -m benchmarks growth` streams them, and draws it.

One processor takes one step after another; between two it is frozen (SIGSTOP) while the next step is published, so that
it always finds a full topic. Once with as many customers all the time, once with customers that grow as the facts do,
once with customers that multiply by as much in each step: the first steps are then of a few who come all the time, the
last ones of a million who come in no order. Before the first step and after the last one it is started on a topic with
one new event: that restart must not depend on history.
"""

import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import mean
from typing import Final

import psycopg

from benchmarks import process_tree
from benchmarks.plot import Panel, write_plot
from benchmarks.processor_run import CUSTOMERS, DEADLINE_SECONDS, processor
from benchmarks.report import FOLDER, Row, report, say
from benchmarks.stand import Round, stand
from benchmarks.work import publish
from events import encoding, identity, topics
from events.contracts import Interaction
from events.encoding import Record
from local_stack.processes import Process

#: Longer than a processor is frozen.
_SESSION_SECONDS: Final = 30
_LOOK_SECONDS: Final = 0.02
_FEWEST_CUSTOMERS: Final = 1_000
#: The first and the last facts that are compared.
_COMPARED: Final = 1_000_000


def growth(
    *,
    events: int = 3_000_000,
    step: int = 250_000,
    customers: int = 1_000_000,
    broker: str | None = None,
    plot: Path = FOLDER / "growth.svg",
) -> None:
    """Rate and memory of the processor while facts and customers grow, and how soon it commits after a restart.

    Parameters
    ----------
    events: int
        How many interactions, in each of three runs; 20,000,000 take some 8 GB of the embedded broker's memory.
    step: int
        How many at once.
    customers: int
        How many customers there are in the end, in the runs where they grow from 1,000.
    broker: str
        host:port of a Kafka without our topics; by default the embedded broker.
    plot: Path
        The SVG file to write.
    """
    steps = max(2, events // step)
    runs = {
        f"{CUSTOMERS:,} customers": [CUSTOMERS] * steps,
        f"to {customers:,} as facts grow": [
            round(_FEWEST_CUSTOMERS + (customers - _FEWEST_CUSTOMERS) * number / (steps - 1)) for number in range(steps)
        ],
        f"to {customers:,} by factors": [
            round(_FEWEST_CUSTOMERS * (customers / _FEWEST_CUSTOMERS) ** (number / (steps - 1)))
            for number in range(steps)
        ],
    }
    rows: list[Row] = []
    with stand(broker) as servers:
        for name, sizes in runs.items():
            with servers.round() as where:
                rows += _grow(where, name, sizes, step)
    write_plot(plot, [_panel(rows, "events/s"), _panel(rows, "memory MB")], x_title="facts stored")
    report("growth", rows, events=events, step=step, ratios=_ratios(rows, max(1, _COMPARED // step)), plot=str(plot))


def _grow(where: Round, name: str, sizes: list[int], step: int) -> list[Row]:
    rows: list[Row] = []
    facts = 0
    with psycopg.connect(where.database_url, autocommit=True) as connection:

        def publish_more(events: int, customers: int) -> None:
            nonlocal facts
            publish(where.bootstrap_servers, list(_records(facts, events, customers)))
            facts += events

        publish_more(1, 1)
        rows.append(_restart(where, connection, name, facts))
        with processor(where, session_seconds=_SESSION_SECONDS) as process:
            publish_more(1, 1)
            _wait_until_committed(connection, process, facts)
            for customers in sizes:
                process.send_signal(signal.SIGSTOP)
                publish_more(step, customers)
                process.send_signal(signal.SIGCONT)
                seconds = _wait_until_committed(connection, process, facts)
                rows.append(
                    {
                        "run": name,
                        "facts": facts,
                        "customers": customers,
                        "events/s": round(step / seconds),
                        "memory MB": round(process_tree.memory_mb(process.pid)),
                    }
                )
                say(str(rows[-1]))
        publish_more(1, 1)
        rows.append(_restart(where, connection, name, facts))
    return rows


def _restart(where: Round, connection: psycopg.Connection, name: str, facts: int) -> Row:
    """From the start of a processor to its first commit, which is of the one event that waits."""
    began = time.monotonic()
    with processor(where) as process:
        _wait_until_committed(connection, process, facts)
        row: Row = {"run": name, "facts": facts, "restart to commit s": round(time.monotonic() - began, 1)}
    say(str(row))
    return row


def _wait_until_committed(connection: psycopg.Connection, process: Process, facts: int) -> float:
    """Returns: After how many seconds."""
    began = time.monotonic()
    while time.monotonic() - began < DEADLINE_SECONDS and process.poll() is None:
        row = connection.execute(
            "SELECT sum(next_offset) FROM positions WHERE topic = %s", [topics.INTERACTIONS.name]
        ).fetchone()
        if row and row[0] is not None and row[0] >= facts:
            return time.monotonic() - began
        time.sleep(_LOOK_SECONDS)
    raise SystemExit(f"the processor did not commit {facts:,} events")


def _records(first: int, events: int, customers: int) -> Iterator[Record]:
    """Interactions in the order of time, each customer's as often as any other's."""
    random, start = Random(first), datetime(2024, 1, 1, tzinfo=UTC)
    for number in range(first, first + events):
        occurred_at = start + timedelta(milliseconds=30 * number)
        customer, channel = str(random.randrange(customers)), ("Email", "Call", "Bird")[number % 3]
        yield encoding.encode(
            Interaction(
                event_id=identity.derived_id(occurred_at, "growth", customer, channel, ordinal=0),
                customer_id=customer,
                channel=channel,
                occurred_at=occurred_at,
            )
        )


def _panel(rows: list[Row], what: str) -> Panel:
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if what in row:
            lines.setdefault(str(row["run"]), []).append((_number(row["facts"]), _number(row[what])))
    return Panel(what, lines)


def _ratios(rows: list[Row], compared: int) -> dict[str, float]:
    """The rate of the last so many steps to that of the first, or of the halves of a short run."""
    found = {}
    for name, line in _panel(rows, "events/s").lines.items():
        rates = [rate for _, rate in line]
        steps = min(compared, len(rates) // 2)
        found[name] = round(mean(rates[-steps:]) / mean(rates[:steps]), 2)
        say(f"{name}: the rate of the last {steps} steps is {found[name]} of that of the first")
    return found


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return value
