"""Events sent over HTTP, through a real broker and a real processor, and read back."""

import asyncio
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from api_process import api_process, wait_until
from confluent_kafka import Producer
from prometheus_client.parser import text_string_to_metric_families

from api.access.tokens import Scope, create_token
from events import admin
from local_stack import processes
from tests.faults.stand import Stand


@pytest.fixture
def api(stand: Stand, database: str, tmp_path: Path) -> Iterator[httpx2.Client]:
    """A client that may do everything."""
    with psycopg.connect(database) as connection:
        token = create_token(connection, "test", list(Scope))
    kafka = stand.kafka["bootstrap.servers"]
    headers = {"Authorization": f"Bearer {token}"}
    with (
        api_process(database, tmp_path / "api.log", open_reads=False, kafka=kafka) as (url, _),
        httpx2.Client(base_url=f"{url}/api/v1", headers=headers, timeout=40) as client,
    ):
        yield client


def interaction(number: int, customer: str = "1") -> dict[str, str]:
    return {
        "event_id": f"e-{number}",
        "customer_id": customer,
        "channel": "Email",
        "occurred_at": "2020-02-11T16:10:00Z",
    }


def test_every_write_is_read_back_under_load(stand: Stand, api: httpx2.Client) -> None:
    """1,000 writes by 20 writers at once, each read back at once with its position: none may be missing."""
    stand.start_processor()
    # The consumer group takes its time to start.
    first = api.post("/events/interactions", json=interaction(0, "warm"))
    assert first.status_code == 202, first.text
    wait_until(lambda: api.get("/interactions/warm").status_code == 200, seconds=60)

    async def write_and_read(client: httpx2.AsyncClient, writer: int) -> None:
        for number in range(1, 51):
            sent = await client.post("/events/interactions", json=interaction(writer * 1000 + number, f"w{writer}"))
            assert sent.status_code == 202, sent.text
            position = {"C360-Position": sent.headers["C360-Position"]}
            answer = await client.get(f"/interactions/w{writer}?wait=30", headers=position)
            assert answer.status_code == 200, answer.text
            assert answer.json()["data"]["interactions"]["Email"] == number

    async def all_writers() -> None:
        async with httpx2.AsyncClient(base_url=api.base_url, headers=api.headers, timeout=60) as client:
            await asyncio.gather(*(write_and_read(client, writer) for writer in range(1, 21)))

    asyncio.run(all_writers())
    answer = api.get("/interactions/w1")
    assert "interactions:" in answer.headers["C360-Position"]
    assert float(answer.headers["C360-Age"]) < 10

    # A batch is one answer; the same request again is the same answer, and counts once.
    batch = [interaction(100_000 + number, "b") for number in range(100)]
    sent = api.post("/events/interactions", json=batch, headers={"Idempotency-Key": "k"})
    again = api.post("/events/interactions", json=batch, headers={"Idempotency-Key": "k"})
    assert sent.json() == again.json()
    assert sent.json()["data"]["accepted"] == 100
    read = api.get("/interactions/b", params={"position": sent.json()["data"]["position"], "wait": 30})
    assert read.json()["data"]["interactions"]["Email"] == 100

    # Sent many times at once it is published once: whoever is not the first is told the answer, or to ask again.
    async def all_at_once() -> list[httpx2.Response]:
        async with httpx2.AsyncClient(base_url=api.base_url, headers=api.headers, timeout=60) as client:
            sent = (
                client.post("/events/interactions", json=interaction(1, "i"), headers={"Idempotency-Key": "race"})
                for _ in range(20)
            )
            return await asyncio.gather(*sent)

    answers = asyncio.run(all_at_once())
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.text for answer in answers if answer.status_code == 202}) == 1
    with psycopg.connect(stand.database_url) as connection:  # kept for a day
        connection.execute("UPDATE api_writes SET answered_at = now() - interval '25 hours'")
    other = api.post("/events/interactions", json=interaction(2, "i"), headers={"Idempotency-Key": "race"})
    assert other.status_code == 202
    with psycopg.connect(stand.database_url) as connection:
        kept = connection.execute("SELECT idempotency_key FROM api_writes").fetchall()
    assert kept == [("race",)]

    # Forgetting goes the same way.
    told = api.post("/events/customers", json={"customer_id": "f", "first_name": "Jane"})
    position = {"C360-Position": told.headers["C360-Position"]}
    assert api.get("/customers/f?wait=30", headers=position).json()["data"]["first_name"] == "Jane"
    gone = api.delete("/customers/f")
    assert api.get("/customers/f?wait=30", headers={"C360-Position": gone.headers["C360-Position"]}).status_code == 404


