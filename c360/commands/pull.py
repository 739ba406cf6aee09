"""`c360 pull`: read a paginated HTTP API into the topics."""

from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from msgspec.structs import replace
from rich.progress import Progress

from c360.commands.replay import kafka_publisher, print_summary, progress_bar, stop_on_interrupt, summary_document
from c360.manifests import recorded
from c360.output import OUT, print_json
from c360.target import resolve_target
from events.errors import UsageError
from producers import pull as pulling
from producers.manifest import load_of_pull
from producers.mapping import Mapping
from producers.mapping_file import load_mapping
from producers.publish import DryRun, Publisher
from producers.pull import PullSummary
from producers.replay import Summary
from settings import Settings

_INTERRUPTED: Final = 130  # as a shell reports a program that SIGINT ended


def pull(
    source: Path,
    /,
    *,
    url: str | None = None,
    data_dir: Path | None = None,
    dry_run: bool = False,
    json: bool = False,
    quiet: bool = False,
    repeats: Annotated[str | None, Parameter(parse=False)] = None,
) -> int:
    """Read every page of an API and publish its records; pulling again counts nothing twice.

    Parameters
    ----------
    source: Path
        The mapping of the source, with a table [http] (docs/sources.md).
    url: str
        Where it is, instead of what the mapping says.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    dry_run: bool
        Publish nothing: show what would be rejected.
    json: bool
        Print the summary as JSON.
    quiet: bool
        No progress and no summary; errors only.
    repeats: str
        The pull that is made again (`c360 replays repeat`).
    """
    rules = _at_url(load_mapping(source), url)
    show_progress = not (quiet or json)
    if dry_run:
        summary = _pull(rules, DryRun(), show_progress=show_progress)
    else:
        settings = Settings()
        publisher = kafka_publisher(settings, data_dir, client_id="c360-pull")
        load = load_of_pull(source, rules, url=url, repeats=repeats)
        with recorded(resolve_target(settings, data_dir), data_dir, load) as recording:
            summary = _pull(rules, publisher, show_progress=show_progress)
            recording.end(summary)
    if json:
        print_json(_as_document(summary, dry_run=dry_run))
    elif not quiet:
        OUT.print(f"{summary.pages:,} pages")
        print_summary(_as_replayed(summary), published="would be published" if dry_run else "published")
    if summary.failure:
        raise summary.failure
    return 0 if summary.complete else _INTERRUPTED


def _at_url(rules: Mapping, url: str | None) -> Mapping:
    if url is None:
        return rules
    if rules.http is None:
        raise UsageError("--url is for mappings with a table [http]: this one has none")
    return Mapping(rules.source, rules.streams, rules.csv, rules.records, replace(rules.http, url=url))


def _pull(rules: Mapping, publisher: Publisher, *, show_progress: bool) -> PullSummary:
    with progress_bar(shown=show_progress) as progress, stop_on_interrupt() as interrupts:
        progress.add_task(rules.source, total=None, rows=0, rejected=0, rate=0)
        return pulling.pull(
            rules, publisher, on_progress=lambda state: _show(progress, state), stop=lambda: bool(interrupts)
        )


def _show(progress: Progress, state: pulling.Progress) -> None:
    (bar,) = progress.tasks
    rate = state.rows / max(bar.elapsed or 0, 0.001)
    progress.update(
        bar.id, completed=state.pages, total=state.total_pages, rows=state.rows, rejected=state.rejected, rate=rate
    )


def _as_replayed(summary: PullSummary) -> Summary:
    failure = str(summary.failure) if summary.failure else None
    return Summary(
        rows=summary.rows,
        published=summary.published,
        rejected=summary.rejected,
        skipped=summary.skipped,
        rejections=summary.rejections,
        seconds=summary.seconds,
        complete=summary.complete,
        failure=failure,
    )


def _as_document(summary: PullSummary, *, dry_run: bool) -> dict[str, object]:
    """What `--json` prints."""
    return {"pages": summary.pages, **summary_document(_as_replayed(summary)), "dry_run": dry_run}
