"""How many sources one process pulls at once; all else of `POST ingest` has real servers in tests/integration."""

import asyncio
import threading
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from api.errors import TooManyIngests
from api.ingest import runs
from api.ingest.models import Job
from api.ingest.runs import MOST_RUNS, Ingests
from producers.pull import Progress, PullSummary


class JobsDatabase:
    """Keeps the ids of jobs."""

    def __init__(self) -> None:
        self.jobs: dict[UUID, dict[str, Any]] = {}

    async def write(self, _query: bytes, parameters: dict[str, Any]) -> None:
        if "job_id" in parameters:
            self.jobs[parameters["job_id"]] = parameters

    async def fetch_one(self, _query: bytes, model: Any, parameters: dict[str, Any]) -> Any:
        assert model is Job
        return Job.model_construct(state="running") if parameters["job_id"] in self.jobs else None


async def test_sources_are_pulled_a_few_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()

    def pull(_mapping: object, _publisher: object, *, on_progress: Any, stop: object) -> PullSummary:
        assert stop
        assert gate.wait(20)
        on_progress(Progress(records=7))
        return PullSummary(1, 7, 7, {}, 0, 0, {}, 0.1, complete=True)

    monkeypatch.setattr(runs, "pull", pull)
    monkeypatch.setattr(runs, "KafkaPublisher", lambda *_, **__: None)
    monkeypatch.setattr(runs, "_check_topics", lambda *_: None)
    monkeypatch.setattr(runs, "recorded", lambda *_: nullcontext(SimpleNamespace(end=lambda _: None)))
    mapping = 'source = "s"\n[http]\nurl = "http://crm"\n[[streams]]\nstream = "customers"\n'
    (tmp_path / "crm.toml").write_text(mapping + 'fields = { customer_id = "id" }\n')
    ingests, database = Ingests(tmp_path, {"bootstrap.servers": "nowhere"}), JobsDatabase()

    begun = [await ingests.start(database, "crm") for _ in range(MOST_RUNS)]  # type: ignore[arg-type]
    with pytest.raises(TooManyIngests):
        await ingests.start(database, "crm")  # type: ignore[arg-type]
    gate.set()
    await asyncio.wait([task for _, task in begun])
    assert {(run.state, run.progress.records) for run, _ in begun} == {("succeeded", 7)}
    assert {job["state"] for job in database.jobs.values()} == {"succeeded"}
    run, task = await ingests.start(database, "crm")  # type: ignore[arg-type]
    await task
    assert run.state == "succeeded"
