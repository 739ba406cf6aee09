"""What is kept of each replay and pull: enough to list it, to verify it, and to make the same load again.

Producers know Kafka alone: whoever loads says where a manifest is kept. It is kept when the load begins, every few
seconds while it runs, and when it ended; one that fell silent was killed.
"""

import os
import re
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from events import admin
from events.errors import Unavailable
from producers.mapping import Mapping
from producers.pull import PullSummary, shown_address
from producers.replay import Summary
from producers.sources import Location

SAYS_SO_EVERY: Final = timedelta(seconds=10)

#: User, password and query of an address in a message: they may be secret.
_MAY_BE_SECRET: Final = re.compile(r"(\w://)(?:[^\s/@]*@)?([^\s?#]*)(?:[?#]\S*)?")

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
    """The part of a topic partition that a load wrote to: what others told meanwhile is in it, too."""

    topic: str
    topic_id: str
    partition: int
    #: Where the partition ended when the load began.
    first_offset: int
    #: The last record when the load ended; null when nothing came, or when nobody could look any more.
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

    def as_row(self) -> dict[str, Any]:
        """Parameters of sql/queries/replay_manifest_keep.sql."""
        manifest = msgspec.json.encode(self).decode()
        return {"replay_id": self.replay_id, "started_at": self.started_at, "manifest": manifest}


#: Keeps a manifest in the place of what was known of its load before; called from several threads, one at a time.
Keep = Callable[[Manifest], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is about to be loaded."""

    command: Literal["replay", "pull"]
    arguments: Arguments
    addresses: list[str]
    mapping: Path
    repeats: str | None = None


def load_of_pull(path: Path, mapping: Mapping, *, url: str | None = None, repeats: str | None = None) -> Load:
    """Of a mapping with a table `[http]`, and where that is: nothing that may be secret in the address.

    Args:
        url: Where the API is, if not where the mapping says.
    """
    shown = shown_address(mapping.http) if mapping.http else ""
    arguments: Arguments = {"url": url if url in {None, shown} else HIDDEN}
    return Load(command="pull", arguments=arguments, addresses=[shown], mapping=path, repeats=repeats)


class Recording:
    """A load under way; tell it how that ended."""

    def __init__(self, keep: Keep, config: admin.Config, begun: Manifest) -> None:
        self._keep = keep
        self._config = config
        self._begun = begun
        self._ended = threading.Event()
        self._voice = threading.Thread(target=self._say_so, name="replay-manifest", daemon=True)
        keep(begun)
        self._voice.start()

    def end(self, summary: Summary | PullSummary) -> None:
        """Keep what the load did."""
        failure = summary.failure and _MAY_BE_SECRET.sub(r"\1\2", str(summary.failure))
        self._keep_end(
            files=_read(self._begun.files, summary),
            outcome="failed" if failure else "complete" if summary.complete else "stopped",
            failure=failure,
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
            spans = _grown(spans, self._config)
        now = datetime.now(UTC)
        self._keep(replace(self._begun, heard_at=now, ended_at=now, spans=spans, **known))

    def _say_so(self) -> None:
        while not self._ended.wait(SAYS_SO_EVERY.total_seconds()):
            self._keep(replace(self._begun, heard_at=datetime.now(UTC)))


@contextmanager
def recorded(keep: Keep, config: admin.Config, load: Load) -> Iterator[Recording]:
    """Keep a manifest of what the block loads; the topics exist.

    Raises: Unavailable when the broker does not answer.
    """
    recording = Recording(keep, config, _begun(config, load))
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


def _grown(spans: list[Span], config: admin.Config) -> list[Span]:
    """Those of them that grew, with where they end now."""
    ends = admin.end_offsets(config, {(span.topic, span.partition): span.first_offset for span in spans})
    ended = [replace(span, last_offset=ends[span.topic, span.partition] - 1) for span in spans]
    return [span for span in ended if span.records]


def _read(files: list[File], summary: Summary | PullSummary) -> list[File]:
    """The files, with the hashes of those that were read to their ends; an API has none."""
    if isinstance(summary, PullSummary):
        return files
    hashed = {
        absolute(one.location): File(address=absolute(one.location), size_bytes=one.size_bytes, sha256=one.sha256)
        for one in summary.files
    }
    return [hashed.get(file.address, file) for file in files]
