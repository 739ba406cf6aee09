"""docker-compose.yml, started as a user starts it, on ports of its own: the demo, several processors, what is kept."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from local_stack.processes import free_port

pytestmark = [pytest.mark.containers, pytest.mark.timeout(900)]

_ROOT = Path(__file__).parents[2]
_PATIENCE_SECONDS = 180.0

Compose = Callable[..., str]


@pytest.fixture(scope="module")
def ports() -> dict[str, str]:
    """Free ones, in the place of the usual."""
    names = ("C360_API_PORT", "POSTGRES_PORT", "KAFKA_PORT", "MOCK_CRM_PORT")
    return {name: str(free_port()) for name in names}


@pytest.fixture(scope="module")
def compose(ports: dict[str, str]) -> Iterator[Compose]:
    """Runs `docker compose`; everything is taken away at the end."""
    environment = {**os.environ, **ports, "COMPOSE_PROJECT_NAME": f"c360-test-{os.getpid()}"}

    def run(*arguments: str, check: bool = True) -> str:
        command = ["docker", "compose", *arguments]
        done = subprocess.run(
            command, cwd=_ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == 0 or not check, f"{command}: {done.stdout[-3000:]}{done.stderr[-5000:]}"
        return done.stdout

    try:
        run("build", "migrate")
        run("up", "--detach", "--wait", "--wait-timeout", "300", "processor", "api")
        yield run
    finally:
        run("--profile", "demo", "down", "--volumes", "--remove-orphans", "--timeout", "20", check=False)


def _until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.5)


def _containers(compose: Compose) -> list[dict[str, Any]]:
    ids = compose("ps", "--quiet").split()
    done = subprocess.run(["docker", "inspect", *ids], capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout))


def test_the_demo_shows_what_make_demo_shows(compose: Compose) -> None:
    said = compose("run", "--rm", "--no-deps", "demo")
    assert "39,168 interactions published" in said
    assert "792 rejected" in said
    assert re.search(r"All [0-9,]+ events are in the totals", said)
    assert re.search(r'"customer_id":1,"interactions":{[^}]*"Email":1\b', said.replace(" ", ""))
    assert "every offset accounted for" in said


def test_the_mock_crm_is_pulled_into_the_stack(compose: Compose) -> None:
    compose("up", "--detach", "--wait", "mock-crm")
    pull = ("pull", "sample_data/crm_customers.toml", "--url", "http://mock-crm:5000/api/customers")
    assert "25 customers published" in compose("run", "--rm", "--no-deps", "demo", *pull)


def test_three_processors_share_the_partitions(compose: Compose) -> None:
    compose("up", "--detach", "--wait", "--wait-timeout", "200", "--scale", "processor=3", "--no-recreate", "processor")
    owners = "SELECT count(DISTINCT owner) FROM positions WHERE retired_at IS NULL"

    def shared() -> bool:
        found = compose(
            "exec", "--no-TTY", "postgres", "psql", "-h", "/var/run/postgresql", "-U", "c360", "-tAc", owners
        )
        return found.strip() == "3"

    _until(shared, "three owners")
    compose("run", "--rm", "--no-deps", "demo")  # nothing counts twice, whoever reads it


def test_containers_have_no_more_rights_than_they_need(compose: Compose) -> None:
    containers = _containers(compose)
    names = {container["Config"]["Labels"]["com.docker.compose.service"] for container in containers}
    assert {"postgres", "kafka", "processor", "api"} <= names
    for container in containers:
        host, config = container["HostConfig"], container["Config"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert host["Memory"] > 0
        assert config["User"] not in ("", "0", "root")
        assert not any("PASSWORD=" in variable for variable in config["Env"])
        for bindings in host["PortBindings"].values():
            assert {binding["HostIp"] for binding in bindings} == {"127.0.0.1"}


def test_what_was_counted_survives_a_stop(compose: Compose, ports: dict[str, str]) -> None:
    compose("down", "--timeout", "60")  # the containers go, the volumes stay
    compose("up", "--detach", "--wait", "--wait-timeout", "300", "processor", "api")
    compose("run", "--rm", "--no-deps", "demo", "status", "--wait", "--timeout", "120")
    assert "every offset accounted for" in compose("run", "--rm", "--no-deps", "demo", "verify")
    with urlopen(f"http://127.0.0.1:{ports['C360_API_PORT']}/ready", timeout=10) as answer:
        assert answer.status == 200
