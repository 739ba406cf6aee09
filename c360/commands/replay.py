"""`c360 replay`: replay files into the topics."""

import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import msgspec
from cyclopts import Parameter
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from c360.manifests import recorded
from c360.output import ERR, OUT, print_json, table
from c360.target import Target, resolve_target
from events.admin import create_topics, describe_cluster
from events.errors import UsageError
from producers import replay as replaying
from producers.manifest import Arguments, Load, absolute
from producers.mapping import Mapping
from producers.mapping_file import load_mapping
from producers.pace import Pace
from producers.publish import DryRun, KafkaPublisher, Publisher
from producers.replay import Options, Summary, Window
from producers.sources import Location, check_kind, locate
from producers.sources.location import STANDARD_INPUT
from settings import Settings

_FAILED: Final = 1
_INTERRUPTED: Final = 130  # as a shell reports a program that SIGINT ended


def replay(
    *files: Annotated[str, Parameter(allow_leading_hyphen=True)],  # for `-`
    mapping: Path | None = None,
    kind: str | None = None,
    rate: str | None = None,
    speed: str | None = None,
    start: Annotated[str | None, Parameter(name="--from")] = None,
    end: Annotated[str | None, Parameter(name="--to")] = None,
    loop: bool = False,
    follow: bool = False,
    data_dir: Path | None = None,
    dry_run: bool = False,
    json: bool = False,
    quiet: bool = False,
    repeats: Annotated[str | None, Parameter(parse=False)] = None,
) -> int:
    """Read files and publish each of their rows: as an event, or to rejected_events with the reason.

    Replaying a file again, or a longer or re-sorted export of it, counts nothing twice.

    Parameters
    ----------
    files: str
        CSV, Excel (.xlsx), NDJSON, JSON or Parquet, text also as .gz or .zst: paths, globs, s3://bucket/key, or - for
        standard input.
    mapping: Path
        The TOML file that says which column is which field (docs/mappings.md); by default the one beside the first
        file, with the same name but for its ending.
    kind: str
        What the files hold, such as csv or ndjson, where their names do not say so.
    rate: str
        At most so many rows per second: 500, or 500/s.
    speed: str
        In the rhythm in which the facts happened, so many times as fast: 60x plays an hour in a minute.
    start: str
        Only facts from this day or moment on (UTC): 2024-01-31, 2024-01-31T12:00.
    end: str
        Only facts before this day or moment.
    loop: bool
        Begin again at the end, until Ctrl-C.
    follow: bool
        Wait at the end for the file to grow, until Ctrl-C.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    dry_run: bool
        Publish nothing: show the first events, and what would be rejected.
    json: bool
        Print the summary as JSON.
    quiet: bool
        No progress and no summary; errors only.
    repeats: str
        The replay that is made again (`c360 replays repeat`).
    """
    locations = find_files(files, kind, follow=follow)  # before their mapping, which is missed when a name is mistyped
    mapping = mapping or mapping_beside(locations[0])
    rules = load_mapping(mapping)
    options = Options(
        pace=Pace(_number("--rate", rate, "/s"), _number("--speed", speed, "x")),
        window=_window(start, end),
        loop=loop,
        follow=follow,
    )
    show_progress = not (quiet or json)
    if dry_run:
        trial = DryRun()
        summary = replay_files(locations, rules, trial, options, show_progress=show_progress)
    else:
        arguments: Arguments = {"kind": kind, "rate": rate, "speed": speed, "start": start, "end": end}
        arguments |= {"loop": loop, "follow": follow}
        addresses = [absolute(location) for location in locations]
        load = Load(command="replay", arguments=arguments, addresses=addresses, mapping=mapping, repeats=repeats)
        settings = Settings()
        publisher = kafka_publisher(settings, data_dir)
        with recorded(resolve_target(settings, data_dir), data_dir, load) as recording:
            summary = replay_files(locations, rules, publisher, options, show_progress=show_progress)
            recording.end(summary)
    first = trial.first_values() if dry_run else None
    if json:
        print_json(_as_document(locations, summary, first))
    elif not quiet:
        if first is not None:
            _print_first(first)
        print_summary(summary, published="would be published" if dry_run else "published")
    if summary.failure:
        ERR.print(f"c360: {summary.failure}", markup=False, soft_wrap=True)
        return _FAILED
    return 0 if summary.complete or follow or loop else _INTERRUPTED


def find_files(texts: Sequence[str], kind: str | None = None, *, follow: bool = False) -> list[Location]:
    """Find the files that are named.

    Raises: UsageError when there are none, or none that can be read.
    """
    for text in texts:
        if text.startswith("-") and text != STANDARD_INPUT:
            raise UsageError(f"there is no option {text} (see `c360 replay --help`)")
    suffix = f".{kind.lstrip('.').lower()}" if kind else None
    locations = [location for text in texts for location in locate(text, kind=suffix)]
    if not locations:
        raise UsageError("name at least one file to replay")
    for location in locations:
        check_kind(location, follow=follow)
    if follow and len(locations) > 1:
        raise UsageError("--follow is for one file: start one replay per file")
    return locations