def test_lag_freshness_and_metrics_of_a_real_processor(stand: Stand, api: httpx2.Client) -> None:
    def ready() -> dict[str, bool]:
        checks = api.get(f"{root}/ready").json()["checks"]
        return {check["check"]: check["passed"] for check in checks}

    def when_as_many_wait(lag_events: int | None) -> dict[str, Any]:
        """What is said of the stream once so many of its events wait; None: once that can't be known."""
        told: dict[str, Any] = {}

        def as_many() -> bool:
            told.update({one["stream"]: one for one in api.get("/freshness").json()["data"]["streams"]}["interactions"])
            return bool(told["lag_events"] == lag_events)

        wait_until(as_many, seconds=60)
        return told

    root = str(api.base_url).removesuffix("/api/v1/")
    admin.create_topics(stand.kafka, partitions=4, replication_factor=1)
    sent = [api.post("/events/interactions", json=[interaction(n, str(n)) for n in range(50)]) for _ in range(2)]
    assert [answer.status_code for answer in sent] == [202, 202]
    producer = Producer(stand.kafka)
    producer.produce("interactions", key="1", value=b"nonsense")
    producer.flush()
    waits = when_as_many_wait(101)
    assert waits["lag_seconds"] > 0
    assert (waits["committed_at"], waits["events"]) == (None, 0)
    assert ready() == {"database": True, "migrations": True, "broker": True, "lag": True}

    metrics_port = processes.free_port()
    stand.start_processor(C360_METRICS_PORT=metrics_port)
    current = when_as_many_wait(0)
    assert (current["lag_seconds"], current["events"], current["rejected"]) == (0, 101, 1)
    assert datetime.fromisoformat(current["newest_event_at"]) <= datetime.fromisoformat(current["committed_at"])
    of_processor = samples(httpx2.get(f"http://127.0.0.1:{metrics_port}/metrics").text)
    outcomes = {
        name: of_processor["c360_events_total", name, "interactions"] for name in ("new", "repeated", "rejected")
    }
    assert outcomes == {"new": 50, "repeated": 50, "rejected": 1}
    of_api = samples(api.get(f"{root}/metrics").text)
    offsets = [value for (name, *_), value in of_api.items() if name == "c360_totals_next_offset"]
    counted = [value for (name, *_), value in of_processor.items() if name == "c360_events_total"]
    assert sum(counted) == sum(offsets) == 101
    assert of_api["c360_lag_seconds", "interactions"] == 0
    assert of_processor["c360_unit_of_work_events_sum", "interactions"] == 101
    assert of_processor["c360_partitions_assigned",] == 28

    stand.broker.stop()
    wait_until(lambda: ready() == {"database": True, "migrations": True, "broker": False}, seconds=30)
    assert api.get(f"{root}/ready").json()["status"] == "degraded"
    when_as_many_wait(None)


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Name and values of the labels, in the order of their names, to the value."""
    families = text_string_to_metric_families(text)
    return {
        (one.name, *(one.labels[name] for name in sorted(one.labels))): one.value
        for family in families
        for one in family.samples
    }


def test_nobody_processes_and_the_answer_is_504_in_time(api: httpx2.Client) -> None:
    sent = api.post("/events/interactions", json=interaction(1))
    started = time.monotonic()
    late = api.get("/interactions/1?wait=0.5", headers={"C360-Position": sent.headers["C360-Position"]})
    assert late.status_code == 504
    assert late.json()["type"] == "/problems/not-yet-included"
    assert time.monotonic() - started < 2
    assert api.get("/interactions/1").status_code == 404


def test_the_broker_away_stops_writes_and_not_reads(stand: Stand, api: httpx2.Client) -> None:
    assert api.post("/events/interactions", json=interaction(1)).status_code == 202
    stand.broker.stop()
    away = api.post("/events/interactions", json=interaction(2))
    assert away.status_code == 503
    assert away.json()["type"] == "/problems/broker-away"
    assert api.get("/product-interactions").status_code == 200
