"""The pulls that this process runs: each in a thread of its own, watched by a task that tells the database.

A pull goes on when whoever asked for it has gone. A process that ends without a word leaves a job whose heartbeat
stops, and which so counts as interrupted. When the database is away for so long, another process may take the source
and pull it, too: that counts nothing twice.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID, uuid4

import structlog

from api.database import Database
from api.errors import (
    RETRY_LATER,
    BrokerAway,
    BrokerUnavailable,
    IngestInterrupted,
    InternalError,
    ProblemClass,
    SourceFailed,
    TooManyIngests,
    UnknownSource,
)
from api.ingest.models import State
from api.ingest.queries import end_job, keep_manifest, start_job, tell_progress
from events.admin import describe_cluster
from events.errors import Unavailable, UsageError
from events.topics import REJECTED_EVENTS
from producers.manifest import Manifest, load_of_pull, recorded
from producers.mapping import Mapping as SourceMapping
from producers.mapping_file import load_mapping
from producers.publish import KafkaPublisher
from producers.pull import Progress, PullSummary, UnnamedSource, named_source, only_source, pull

#: Pulls at once in one process: each is a thread that competes with requests for the processor.
MOST_RUNS: Final = 4

_HEARTBEAT_SECONDS: Final = 1.0
#: How long the end of a job is told to a database that is away.
_TELL_END_SECONDS: Final = 600.0
#: How long pulls may take to notice that the process ends: each looks after every page.
_STOP_SECONDS: Final = 3.0

logger = structlog.stdlib.get_logger(__name__)

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Run:
    """One pull."""

    job_id: UUID
    source: str
    #: Set by the thread after each page.
    progress: Progress = field(default_factory=Progress)
    #: Set by the thread: what `c360 replays` lists.
    manifest: Manifest | None = None
    #: The manifest that the database knows.
    kept: Manifest | None = None
    state: State = "running"
    #: Why it did not succeed.
    problem: ProblemClass | None = None

    def note_progress(self, progress: Progress) -> None:
        """In the thread."""
        self.progress = progress

    def note_manifest(self, manifest: Manifest) -> None:
        """In a thread; the task tells the database."""
        self.manifest = manifest


class Ingests:
    """Starts pulls, and knows those that run.

    Args:
        sources: Folder with the mappings that may be pulled; None: none may.
        kafka: The broker as `settings.KafkaSettings.librdkafka` gives it; None: nothing can be pulled.
    """

    def __init__(self, sources: Path | None, kafka: Mapping[str, str] | None) -> None:
        self._sources = sources
        self._kafka = kafka
        self._tasks: set[asyncio.Task[None]] = set()
        self._free = asyncio.Semaphore(MOST_RUNS)
        self._stopping = threading.Event()

    async def start(self, database: Database, source: str | None) -> tuple[Run, asyncio.Task[None]]:
        """Begin to pull a source.

        Args:
            source: Its name; None: the only one that there is.
        Returns: The pull, and the task that ends with it.
        Raises: UnknownSource, SourceFailed, IngestRunning, TooManyIngests; Unavailable.
        """
        path, mapping = await asyncio.to_thread(self._find, source)
        if self._kafka is None:
            raise BrokerUnavailable("this API knows no broker: it was started without KAFKA_BOOTSTRAP_SERVERS")
        await asyncio.to_thread(_check_topics, self._kafka, mapping)
        if self._free.locked():
            raise TooManyIngests(f"{MOST_RUNS} sources are being pulled", headers=RETRY_LATER)
        await self._free.acquire()
        try:
            run = Run(uuid4(), path.stem)
            await start_job(database, run.job_id, run.source)
        except BaseException:
            self._free.release()
            raise
        task = asyncio.create_task(self._carry_out(database, run, path, mapping))
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return run, task

    async def stop(self) -> None:
        """End all pulls at their next page, and tell that they were interrupted."""
        self._stopping.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2 * _STOP_SECONDS)

    def _find(self, source: str | None) -> tuple[Path, SourceMapping]:
        if self._sources is None:
            raise UnknownSource("this API has no sources: set C360_API_SOURCES to the folder with their mappings")
        try:
            path = named_source(self._sources, source or only_source(self._sources))
            return path, load_mapping(path)
        except UnnamedSource as error:
            raise UnknownSource(str(error)) from error
        except UsageError as error:
            raise SourceFailed(f"its mapping can't be used: {error}") from error

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._free.release()

    async def _carry_out(self, database: Database, run: Run, path: Path, mapping: SourceMapping) -> None:
        pulled = _in_thread(lambda: self._pull(run, path, mapping))
        while not self._stopping.is_set():
            await asyncio.wait([pulled], timeout=_HEARTBEAT_SECONDS)
            if pulled.done():
                break
            with suppress(Unavailable):
                await tell_progress(database, run.job_id, run.progress)
                await _tell_manifest(database, run)
        await asyncio.wait([pulled], timeout=_STOP_SECONDS)
        run.state, run.problem = pulled.result() if pulled.done() else _interrupted()
        await _tell_end(database, run)

    def _pull(self, run: Run, path: Path, mapping: SourceMapping) -> tuple[State, ProblemClass | None]:
        """In the thread: all of the pull."""
        kafka = self._kafka or {}
        try:
            publisher = KafkaPublisher(kafka, client_id="c360-ingest")
            with recorded(run.note_manifest, kafka, load_of_pull(path, mapping)) as recording:
                summary = pull(mapping, publisher, on_progress=run.note_progress, stop=self._stopping.is_set)
                recording.end(summary)
            return _outcome(summary)
        except Unavailable as error:
            return "failed", BrokerAway(str(error), headers=RETRY_LATER)
        except UsageError as error:
            return "failed", SourceFailed(str(error))
        except Exception:
            logger.exception("a pull failed unexpectedly", source=run.source, job_id=str(run.job_id))
            return "failed", InternalError()


def _check_topics(kafka: Mapping[str, str], mapping: SourceMapping) -> None:
    """Raises: BrokerUnavailable when the broker does not answer, or lacks a topic that the source feeds."""
    try:
        existing = describe_cluster(kafka).topics
    except Unavailable as error:
        raise BrokerUnavailable("the broker does not take events now") from error
    missing = {REJECTED_EVENTS.name, *(stream.stream for stream in mapping.streams)} - existing.keys()
    if missing:
        raise BrokerUnavailable(f"the broker has no topic {', '.join(sorted(missing))}: `c360 replay` creates them")


def _outcome(summary: PullSummary) -> tuple[State, ProblemClass | None]:
    if summary.complete:
        return "succeeded", None
    if summary.failure:
        return "failed", SourceFailed(str(summary.failure))
    return _interrupted()


def _interrupted() -> tuple[State, ProblemClass]:
    return "interrupted", IngestInterrupted(IngestInterrupted.example)


async def _tell_end(database: Database, run: Run) -> None:
    """Tell the database, which may be away just now."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _TELL_END_SECONDS
    while True:
        try:
            await _tell_manifest(database, run)
            await end_job(database, run.job_id, run.progress, state=run.state, problem=run.problem)
        except Unavailable:
            if loop.time() > deadline:
                logger.warning("the end of a job could not be told", job_id=str(run.job_id), state=run.state)
                return
            await asyncio.sleep(_HEARTBEAT_SECONDS)
        else:
            return


async def _tell_manifest(database: Database, run: Run) -> None:
    manifest = run.manifest
    if manifest and manifest is not run.kept:
        await keep_manifest(database, manifest)
        run.kept = manifest


def _in_thread(work: Callable[[], T]) -> "asyncio.Future[T]":
    """Do it in a thread that the process does not wait for when it ends: a source may hold it for minutes."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        result = work()
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(done.set_result, result)

    threading.Thread(target=run, name="c360-ingest", daemon=True).start()
    return done