def mapping_beside(location: Location) -> Path:
    """The mapping of a file, when none is named: `orders.toml` for `orders.csv.gz`."""
    if location.is_remote or not location.can_be_read_again:
        raise UsageError(f"{location.address} has no mapping beside it: name one with --mapping")
    name = location.name.removesuffix(location.compression)
    return Path(location.address).with_name(Path(name).with_suffix(".toml").name)


def kafka_publisher(settings: Settings, data_dir: Path | None, *, client_id: str = "c360-replay") -> KafkaPublisher:
    """Connect to the broker; topics that it lacks are created.

    Raises: Unavailable within seconds when it does not answer.
    """
    target = resolve_target(settings, data_dir)
    _create_missing_topics(target, settings)
    return KafkaPublisher(target.librdkafka(), client_id=client_id)


def replay_files(
    locations: Sequence[Location], rules: Mapping, publisher: Publisher, options: Options, *, show_progress: bool
) -> Summary:
    """Replay with a progress bar; the first Ctrl-C ends it in good order, a second one at once."""
    with progress_bar(shown=show_progress) as progress, stop_on_interrupt() as interrupts:
        name = locations[0].name if len(locations) == 1 else f"{len(locations)} files"
        task = progress.add_task(name, total=1.0, rows=0, rejected=0, rate=0)

        def show(state: replaying.Progress) -> None:
            rate = state.rows / max(progress.tasks[task].elapsed or 0, 0.001)
            progress.update(task, completed=state.share, rows=state.rows, rejected=state.rejected, rate=rate)

        return replaying.replay(
            locations, rules, publisher, options=options, on_progress=show, stop=lambda: bool(interrupts)
        )


def print_summary(summary: Summary, *, published: str = "published") -> None:
    """Print for people what a replay did."""
    if not summary.complete:
        OUT.print("Not complete: this is what was done so far.")
    OUT.print(f"{summary.rows:,} rows read in {summary.seconds:.1f} s ({summary.rows_per_second:,.0f} rows/s)")
    for stream, count in summary.published.items():
        OUT.print(f"  {count:,} {stream} {published}")
    if summary.skipped:
        OUT.print(f"  {summary.skipped:,} skipped")
    OUT.print(f"  {summary.rejected:,} rejected{':' if summary.rejected else ''}")
    if summary.rejections:
        OUT.print(_rejections_table(summary))


def summary_document(summary: Summary) -> dict[str, object]:
    """A summary as JSON has it."""
    return {
        "rows": summary.rows,
        "published": summary.published,
        "rejected": summary.rejected,
        "skipped": summary.skipped,
        "rejections": [
            {"stream": stream, "column": column, "count": rejections.count, "examples": rejections.examples}
            for (stream, column), rejections in summary.rejections.items()
        ],
        "seconds": round(summary.seconds, 3),
        "rows_per_second": round(summary.rows_per_second),
        "complete": summary.complete,
        "failure": summary.failure,
    }


def progress_bar(*, shown: bool) -> Progress:
    """A line on standard error that shows rows, rate, share, time left and rejected; nothing where nobody looks."""
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
def stop_on_interrupt() -> Iterator[list[int]]:
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


def _number(option: str, text: str | None, unit: str) -> float | None:
    if text is None:
        return None
    number = re.fullmatch(rf"(\d+(?:\.\d+)?)(?:{re.escape(unit)})?", text)
    if number is None or float(number[1]) == 0:
        raise UsageError(f"{option} {text!r} is not a number above 0, such as 60{unit}")
    return float(number[1])


def _window(start: str | None, end: str | None) -> Window | None:
    if start is None and end is None:
        return None
    return Window(_moment("--from", start), _moment("--to", end))


def _moment(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text!r} is not a day or a moment such as 2024-01-31T12:00") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def _rejections_table(summary: Summary) -> Table:
    shown = table("rows", "stream", "column", "the first of them", numbers=("rows",))
    for (stream, column), rejections in summary.rejections.items():
        shown.add_row(f"{rejections.count:,}", stream, escape(column or "-"), escape("\n".join(rejections.examples)))
    return shown


def _print_first(first: dict[str, list[msgspec.Raw]]) -> None:
    for stream, values in first.items():
        OUT.print(f"{stream}, the first {len(values)}:")
        for value in values:
            OUT.print(f"  {bytes(value).decode()}", soft_wrap=True, markup=False)


def _as_document(
    locations: Sequence[Location], summary: Summary, first: dict[str, list[msgspec.Raw]] | None
) -> dict[str, object]:
    """What `--json` prints."""
    document = {
        "files": [location.name for location in locations],
        **summary_document(summary),
        "dry_run": first is not None,
    }
    return document if first is None else {**document, "first": first}


def _create_missing_topics(target: Target, settings: Settings) -> None:
    config = target.librdkafka()
    if not set(replaying.TOPICS) <= describe_cluster(config).topics.keys():
        create_topics(
            config, partitions=settings.kafka.partitions, replication_factor=settings.kafka.replication_factor
        )
