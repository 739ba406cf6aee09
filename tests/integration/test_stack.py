"""`c360 up` as a process of its own: it starts, refuses a second one, repairs itself, and never leaves a process."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.request import Request, urlopen

import psycopg
import pytest

from local_stack import state

_T = TypeVar("_T")
_Up = Callable[[], subprocess.Popen[str]]
_POSITION = """
INSERT INTO positions (topic, partition, cluster_id, topic_id, next_offset) VALUES ('customers', 0, 'c', 't', 7)
"""


def until(condition: Callable[[], _T | None], *, seconds: float = 60) -> _T:
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)
    return result


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data directory."""
    return tmp_path / "data"


@pytest.fixture
def up(folder: Path) -> Iterator[_Up]:
    """Starts `c360 up` in that directory; whatever still runs at the end of the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "c360", "up", "--data-dir", str(folder)]
        environment = {**os.environ, "C360_API_PORT": "0"}
        process = subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def ready(folder: Path, process: subprocess.Popen[str]) -> state.Addresses:
    def addresses() -> state.Addresses | None:
        assert process.poll() is None, process.communicate()
        return state.running_stack(folder)

    return until(addresses)


def assert_nothing_left(folder: Path, *, seconds: float = 0) -> None:
    """Every child inherits this lock: it is free once the last of them has ended."""
    os.close(state.lock_children(folder, seconds=seconds))


def test_up_runs_once_and_leaves_nothing(folder: Path, up: _Up) -> None:
    first = up()
    addresses = ready(folder, first)
    with urlopen(f"{addresses.api_url}/health") as answer:  # noqa: S310
        assert answer.status == 200
    # Reading needs no token here; the one that is kept is good for the rest.
    with urlopen(f"{addresses.api_url}/api/v1/customers") as answer:  # noqa: S310
        assert answer.status == 200
    assert (folder / state.TOKEN_FILE).stat().st_mode & 0o777 == 0o600
    authorization = {"Authorization": f"Bearer {state.read_token(folder)}"}
    with urlopen(Request(f"{addresses.api_url}/api/v1/customers", headers=authorization)) as answer:  # noqa: S310
        assert answer.status == 200

    second = up()
    _, error = second.communicate(timeout=20)
    assert second.returncode == 1
    assert error.startswith(f"c360: a stack already runs in {folder} (process {first.pid})")

    first.terminate()
    out, error = first.communicate(timeout=60)
    assert first.returncode == 0
    assert addresses.api_url in out
    assert "Traceback" not in error
    assert_nothing_left(folder)
    assert state.running_stack(folder) is None


def test_killed_parts_are_started_again_but_not_the_broker(folder: Path, up: _Up) -> None:
    process = up()
    before = ready(folder, process)
    for name in ("api", "processor-1", "refresher", "postgres"):
        os.kill(before.children[name], signal.SIGKILL)

    def restarted() -> state.Addresses | None:
        now = state.running_stack(folder)
        alive = now and all(now.children[name] != pid for name, pid in before.children.items() if name != "broker")
        return now if alive else None

    now = until(restarted)
    assert now.database_url == before.database_url
    with psycopg.connect(now.database_url) as connection:
        assert connection.execute("SELECT count(*) FROM positions").fetchone()

    os.kill(now.children["broker"], signal.SIGKILL)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "the embedded broker ended" in error.splitlines()[-1]
    assert_nothing_left(folder)


def test_killed_parent_leaves_nothing_and_the_data_is_kept(folder: Path, up: _Up) -> None:
    first = up()
    addresses = ready(folder, first)
    os.kill(addresses.children["processor-1"], signal.SIGSTOP)  # the position below is none of its own
    with psycopg.connect(addresses.database_url) as connection:
        connection.execute("DELETE FROM positions")
        connection.execute(_POSITION)
        connection.execute("INSERT INTO customers (customer_id, partition) VALUES ('kept', 0)")
    first.kill()
    first.communicate()
    assert_nothing_left(folder, seconds=20)
    assert state.running_stack(folder) is None

    again = ready(folder, up())
    with psycopg.connect(again.database_url) as connection:
        assert connection.execute("SELECT customer_id FROM customers").fetchall() == [("kept",)]
        retired = connection.execute("SELECT next_offset FROM positions WHERE retired_at IS NOT NULL").fetchall()
    assert retired == [(7,)]


def test_stopped_while_it_starts_leaves_nothing(folder: Path, up: _Up) -> None:
    process = up()
    until((folder / "logs" / "postgres.log").exists)
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert_nothing_left(folder)


def test_status_of_a_fresh_stack_is_complete(folder: Path, up: _Up) -> None:
    ready(folder, up())
    command = [sys.executable, "-m", "c360", "status", "--wait", "--json", "--data-dir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["lag"] == 0
    assert {partition["topic"] for partition in found["partitions"]} >= {"customers", "interactions"}
    assert not done.stderr
