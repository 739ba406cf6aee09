"""Where the manifests of replays and pulls are kept: in the database where one is named and answers, else in files.

Loading must not wait for a database. Both places are read when manifests are listed, and what became of their files
is seen when a load is verified or made again.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

import sql
from c360.database import connect
from c360.target import Target, default_data_dir
from events.errors import C360Error, RefusedState, UsageError
from producers import manifest as manifests
from producers.manifest import SAYS_SO_EVERY, Load, Manifest, Recording, sha256_of
from producers.sources import Location

_SILENT_AFTER: Final = 3 * SAYS_SO_EVERY

_KEEP: Final = sql.text("queries/replay_manifest_keep.sql").encode()
_ALL: Final = sql.text("queries/replay_manifests.sql").encode()


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
        # What a replay kept in both places: the later word counts.
        said = sorted((msgspec.json.decode(one, type=Manifest) for one in found), key=lambda one: one.heard_at)
        latest = {one.replay_id: _as_seen(one) for one in said}
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
        with connect(self.url) as connection:
            connection.execute(_KEEP, manifest.as_row())

    def _in_database(self) -> list[bytes]:
        if self.url is None:
            return []
        with connect(self.url) as connection:
            return [text.encode() for (text,) in connection.execute(_ALL)]


def manifests_of(target: Target, data_dir: Path | None) -> Manifests:
    """Where the manifests of what is loaded into a target are."""
    return Manifests(target.named_database_url, (data_dir or default_data_dir()) / "replays")


def recorded(target: Target, data_dir: Path | None, load: Load) -> AbstractContextManager[Recording]:
    """Keep a manifest of what the block loads into a target; its topics exist.

    Raises: Unavailable when the broker does not answer.
    """
    return manifests.recorded(manifests_of(target, data_dir).keep, target.librdkafka(), load)


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


def _as_seen(manifest: Manifest) -> Manifest:
    """As killed where it fell silent: it can't say so itself."""
    here = manifest.host == socket.gethostname()
    silent = datetime.now(UTC) - manifest.heard_at > _SILENT_AFTER or (here and not _runs(manifest.pid))
    return replace(manifest, outcome="killed") if manifest.outcome == "running" and silent else manifest


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        pass
    return True
