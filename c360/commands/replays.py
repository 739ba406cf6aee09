"""`c360 replays`: what was loaded into the topics; whether it is all there; and the same load once more."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import msgspec
from cyclopts import App
from rich.markup import escape

from c360.commands.pull import pull
from c360.commands.replay import replay
from c360.database import connect
from c360.manifests import changes, manifests_of, refuse_changes
from c360.output import OUT, print_json, table
from c360.target import Target, resolve_target
from events import admin, topics
from events.errors import UsageError
from producers.manifest import HIDDEN, Manifest, Span
from producers.sources import Location, locate
from producers.sources.location import STANDARD_INPUT
from settings import Settings

_POSITIONS: Final = "SELECT topic, partition, topic_id, next_offset FROM positions WHERE retired_at IS NULL"

replays = App(name="replays", help="What was loaded into the topics: list it, verify it, make a load again.")


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One question of `c360 replays verify`, and every reason why its answer is no."""

    check: str
    findings: list[str]


@replays.default
def list_all(*, json: bool = False, data_dir: Path | None = None) -> None:
    """List replays and pulls, oldest first.

    Parameters
    ----------
    json: bool
        Print the manifests as a JSON array.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    found = manifests_of(resolve_target(Settings(), data_dir), data_dir).all()
    if json:
        print_json(found)
    else:
        _print(found)


@replays.command
def verify(replay_id: str, /, *, json: bool = False, data_dir: Path | None = None) -> int:
    """See whether a load is still what it was, and all of it processed; exits with 1 when something is not so.

    Parameters
    ----------
    replay_id: str
        As `c360 replays` lists it.
    json: bool
        Print the result as JSON.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    target = resolve_target(Settings(), data_dir)
    checks = verification(manifests_of(target, data_dir).one(replay_id), target)
    ok = not any(check.findings for check in checks)
    if json:
        print_json({"replay_id": replay_id, "ok": ok, "checks": checks})
    else:
        _print_checks(checks)
    return 0 if ok else 1


@replays.command
def repeat(replay_id: str, /, *, json: bool = False, quiet: bool = False, data_dir: Path | None = None) -> int:
    """Make the same load again, with the same options; refused where files or mapping are not as they were.

    Parameters
    ----------
    replay_id: str
        As `c360 replays` lists it.
    json: bool
        Print the summary as JSON.
    quiet: bool
        No progress and no summary; errors only.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    manifest = manifests_of(resolve_target(Settings(), data_dir), data_dir).one(replay_id)
    locations = _locations(manifest)
    if any(not location.can_be_read_again for location in locations):
        raise UsageError(f"{replay_id} read standard input: it can't be read again")
    if manifest.arguments.get("url") == HIDDEN:
        raise UsageError(f"{replay_id} had more in its address than is kept: use `c360 pull --url`")
    refuse_changes(manifest, locations)
    # As the command was given them.
    options: dict[str, Any] = {**manifest.arguments, "json": json, "quiet": quiet, "data_dir": data_dir}
    mapping = Path(manifest.mapping)
    if manifest.command == "pull":
        return pull(mapping, repeats=replay_id, **options)
    return replay(*(location.address for location in locations), mapping=mapping, repeats=replay_id, **options)


def verification(manifest: Manifest, target: Target) -> list[Check]:
    """Every check of one replay.

    Raises: Unavailable; RefusedState when the database was not migrated.
    """
    cluster = admin.describe_cluster(target.librdkafka())
    strangers = list(_strangers(manifest, cluster))
    questions: dict[str, Callable[[], Iterable[str]]] = {
        "it was made to its end": lambda: _ending(manifest),
        "files and mapping are as they were": lambda: changes(manifest, _locations(manifest)),
        "its topics are those that are there": lambda: strangers,
        "the counts add up": lambda: _wrong_counts(manifest),
        # Offsets of another topic mean nothing.
        "its records are still in the topics": lambda: () if strangers else _gone(manifest, target),
        "all of it was processed": lambda: () if strangers else _unprocessed(manifest, target),
    }
    return [Check(check=name, findings=list(ask())) for name, ask in questions.items()]


def _ending(manifest: Manifest) -> Iterator[str]:
    if manifest.outcome != "complete":
        yield f"it is {manifest.outcome}{f': {manifest.failure}' if manifest.failure else ''}"


def _strangers(manifest: Manifest, cluster: admin.Cluster) -> Iterator[str]:
    if cluster.cluster_id != manifest.cluster_id:
        yield f"it was loaded into cluster {manifest.cluster_id}, this is {cluster.cluster_id}"
    for topic, topic_id in sorted({(span.topic, span.topic_id) for span in manifest.spans}):
        state = cluster.topics.get(topic)
        if state is None or state.topic_id != topic_id:
            yield f"topic {topic} was deleted{' and created again' if state else ''} since"


def _wrong_counts(manifest: Manifest) -> Iterator[str]:
    """More records than it sent are others', told meanwhile."""
    told = manifest.sent + manifest.skipped
    if manifest.rows != told:
        yield f"{manifest.rows:,} rows were read, but {told:,} published, rejected or skipped"
    expected = {**manifest.published, topics.REJECTED_EVENTS.name: manifest.rejected}
    for topic, records in expected.items():
        found = sum(span.records for span in manifest.spans if span.topic == topic)
        if found < records:
            yield f"{records:,} records were sent to {topic}, which grew by {found:,}"


