"""What is answered about pulls."""

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

State = Literal["running", "succeeded", "failed", "interrupted"]

_EXAMPLE: Final[JsonDict] = {
    "job_id": "0b2f6a52-9d5c-4a4e-8b52-6a1f0c3f7d11",
    "source": "crm_customers",
    "state": "running",
    "pages": 12,
    "records_processed": 1200,
    "published": {"customers": 1198},
    "rejected": 2,
    "started_at": "2026-11-21T10:15:00Z",
    "ended_at": None,
    "error": None,
}


class IngestedAnswer(BaseModel):
    """Answer of `POST ingest` when all of the source was read."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "success", "records_processed": 25}]})

    status: Literal["success"] = "success"
    records_processed: int = Field(description="Records of the source that were read; each is published or rejected.")


class Job(BaseModel):
    """One pull of a source."""

    job_id: UUID
    source: str
    state: State = Field(description="interrupted: the process that ran it ended, or was told to.")
    pages: int = Field(description="Pages read so far.")
    records_processed: int = Field(description="Records read so far.")
    published: dict[str, int] = Field(description="Events published so far, by stream.")
    rejected: int = Field(description="Records that could not become an event: they are in rejected_events.")
    started_at: datetime
    ended_at: datetime | None
    error: dict[str, Any] | None = Field(description="Why it did not succeed, as a problem.")


class JobAnswer(BaseModel):
    """Answer of `GET ingest/{job_id}`, and of `POST ingest` when the pull takes longer than the caller waits."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"data": _EXAMPLE}]})

    data: Job
