"""What a stack tells others through its data directory: whether it runs, and where its parts can be reached.

Two locks, both freed by the kernel however their holders end: `stack.lock` is held by the supervising process,
`children.lock` by everything that it started.
"""

import fcntl
import os
import time
from pathlib import Path
from typing import Final
from uuid import uuid4

import msgspec

from events.errors import RefusedState, UsageError

_STACK_FILE: Final = "stack.json"
_CLUSTER_FILE: Final = "cluster.json"
#: A token for the API, with all scopes.
TOKEN_FILE: Final = "token"  # noqa: S105 -- no secret


class Addresses(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses and process ids of a running stack: the content of `stack.json`."""

    bootstrap_servers: str
    database_url: str
    api_url: str
    #: The supervising process.
    pid: int
    #: Name of a child ("broker", "processor-1") to its process id.
    children: dict[str, int]


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """What stays the same for one data directory: the facts in its database were partitioned by it."""

    cluster_id: str
    partitions: int


def make_folder(folder: Path) -> None:
    """Make a data directory that only its owner can look into."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def running_stack(folder: Path) -> Addresses | None:
    """Where the stack of this data directory can be reached; None when none runs, or it is not ready yet.

    Raises: UsageError when the directory can't be read.
    """
    try:
        if not is_locked(folder):
            return None
        return msgspec.json.decode((folder / _STACK_FILE).read_bytes(), type=Addresses)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(f"{folder} can't be read as a data directory: {error}") from error


def is_locked(folder: Path) -> bool:
    """Whether a stack runs, starts or stops in this data directory."""
    with (folder / "stack.lock").open("rb") as lock:
        return not _try_lock(lock.fileno(), fcntl.LOCK_SH)


def write_addresses(folder: Path, addresses: Addresses) -> None:
    """Publish where the stack is; readable by its owner only, as it holds the database's password."""
    draft = folder / f"{_STACK_FILE}.new"
    draft.touch(mode=0o600)
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(addresses), indent=2))
    draft.replace(folder / _STACK_FILE)


def remove_addresses(folder: Path) -> None:
    """Take back what `write_addresses` said."""
    (folder / _STACK_FILE).unlink(missing_ok=True)


def write_token(folder: Path, token: str) -> None:
    """Keep a token for the API, readable by the owner of the data directory only."""
    draft = folder / f"{TOKEN_FILE}.new"
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(token)
    draft.replace(folder / TOKEN_FILE)


def read_token(folder: Path) -> str | None:
    """The token that was kept; None when there is none."""
    try:
        return (folder / TOKEN_FILE).read_text().strip()
    except FileNotFoundError:
        return None


def cluster_of(folder: Path, *, partitions: int) -> Cluster:
    """The cluster id and partition count of this data directory, decided when it is first used.

    Raises: RefusedState when it was first used with another number of partitions.
    """
    file = folder / _CLUSTER_FILE
    if not file.exists():
        file.write_bytes(msgspec.json.encode(Cluster(cluster_id=str(uuid4()), partitions=partitions)))
    cluster = msgspec.json.decode(file.read_bytes(), type=Cluster)
    if cluster.partitions != partitions:
        raise RefusedState(
            f"the data in {folder} was made with {cluster.partitions} partitions, {partitions} are wanted: "
            f"set KAFKA_PARTITIONS={cluster.partitions}, or use another --data-dir"
        )
    return cluster


def lock_stack(folder: Path) -> int:
    """Make this process the one that runs a stack in this data directory, until it ends.

    Raises: RefusedState when another one does.
    """
    # For a moment: whoever asks `is_locked` holds the lock too.
    descriptor = _lock(folder / "stack.lock", seconds=0.5)
    if descriptor is None:
        running = running_stack(folder)
        who = f"process {running.pid}" if running else "it starts or stops right now"
        raise RefusedState(f"a stack already runs in {folder} ({who}): use it, stop it, or name another --data-dir")
    return descriptor


def lock_children(folder: Path, *, seconds: float) -> int:
    """Wait until everything that an earlier stack started here has ended; the children inherit the lock.

    Raises: RefusedState when something is still there after so many seconds.
    """
    descriptor = _lock(folder / "children.lock", seconds=seconds)
    if descriptor is None:
        raise RefusedState(f"processes of an earlier stack in {folder} are still ending: try again, or stop them")
    return descriptor


def _lock(file: Path, *, seconds: float) -> int | None:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + seconds
    while not _try_lock(descriptor, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
            os.close(descriptor)
            return None
        time.sleep(0.05)
    return descriptor


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
