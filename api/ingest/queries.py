"""Jobs as the database knows them: the one place where all API processes see them."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import msgspec

from api.database import Database, query_text
from api.errors import TYPE_URI, IngestInterrupted, IngestRunning, ProblemClass
from api.ingest.models import Job, State
from producers.manifest import Manifest
from producers.pull import Progress

_EXPIRE: Final = query_text("ingest_expire")
_START: Final = query_text("ingest_start")
_PROGRESS: Final = query_text("ingest_progress")
_END: Final = query_text("ingest_end")
_JOB: Final = query_text("ingest_job")
_RUNNING: Final = query_text("ingest_running")
_KEEP_MANIFEST: Final = query_text("replay_manifest_keep")


@dataclass(frozen=True, slots=True)
class _Id:
    job_id: UUID


async def start_job(database: Database, job_id: UUID, source: str) -> None:
    """Take a source, so that nobody else pulls it at the same time.

    Raises: IngestRunning when somebody does; Unavailable.
    """
    await database.write(_EXPIRE, {"source": source})
    await database.write(_START, {"job_id": job_id, "source": source})
    if await find_job(database, job_id) is None:
        running = await database.fetch_one(_RUNNING, _Id, {"source": source})
        raise IngestRunning(
            f"source {source!r} is being pulled: follow that job, or ask again when it has ended",
            job_id=str(running.job_id) if running else None,
        )


async def find_job(database: Database, job_id: UUID) -> Job | None:
    """A job, as it is now. Raises: Unavailable."""
    job = await database.fetch_one(_JOB, Job, {"job_id": job_id})
    if job and job.state == "interrupted" and job.error is None:
        job.error = as_document(IngestInterrupted(IngestInterrupted.example))
    return job


async def tell_progress(database: Database, job_id: UUID, progress: Progress) -> None:
    """Tell that it runs, and how far it is. Raises: Unavailable."""
    await database.write(_PROGRESS, {"job_id": job_id, **_counts(progress)})


async def end_job(
    database: Database, job_id: UUID, progress: Progress, *, state: State, problem: ProblemClass | None
) -> None:
    """Tell how it ended. Raises: Unavailable."""
    error = _as_json(as_document(problem)) if problem else None
    await database.write(_END, {"job_id": job_id, "state": state, "error": error, **_counts(progress)})


async def keep_manifest(database: Database, manifest: Manifest) -> None:
    """Keep what is known of a pull, as `c360 pull` does. Raises: Unavailable."""
    await database.write(_KEEP_MANIFEST, manifest.as_row())


def as_document(problem: ProblemClass) -> dict[str, Any]:
    """A problem as a job tells it."""
    return problem.marshal(uri=TYPE_URI)


def _counts(progress: Progress) -> dict[str, Any]:
    return {
        "pages": progress.pages,
        "records": progress.records,
        "published": _as_json(progress.published),
        "rejected": progress.rejected,
    }


def _as_json(document: object) -> str:
    return msgspec.json.encode(document).decode()
