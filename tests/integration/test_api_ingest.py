"""`POST ingest`: from an HTTP source through `c360 api` into the topics, with all that may go wrong on the way."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import psycopg
import pytest
from api_process import api_process, wait_until

from api.access.tokens import Scope, create_token
from c360.commands.replays import verification
from c360.manifests import Manifests
from c360.target import resolve_target
from producers.manifest import Manifest
from settings import Settings
from tests.faults.stand import Stand
from tests.integration.test_replay import consume

PEOPLE = [{"id": number, "name": f"N{number}"} for number in range(1, 26)]
NOBODYS_JOB = "/ingest/0b2f6a52-9d5c-4a4e-8b52-6a1f0c3f7d11"
MAPPING = """
source = "{name}"
[http]
url = "{url}"
limit = 10
attempts = 1
[[streams]]
stream = "customers"
fields = {{ customer_id = "id", first_name = "name" }}
"""


class Crm:
    """An API with three pages of customers."""

    def __init__(self) -> None:
        #: Page to what must happen before it is answered.
        self.gates: dict[int, threading.Event] = {}
        #: Page to the status that it is answered with.
        self.statuses: dict[int, int] = {}
        crm = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = int(parse_qs(urlsplit(self.path).query)["page"][0])
                if gate := crm.gates.get(page):
                    gate.wait(30)
                content = json.dumps({"data": PEOPLE[page * 10 - 10 : page * 10], "total_pages": 3}).encode()
                self.send_response(crm.statuses.get(page, 200))
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/people"
        threading.Thread(target=self._server.serve_forever, args=[0.02], daemon=True).start()

    def close(self) -> None:
        for gate in self.gates.values():
            gate.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def crm() -> Iterator[Crm]:
    server = Crm()
    yield server
    server.close()


@pytest.fixture
def sources(crm: Crm, tmp_path: Path) -> Path:
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "crm.toml").write_text(MAPPING.format(name="crm", url=crm.url))
    (folder / "no_api.toml").write_text(
        'source = "x"\n[[streams]]\nstream = "customers"\nfields = { customer_id = "id" }'
    )
    return folder


@pytest.fixture
def start(stand: Stand, database: str, sources: Path, tmp_path: Path) -> Callable[[str], Any]:
    """Start an API; gives a client of it that may ingest, and its process."""
    with psycopg.connect(database) as connection:
        token = create_token(connection, "test", [Scope.INGEST])

    def begin(name: str) -> Any:
        kafka = stand.kafka["bootstrap.servers"]
        return api_process(database, tmp_path / f"{name}.log", kafka=kafka, C360_API_SOURCES=sources)

    begin.token = token  # type: ignore[attr-defined]
    return begin


@pytest.fixture
def api(start: Any) -> Iterator[httpx2.Client]:
    with start("api") as (url, _), client_of(url, start.token) as client:
        yield client


def client_of(url: str, token: str) -> httpx2.Client:
    return httpx2.Client(base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=40)


def job_of(api: httpx2.Client, answer: httpx2.Response) -> dict[str, Any]:
    found = api.get(answer.headers["Location"].removeprefix("/api/v1"))
    assert found.status_code == 200, found.text
    job: dict[str, Any] = found.json()["data"]
    return job


def manifests(database: str) -> list[Manifest]:
    return Manifests(database, Path("/nowhere")).all()


def test_a_source_is_pulled(api: httpx2.Client, stand: Stand, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", stand.kafka["bootstrap.servers"])
    monkeypatch.setenv("DATABASE_URL", database)
    answer = api.post("/ingest?source=crm")
    assert answer.json() == {"status": "success", "records_processed": 25}
    assert answer.status_code == 200
    wait_until(lambda: job_of(api, answer)["state"] == "succeeded")
    assert job_of(api, answer)["published"] == {"customers": 25}
    (manifest,) = manifests(database)
    assert (manifest.command, manifest.outcome, manifest.rows, manifest.published) == (
        *("pull", "complete", 25),
        {"customers": 25},
    )
    assert sum(span.records for span in manifest.spans if span.topic == "customers") == 25
    # It can be verified and made again like any other.
    assert [check.findings for check in verification(manifest, resolve_target(Settings(), None))][:5] == [[]] * 5
    # As the batch systems asked for it; the only source with an API need not be named.
    again = httpx2.post(str(api.base_url).replace("/v1", "") + "ingest", headers=api.headers)
    assert again.json() == {"status": "success", "records_processed": 25}
    customers = consume(stand.broker.address, "customers", 50)
    assert len({event.identity for event in customers}) == 25


def test_a_long_pull_is_a_job_to_follow(api: httpx2.Client, crm: Crm, stand: Stand) -> None:
    crm.gates[3] = threading.Event()
    answer = api.post("/ingest?source=crm&wait=0.2")
    assert answer.status_code == 202
    assert answer.json()["data"]["state"] == "running"
    wait_until(lambda: job_of(api, answer)["records_processed"] == 20)
    other = api.post("/ingest?source=crm")
    assert (other.status_code, other.json()["type"]) == (409, "/problems/ingest-running")
    assert other.json()["job_id"] == answer.json()["data"]["job_id"]
    crm.gates[3].set()
    wait_until(lambda: job_of(api, answer)["state"] != "running")
    job = job_of(api, answer)
    assert (job["state"], job["pages"], job["records_processed"], job["error"]) == ("succeeded", 3, 25, None)
    assert len(consume(stand.broker.address, "customers", 25)) == 25


def test_a_source_that_dies_in_the_middle(api: httpx2.Client, crm: Crm, stand: Stand, database: str) -> None:
    crm.statuses[3] = 500
    failed = api.post("/ingest?source=crm")
    assert failed.status_code == 502
    problem = failed.json()
    assert (problem["type"], problem["records_processed"]) == ("/problems/source-failed", 20)
    assert "2 pages came before and are published; pulling again counts nothing twice" in problem["detail"]
    job = api.get(f"/ingest/{problem['job_id']}").json()["data"]
    assert (job["state"], job["error"]["type"]) == ("failed", "/problems/source-failed")
    (manifest,) = manifests(database)
    assert (manifest.outcome, manifest.rows) == ("failed", 20)
    consume(stand.broker.address, "customers", 20)
    crm.statuses.clear()
    assert api.post("/ingest?source=crm").json()["records_processed"] == 25
    assert len({event.identity for event in consume(stand.broker.address, "customers", 45)}) == 25


def test_what_can_not_be_pulled(api: httpx2.Client, stand: Stand, database: str) -> None:
    for path, status, kind in (
        ("/ingest?source=nobody", 404, "unknown-source"),
        ("/ingest?source=../crm", 404, "unknown-source"),
        ("/ingest?source=no_api", 502, "source-failed"),
        ("/ingest?wait=31", 422, "invalid-request"),
    ):
        answer = api.post(path)
        assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{kind}")
    assert api.get(NOBODYS_JOB).json()["type"] == "/problems/unknown-job"
    assert api.get("/ingest/nonsense").status_code == 422

    with psycopg.connect(database) as connection:
        reader = {"Authorization": f"Bearer {create_token(connection, 'reader', [Scope.READ])}"}
    assert api.post("/ingest", headers=reader).status_code == 403
    assert api.get(NOBODYS_JOB, headers=reader).status_code == 403

    stand.broker.stop()
    away = api.post("/ingest?source=crm")
    assert (away.status_code, away.json()["type"]) == (503, "/problems/broker-away")


def test_several_processes_and_one_that_is_killed(start: Any, crm: Crm, database: str) -> None:
    crm.gates[2] = threading.Event()
    with (
        start("one") as (url, process),
        start("two") as (other_url, _),
        client_of(url, start.token) as one,
        client_of(other_url, start.token) as two,
    ):
        answer = one.post("/ingest?source=crm&wait=0")
        assert answer.status_code == 202
        # Every process knows the job.
        assert two.post("/ingest?source=crm").status_code == 409
        assert job_of(two, answer)["state"] == "running"
        wait_until(lambda: len(manifests(database)) == 1)
        process.kill()
        process.wait()
        _let_time_pass(database)
        assert job_of(two, answer)["state"] == "interrupted"
        assert [manifest.outcome for manifest in manifests(database)] == ["killed"]
        assert job_of(two, answer)["error"]["type"] == "/problems/ingest-interrupted"
        crm.gates[2].set()
        assert two.post("/ingest?source=crm").json() == {"status": "success", "records_processed": 25}
        assert job_of(two, answer)["state"] == "interrupted"


def _let_time_pass(database: str) -> None:
    """As if the last heartbeat were 16 seconds ago."""
    with psycopg.connect(database) as connection:
        connection.execute("UPDATE ingest_jobs SET heartbeat_at = heartbeat_at - interval '16 seconds'")


def test_an_api_that_is_told_to_stop_says_so(start: Any, crm: Crm, database: str) -> None:
    crm.gates[2] = threading.Event()
    with start("api") as (url, process), client_of(url, start.token) as client:
        assert client.post("/ingest?source=crm&wait=0").status_code == 202
        wait_until(lambda: _jobs(database)[0][1] == 10)
        process.terminate()
        assert process.wait(20) == 0
    assert _jobs(database) == [("interrupted", 10)]
    assert [manifest.outcome for manifest in manifests(database)] == ["killed"], "in the middle of a page"


def _jobs(database: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database) as connection:
        return connection.execute("SELECT state, records FROM ingest_jobs").fetchall()
