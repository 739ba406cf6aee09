"""What is kept of each replay and pull: enough to list it, to verify it, and to make the same load again.

Producers know Kafka alone, and must not wait for a database; so the command keeps manifests: in the database where one
is named and answers, else as files in the data directory. Both are read when they are listed.

A replay that was killed can't say so. While it runs it says every few seconds that it does; one that fell silent, or
whose process is gone from this machine, is listed as killed.
"""

import os
import re
import secrets
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec.structs import replace

import sql
from c360.database import connect
from c360.target import Target, default_data_dir
from events import admin
from events.errors import C360Error, RefusedState, Unavailable, UsageError
from producers.replay import Summary
from producers.sources import Location

_SAYS_SO_EVERY: Final = timedelta(seconds=10)
_SILENT_AFTER: Final = 3 * _SAYS_SO_EVERY

#: User, password and query of an address in a message: they may be secret.
_MAY_BE_SECRET: Final = re.compile(r"(\w://)(?:[^\s/@]*@)?([^\s?#]*)(?:[?#]\S*)?")

_KEEP: Final = sql.text("queries/replay_manifest_keep.sql").encode()
_ALL: Final = sql.text("queries/replay_manifests.sql").encode()

Outcome: TypeAlias = Literal["running", "complete", "stopped", "failed", "killed"]
#: In the place of an address that may hold secrets.
HIDDEN: Final = ""
#: Options of the command, by the names that its function gives them.
Arguments: TypeAlias = dict[str, str | bool | None]


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was read; of one that was not read to its end there is no hash."""

    address: str
    size_bytes: int | None = None
    sha256: str | None = None


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a topic partition that a replay wrote to: what others told meanwhile is in it, too."""

    topic: str
    topic_id: str
    partition: int
    #: Where the partition ended when the replay began.
    first_offset: int
    #: The last record when the replay ended; null when nothing came, or when nobody could look any more.
    last_offset: int | None = None

    @property
    def records(self) -> int:
        """How many records are in it."""
        return 0 if self.last_offset is None else self.last_offset - self.first_offset + 1


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """One replay or pull."""

    replay_id: str
    command: Literal["replay", "pull"]
    arguments: Arguments
    files: list[File]
    mapping: str
    mapping_sha256: str
    started_at: datetime
    #: When it last said that it runs, or ended.
    heard_at: datetime
    ended_at: datetime | None = None
    outcome: Outcome = "running"
    failure: str | None = None
    rows: int = 0
    #: Stream to events.
    published: dict[str, int] = {}
    rejected: int = 0
    skipped: int = 0
    cluster_id: str
    spans: list[Span]
    host: str
    pid: int
    #: The replay that this one makes again.
    repeats: str | None = None

    @property
    def sent(self) -> int:
        """Records that it wrote."""
        return sum(self.published.values()) + self.rejected

    def seen(self, now: datetime) -> "Manifest":
        """The same, as killed where it fell silent."""
        here = self.host == socket.gethostname()
        silent = now - self.heard_at > _SILENT_AFTER or (here and not _runs(self.pid))
        return replace(self, outcome="killed") if self.outcome == "running" and silent else self


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a command is about to load."""

    command: Literal["replay", "pull"]
    arguments: Arguments
    addresses: list[str]
    mapping: Path
    repeats: str | None = None


@dataclass(frozen=True, slots=True)
class Manifests:
    """Where manifests are kept.

    Args:
        url: The database, if one is named.
        folder: For those that no database took.
    """

    url: str | None
    folder: Path

    def keep(self, manifest: Manifest) -> None:
        """Keep it, in the place of what was known of this replay before."""
        try:
            self._keep_in_database(manifest)
        except C360Error:  # away, or not migrated: that is no reason not to replay
            self.folder.mkdir(parents=True, exist_ok=True)
            draft = self.folder / f"{manifest.replay_id}.new"
            draft.write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
            draft.replace(self.folder / f"{manifest.replay_id}.json")

    def all(self) -> list[Manifest]:
        """Every manifest, oldest first.

        Raises: Unavailable; RefusedState when the database was not migrated.
        """
        found = [path.read_bytes() for path in self.folder.glob("*.json")] + self._in_database()
        now = datetime.now(UTC)
        # What a replay kept in both places: the later word counts.
        manifests = sorted((msgspec.json.decode(one, type=Manifest) for one in found), key=lambda one: one.heard_at)
        latest = {one.replay_id: one.seen(now) for one in manifests}
        return sorted(latest.values(), key=lambda one: one.started_at)

    def one(self, replay_id: str) -> Manifest:
        """The one of this id. Raises: UsageError when there is none; as `all`."""
        for manifest in self.all():
            if manifest.replay_id == replay_id:
                return manifest
        raise UsageError(f"there is no replay {replay_id!r}: see `c360 replays`")

    def _keep_in_database(self, manifest: Manifest) -> None:
        if self.url is None:
            raise UsageError("no database is named")
        parameters = {
            "replay_id": manifest.replay_id,
            "started_at": manifest.started_at,
            "manifest": msgspec.json.encode(manifest).decode(),
        }
        with connect(self.url) as connection:
            connection.execute(_KEEP, parameters)

    def _in_database(self) -> list[bytes]:
        if self.url is None:
            return []
        with connect(self.url) as connection:
            return [text.encode() for (text,) in connection.execute(_ALL)]


def manifests_of(target: Target, data_dir: Path | None) -> Manifests:
    """Where the manifests of what is loaded into a target are."""
    return Manifests(target.named_database_url, (data_dir or default_data_dir()) / "replays")


class Recording:
    """A replay under way; tell it how that ended."""

    def __init__(self, manifests: Manifests, config: admin.Config, begun: Manifest) -> None:
        self._manifests = manifests
        self._config = config
        self._begun = begun
        self._ended = threading.Event()
        self._voice = threading.Thread(target=self._say_so, name="replay-manifest", daemon=True)
        manifests.keep(begun)
        self._voice.start()

    def end(self, summary: Summary) -> None:
        """Keep what the replay did."""
        outcome: Outcome = "failed" if summary.failure else "complete" if summary.complete else "stopped"
        hashes = {absolute(file.location): file for file in summary.files}
        files = [
            File(address=file.address, size_bytes=read.size_bytes, sha256=read.sha256) if read else file
            for file in self._begun.files
            for read in [hashes.get(file.address)]
        ]
        self._keep_end(
            files=files,
            outcome=outcome,
            failure=summary.failure and _MAY_BE_SECRET.sub(r"\1\2", summary.failure),
            rows=summary.rows,
            published=summary.published,
            rejected=summary.rejected,
            skipped=summary.skipped,
        )

    def fail(self, error: BaseException) -> None:
        """Keep that it broke off: how much came is not known."""
        self._keep_end(outcome="failed", failure=str(error) or type(error).__name__)

    def _keep_end(self, **known: Any) -> None:
        self._ended.set()
        self._voice.join()
        spans = self._begun.spans
        with suppress(Unavailable):  # whoever could not deliver can't ask either
            spans = _ended(spans, self._config)
        now = datetime.now(UTC)
        self._manifests.keep(replace(self._begun, heard_at=now, ended_at=now, spans=spans, **known))

    def _say_so(self) -> None:
        while not self._ended.wait(_SAYS_SO_EVERY.total_seconds()):
            self._manifests.keep(replace(self._begun, heard_at=datetime.now(UTC)))


@contextmanager
def recorded(target: Target, data_dir: Path | None, load: Load) -> Iterator[Recording]:
    """Keep a manifest of what the block loads; the topics exist.

    Raises: Unavailable when the broker does not answer.
    """
    config = target.librdkafka()
    recording = Recording(manifests_of(target, data_dir), config, _begun(config, load))
    try:
        yield recording
    except BaseException as error:
        recording.fail(error)
        raise


def absolute(location: Location) -> str:
    """An address that means the same from any folder."""
    is_path = location.can_be_read_again and not location.is_remote
    return str(Path(location.address).absolute()) if is_path else location.address


def sha256_of(path: Path) -> str:
    """Of a small file."""
    return sha256(path.read_bytes()).hexdigest()


def refuse_changes(manifest: Manifest, locations: list[Location]) -> None:
    """Raises: RefusedState naming what is not as it was; UsageError for what can't be read."""
    for change in changes(manifest, locations):
        raise RefusedState(f"{change}: this would be another load; `c360 {manifest.command}` makes it")


