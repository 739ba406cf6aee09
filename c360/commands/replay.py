"""`c360 replay`: replay a file into the topics."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

import msgspec
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from c360.environment import read_settings
from c360.output import ERR, OUT, print_json, table
from c360.target import Target, resolve_target
from events.admin import create_topics, describe_cluster
from producers import replay as replaying
from producers.mapping import Mapping, load_mapping
from producers.publish import DryRun, KafkaPublisher, Publisher
from producers.replay import Summary
from producers.sources import check_file
from settings import Settings

_INTERRUPTED: Final = 130  # as a shell reports a program that SIGINT ended


def replay(
    file: Path,
    /,
    *,
    mapping: Path | None = None,
    data_dir: Path | None = None,
    dry_run: bool = False,
    json: bool = False,
    quiet: bool = False,
) -> int:
    """Read a file and publish each of its rows: as an event, or to rejected_events with the reason.

    Replaying a file again, or a longer or re-sorted export of it, counts nothing twice.

    Parameters
    ----------
    file: Path
        An Excel workbook (.xlsx), CSV (.csv) or NDJSON (.ndjson, .jsonl).
    mapping: Path
        The TOML file that says which column is which field (docs/mappings.md); by default the one beside the file,
        with the same name but for its ending.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    dry_run: bool
        Publish nothing: show the first events, and what would be rejected.
    json: bool
        Print the summary as JSON.
    quiet: bool
        No progress and no summary; errors only.
    """
    check_file(file)  # before its mapping, which is missed first when the file's name is mistyped
    rules = load_mapping(mapping or file.with_suffix(".toml"))
    publisher = DryRun() if dry_run else kafka_publisher(read_settings(), data_dir)
    summary = replay_file(file, rules, publisher, show_progress=not (quiet or json))
    first = publisher.first_values() if isinstance(publisher, DryRun) else None
    if json:
        print_json(_as_document(file, summary, first))
    elif not quiet:
        if first is not None:
            _print_first(first)
        print_summary(summary, published="would be published" if dry_run else "published")
    return 0 if summary.complete else _INTERRUPTED


def kafka_publisher(settings: Settings, data_dir: Path | None) -> KafkaPublisher:
    """Connect to the broker; topics that it lacks are created.

    Raises: Unavailable within seconds when it does not answer.
    """
    target = resolve_target(settings, data_dir)
    _create_missing_topics(target, settings)
    return KafkaPublisher(target.librdkafka())


def replay_file(file: Path, rules: Mapping, publisher: Publisher, *, show_progress: bool) -> Summary:
    """Replay with a progress bar; the first Ctrl-C ends it in good order, a second one at once."""
    with _progress_bar(shown=show_progress) as progress, _stop_on_interrupt() as interrupts:
        task = progress.add_task(file.name, total=1.0, rows=0, rejected=0, rate=0)

        def show(state: replaying.Progress) -> None:
            rate = state.rows / max(progress.tasks[task].elapsed or 0, 0.001)
            progress.update(task, completed=state.share, rows=state.rows, rejected=state.rejected, rate=rate)

        return replaying.replay(file, rules, publisher, on_progress=show, stop=lambda: bool(interrupts))


def print_summary(summary: Summary, *, published: str = "published") -> None:
    """Print for people what a replay did."""
    if not summary.complete:
        OUT.print("Interrupted: this is what was done so far.")
    OUT.print(f"{summary.rows:,} rows read in {summary.seconds:.1f} s ({summary.rows_per_second:,.0f} rows/s)")
    for stream, count in summary.published.items():
        OUT.print(f"  {count:,} {stream} {published}")
    OUT.print(f"  {summary.rejected:,} rejected{':' if summary.rejected else ''}")
    if summary.rejections:
        OUT.print(_rejections_table(summary))


def _rejections_table(summary: Summary) -> Table:
    shown = table("rows", "stream", "column", "the first of them", numbers=("rows",))
    for (stream, column), rejections in summary.rejections.items():
        shown.add_row(f"{rejections.count:,}", stream, column or "-", "\n".join(rejections.examples))
    return shown


def _print_first(first: dict[str, list[msgspec.Raw]]) -> None:
    for stream, values in first.items():
        OUT.print(f"{stream}, the first {len(values)}:")
        for value in values:
            OUT.print(f"  {bytes(value).decode()}", soft_wrap=True)


def _as_document(file: Path, summary: Summary, first: dict[str, list[msgspec.Raw]] | None) -> dict[str, object]:
    """What `--json` prints."""
    document: dict[str, object] = {
        "file": file.name,
        "rows": summary.rows,
        "published": summary.published,
        "rejected": summary.rejected,
        "rejections": [
            {"stream": stream, "column": column, "count": rejections.count, "examples": rejections.examples}
            for (stream, column), rejections in summary.rejections.items()
        ],
        "seconds": round(summary.seconds, 3),
        "rows_per_second": round(summary.rows_per_second),
        "complete": summary.complete,
        "dry_run": first is not None,
    }
    return document if first is None else {**document, "first": first}


def _create_missing_topics(target: Target, settings: Settings) -> None:
    config = target.librdkafka()
    if not set(replaying.TOPICS) <= describe_cluster(config).topics.keys():
        create_topics(
            config, partitions=settings.kafka.partitions, replication_factor=settings.kafka.replication_factor
        )


def _progress_bar(*, shown: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TextColumn("{task.fields[rate]:,.0f} rows/s"),
        TextColumn("{task.fields[rejected]:,} rejected"),
        TimeRemainingColumn(),
        console=ERR,
        disable=not (shown and ERR.is_terminal),
        transient=True,
    )


@contextmanager
def _stop_on_interrupt() -> Iterator[list[int]]:
    """Collect SIGINT instead of raising: a row is then either published and counted, or neither."""
    interrupts: list[int] = []
    previous = signal.getsignal(signal.SIGINT)

    def note(number: int, _: FrameType | None) -> None:
        interrupts.append(number)
        signal.signal(signal.SIGINT, previous)

    signal.signal(signal.SIGINT, note)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, previous)