def _gone(manifest: Manifest, target: Target) -> Iterator[str]:
    written = [span for span in manifest.spans if span.records]
    firsts = admin.first_offsets(target.librdkafka(), [(span.topic, span.partition) for span in written])
    for span in written:
        if span.first_offset < firsts[span.topic, span.partition]:
            yield f"{_place(span)} begins with offset {firsts[span.topic, span.partition]:,} now"


def _unprocessed(manifest: Manifest, target: Target) -> Iterator[str]:
    if target.named_database_url is None:
        yield "not known: no database is named"
        return
    with connect(target.named_database_url) as connection:
        positions = {(topic, partition): (topic_id, offset)
                     for topic, partition, topic_id, offset in connection.execute(_POSITIONS)}  # fmt: skip
    for span in manifest.spans:
        topic_id, next_offset = positions.get((span.topic, span.partition), (span.topic_id, 0))
        if span.last_offset is None:
            continue
        if topic_id != span.topic_id:
            yield f"{_place(span)}: the processors follow another topic of this name"
        elif next_offset <= span.last_offset:
            yield f"{_place(span)} is processed up to offset {next_offset:,}"


def _place(span: Span) -> str:
    return f"{span.topic}[{span.partition}] {span.first_offset:,} to {cast(int, span.last_offset):,}"


def _locations(manifest: Manifest) -> list[Location]:
    """The files as they were named; an API has none."""
    if manifest.command == "pull":
        return []
    kind = manifest.arguments.get("kind")
    suffix = f".{kind.lstrip('.').lower()}" if isinstance(kind, str) else None
    return [_location(file.address, suffix) for file in manifest.files]


def _location(address: str, suffix: str | None) -> Location:
    """Also of a file that is gone: that is for `changes` to say."""
    if address == STANDARD_INPUT or "://" in address or Path(address).exists():
        return locate(address, kind=suffix)[0]
    return Location(address, suffix or Path(address).suffix)


def _print(found: list[Manifest]) -> None:
    if not found:
        OUT.print("Nothing was replayed or pulled.")
        return
    shown = table("replay", "outcome", "took", "rows", "published", "rejected", "from",
                  numbers=("took", "rows", "published", "rejected"))  # fmt: skip
    for one in found:
        took = (one.ended_at or datetime.now(UTC)) - one.started_at
        counts = (one.rows, sum(one.published.values()), one.rejected)
        names = ", ".join(Path(file.address).name for file in one.files)
        # How much came is known at the end.
        cells = [f"{count:,}" for count in counts] if one.ended_at else ["?"] * len(counts)
        lasted = "?" if one.outcome == "killed" else f"{took.total_seconds():,.1f} s"
        shown.add_row(one.replay_id, one.outcome, lasted, *cells, escape(names))
    OUT.print(shown)


def _print_checks(checks: list[Check]) -> None:
    for check in checks:
        OUT.print(f"{'NO ' if check.findings else 'yes'} {check.check}", markup=False)
        for finding in check.findings:
            OUT.print(f"    {finding}", markup=False)