def changes(manifest: Manifest, locations: list[Location]) -> Iterator[str]:
    """What of a replay's files and mapping is not as it was, each as a sentence.

    Args:
        locations: Of its files, in order; none of an API.
    """
    mapping = Path(manifest.mapping)
    if not mapping.is_file():
        yield f"the mapping {mapping} is gone"
    elif sha256_of(mapping) != manifest.mapping_sha256:
        yield f"the mapping {mapping} has changed"
    for file, location in zip(manifest.files, locations, strict=False):
        if file.sha256 is None:
            yield f"of {file.address} no hash is known: it was not read to its end"
        elif not location.is_remote and not Path(file.address).is_file():
            yield f"the file {file.address} is gone"
        elif location.digest().hexdigest() != file.sha256:
            yield f"the file {file.address} has changed"


def _begun(config: admin.Config, load: Load) -> Manifest:
    now = datetime.now(UTC)
    cluster = admin.describe_cluster(config)
    return Manifest(
        replay_id=f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
        command=load.command,
        arguments=load.arguments,
        files=[File(address=address) for address in load.addresses],
        mapping=str(load.mapping.absolute()),
        mapping_sha256=sha256_of(load.mapping),
        started_at=now,
        heard_at=now,
        cluster_id=cluster.cluster_id,
        spans=_spans(config, cluster),
        host=socket.gethostname(),
        pid=os.getpid(),
        repeats=load.repeats,
    )


def _spans(config: admin.Config, cluster: admin.Cluster) -> list[Span]:
    """Where every partition ends now."""
    places = {(name, number): 0 for name, state in cluster.topics.items() for number in range(state.partitions)}
    return [
        Span(topic=topic, topic_id=cluster.topics[topic].topic_id, partition=partition, first_offset=end)
        for (topic, partition), end in sorted(admin.end_offsets(config, places).items())
    ]


def _ended(spans: list[Span], config: admin.Config) -> list[Span]:
    """Those of them that grew, with where they end now."""
    starts = {(span.topic, span.partition): span.first_offset for span in spans}
    ends: Mapping[tuple[str, int], int] = admin.end_offsets(config, starts)
    return [
        replace(span, last_offset=end - 1)
        for span in spans
        for end in [ends[span.topic, span.partition]]
        if end > span.first_offset
    ]


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        pass
    return True
