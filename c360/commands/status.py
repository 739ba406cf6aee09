"""`c360 status`: how far the views are behind the topics."""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cyclopts import Parameter
from cyclopts.validators import Number
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from c360.database import Connection, connect
from c360.output import ERR, OUT, print_json, table
from c360.target import Target, resolve_target
from events import admin, topics
from events.errors import RefusedState, Unavailable
from settings import Settings
from sql.refresh import Refreshable, read_refreshables

_POLL_SECONDS: Final = 0.2
_POSITIONS: Final = "SELECT topic, partition, topic_id, next_offset FROM positions WHERE retired_at IS NULL"


class PartitionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One partition: how far it reaches, how far it is processed."""

    topic: str
    partition: int
    end_offset: int
    next_offset: int
    lag: int


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """All partitions, and the sum of their lags in events; and how old what is derived from the totals is."""

    lag: int
    partitions: list[PartitionStatus]
    refreshed: list[Refreshable]


def status(
    *,
    wait: bool = False,
    timeout: Annotated[float, Parameter(validator=Number(gt=0))] = 300,
    json: bool = False,
    data_dir: Path | None = None,
) -> None:
    """Show, per topic partition, the end, the offset up to which the views are complete, and the lag between them.

    Below, for each materialized view: how old it is, how long its last refresh took, and why it failed, if it did.

    Parameters
    ----------
    wait: bool
        Return only once the lag is zero.
    timeout: float
        With --wait: give up after so many seconds, and exit with 3.
    json: bool
        Print the result as JSON.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    target = resolve_target(Settings(), data_dir)
    found = wait_until_current(target, timeout_seconds=timeout) if wait else current_status(target)
    if json:
        print_json(found)
    else:
        _print(found)


def current_status(target: Target) -> Status:
    """Ask broker and database.

    Raises: Unavailable; RefusedState when the positions are those of other topics than the broker has.
    """
    cluster = admin.describe_cluster(target.librdkafka())
    with connect(target.database_url) as connection:
        positions = _positions(connection, cluster)
        refreshed = read_refreshables(connection)
    places = {
        (name, partition): positions.get((name, partition), 0)
        for name, state in cluster.topics.items()
        for partition in range(state.partitions)
    }
    ends = admin.end_offsets(target.librdkafka(), places)
    partitions = [
        PartitionStatus(topic=topic, partition=partition, end_offset=end, next_offset=offset, lag=end - offset)
        for (topic, partition), offset in sorted(places.items())
        for end in [ends[topic, partition]]
    ]
    lag = sum(partition.lag for partition in partitions)
    return Status(lag=lag, partitions=partitions, refreshed=refreshed)


def wait_until_current(target: Target, *, timeout_seconds: float) -> Status:
    """Wait until everything that is in the topics is in the views, with a bar on standard error.

    Raises: Unavailable when that takes longer than the timeout, or a server is away.
    """
    deadline = time.monotonic() + timeout_seconds
    with _progress() as progress:
        task = progress.add_task("events in the views", total=None)
        for found in _polled(target):
            done = sum(partition.next_offset for partition in found.partitions)
            progress.update(task, completed=done, total=done + found.lag)
            if found.lag == 0:
                return found
            if time.monotonic() > deadline:
                break
    raise Unavailable(
        f"{found.lag:,} events are still to be processed after {timeout_seconds:g} s: does a processor run?"
    )


def _polled(target: Target) -> Iterator[Status]:
    while True:
        yield current_status(target)
        time.sleep(_POLL_SECONDS)


def _positions(connection: Connection, cluster: admin.Cluster) -> dict[tuple[str, int], int]:
    """Offsets by place; refused when they count in another topic than the one that is there."""
    rows = connection.execute(_POSITIONS).fetchall()
    for topic, _, topic_id, _ in rows:
        state = cluster.topics.get(topic)
        if state is None or state.topic_id != topic_id:
            raise RefusedState(
                f"the positions of topic {topic} are of one that is gone ({topic_id}): `c360 adopt --help` explains"
            )
    return {(topic, partition): offset for topic, partition, _, offset in rows}


def _progress() -> Progress:
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    return Progress(*columns, console=ERR, transient=True, disable=not sys.stderr.isatty())


def _print(found: Status) -> None:
    numbers = ("partition", "end offset", "in the views", "lag")
    shown = table("topic", *numbers, numbers=numbers)
    order = list(topics.BY_NAME)
    for one in sorted(found.partitions, key=lambda one: (order.index(one.topic), one.partition)):
        cells = (one.partition, one.end_offset, one.next_offset, one.lag)
        shown.add_row(one.topic, *(f"{cell:,}" for cell in cells))
    OUT.print(shown)
    OUT.print("The views are complete." if found.lag == 0 else f"The views are {found.lag:,} events behind.")
    _print_refreshed(found.refreshed)


def _print_refreshed(views: Sequence[Refreshable]) -> None:
    numbers = ("rows", "age in s", "took s")
    shown = table("refreshed", *numbers, "last run", numbers=numbers)
    for view in views:
        cells = ("" if cell is None else f"{cell:,.{digits}f}"
                 for cell, digits in ((view.rows, 0), (view.age_seconds, 0), (view.seconds, 3)))  # fmt: skip
        shown.add_row(view.view, *cells, escape(view.reason or view.outcome or "never"))
    OUT.print(shown)
