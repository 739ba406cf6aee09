"""POST ingest, and GET ingest/{job_id}"""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import JSONResponse

from api.access.callers import ingester
from api.database import DatabaseDependency
from api.errors import (
    BrokerAway,
    DatabaseAway,
    IngestInterrupted,
    IngestRunning,
    InternalError,
    InvalidRequest,
    SourceFailed,
    TooManyIngests,
    TooSlow,
    UnknownJob,
    UnknownSource,
    documented,
)
from api.ingest.models import IngestedAnswer, JobAnswer
from api.ingest.queries import find_job
from api.ingest.runs import Ingests

router = APIRouter(tags=["writes"], dependencies=[Depends(ingester)])


@router.post(
    "/ingest",
    summary="Pull a source into the topics",
    response_model=IngestedAnswer,
    responses={
        202: {"model": JobAnswer, "description": "It goes on: follow the job at the header Location."},
        **documented(
            UnknownSource,
            InvalidRequest,
            IngestRunning,
            SourceFailed,
            BrokerAway,
            TooManyIngests,
            IngestInterrupted,
            DatabaseAway,
            TooSlow,
            InternalError,
        ),
    },
)
async def ingest(
    request: Request,
    database: DatabaseDependency,
    source: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=100,
            description="Name of the source: of its mapping, without .toml. Not needed where there is but one.",
            openapi_examples={"the sample": {"value": "crm_customers"}},
        ),
    ] = None,
    wait: Annotated[float, Query(ge=0, le=30, description="For how many seconds at most to wait for the end.")] = 5,
) -> Response:
    """Read every page of a paginated HTTP source and publish its records.

    A source that fails on the way is a 502 that says how far it came; what came before is published. Pulling again
    counts nothing twice. What takes longer than `wait` is a 202 with a job to follow.
    """
    ingests: Ingests = request.app.state.ingests
    run, end = await ingests.start(database, source)
    await asyncio.wait([end], timeout=wait)
    if run.problem:
        run.problem.extras = {"job_id": str(run.job_id), "records_processed": run.progress.records}
        raise run.problem
    headers = {"Location": f"{request.scope['path']}/{run.job_id}"}
    if run.state == "succeeded":
        answer = IngestedAnswer(records_processed=run.progress.records)
        return JSONResponse(answer.model_dump(), headers=headers)
    job = await find_job(database, run.job_id)
    assert job is not None, "it is kept for 30 days"
    return JSONResponse(JobAnswer(data=job).model_dump(mode="json"), status_code=202, headers=headers)


@router.get(
    "/ingest/{job_id}",
    summary="How far a pull is",
    responses=documented(UnknownJob, InvalidRequest, DatabaseAway, TooSlow, InternalError),
)
async def get_ingest_job(database: DatabaseDependency, job_id: UUID) -> JobAnswer:
    """State and counts of a pull, told once a second while it runs, and for 30 days after its end."""
    job = await find_job(database, job_id)
    if job is None:
        raise UnknownJob(f"there is no job {job_id}")
    return JobAnswer(data=job)
