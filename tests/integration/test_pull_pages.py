"""`c360 mock-crm`, `c360 pull`, `c360 generate` and `c360 rejects replay` as their users call them."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from c360.testing.servers import BrokerServer
from events.contracts import Event
from local_stack.processes import free_port
from tests.integration.test_replay import SAMPLES, consume, environment


def c360(address: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "c360", *arguments],
        env=environment(address),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def crm() -> Iterator[str]:
    """URL of a mock CRM."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "c360", "mock-crm", "--port", str(port)], stderr=subprocess.PIPE)
    url = f"http://127.0.0.1:{port}/api"
    deadline = time.monotonic() + 20
    while True:
        try:
            get(f"{url}/health")
            break
        except URLError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    yield url
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)


def get(url: str) -> tuple[int, object]:
    try:
        with urlopen(url, timeout=5) as response:  # noqa: S310 (our own server)
            return response.status, json.load(response)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_the_mock_crm(crm: str) -> None:
    assert get(f"{crm}/health") == (200, {"status": "healthy", "customers": 25})
    status, page = get(f"{crm}/customers?page=3&limit=10")
    assert status == 200
    assert isinstance(page, dict)
    assert {name: page[name] for name in ("total", "page", "limit", "total_pages")} == {
        "total": 25, "page": 3, "limit": 10, "total_pages": 3,
    }  # fmt: skip
    assert [customer["customer_id"] for customer in page["data"]] == [f"CUST-{number:03}" for number in range(21, 26)]
    assert get(f"{crm}/customers/CUST-025") == (200, page["data"][-1])
    assert get(f"{crm}/customers/nobody") == (404, {"error": "Customer not found"})
    assert get(f"{crm}/customers?limit=101")[0] == get(f"{crm}/customers?page=0")[0] == 422
    assert get(f"{crm}/customers?page=9")[1]["data"] == []  # type: ignore[index]


def test_pulled_twice(broker_server: BrokerServer, crm: str) -> None:
    command = ["pull", SAMPLES / "crm_customers.toml", "--url", f"{crm}/customers"]
    for _ in range(2):
        done = c360(broker_server.address, *command, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        summary = json.loads(done.stdout)
        assert (summary["pages"], summary["rows"], summary["published"]) == (3, 25, {"customers": 25})
    customers = consume(broker_server.address, "customers", 50)
    assert len({event.identity for event in customers}) == 25
    shown = c360(broker_server.address, *command, "--dry-run")
    assert "3 pages" in shown.stdout
    assert "25 customers would be published" in shown.stdout


def test_pulled_from_nowhere(broker_server: BrokerServer) -> None:
    done = c360(broker_server.address, "pull", SAMPLES / "shop_orders.toml")
    assert done.returncode == 2
    assert "names no API: give it a table [http]" in done.stderr
    done = c360(broker_server.address, "pull", SAMPLES / "shop_orders.toml", "--url", "http://127.0.0.1:1/")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_generated_straight_to_topics(broker_server: BrokerServer) -> None:
    done = c360(broker_server.address, "generate", "--events", "2000", "--customers", "50", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)["events"]
    assert made["interactions"] + made["transactions"] == 2000
    for stream, count in made.items():
        events = consume(broker_server.address, stream, count)
        assert all(isinstance(event, Event) for event in events)
        assert len({event.identity for event in events}) == count


def test_a_mapping_is_suggested(tmp_path: Path) -> None:
    done = c360("127.0.0.1:1", "map", "suggest", SAMPLES / "messaging_traffic.csv")
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "draft.toml").write_text(done.stdout)
    command = ["replay", SAMPLES / "messaging_traffic.csv", "--mapping", tmp_path / "draft.toml", "--dry-run", "--json"]
    assert json.loads(c360("127.0.0.1:1", *command).stdout)["published"] == {"interactions": 960}
