"""`c360 up --broker kafka`: Apache Kafka on this machine, whose topics outlive the stack."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from test_stack import assert_nothing_left, ready, until

from local_stack import state

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

_SAMPLE = Path(__file__).parents[2] / "sample_data" / "crm_export.xlsx"


def _up(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "c360", "up", "--broker", "kafka", "--data-dir", str(folder)]
    environment = {**os.environ, "C360_API_PORT": "0"}
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _c360(folder: Path, *arguments: str | Path) -> str:
    command = [sys.executable, "-m", "c360", *map(str, arguments), "--data-dir", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


def _positions(addresses: state.Addresses) -> list[tuple[object, ...]]:
    with psycopg.connect(addresses.database_url) as connection:
        return connection.execute(
            "SELECT topic, partition, next_offset, retired_at FROM positions WHERE next_offset > 0 ORDER BY 1, 2"
        ).fetchall()


def test_topics_survive_a_stop_and_a_crash(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    first = _up(folder)
    try:
        before = ready(folder, first)
        _c360(folder, "replay", _SAMPLE)
        _c360(folder, "status", "--wait")
        read = _positions(before)
        assert read

        os.kill(before.children["broker"], signal.SIGKILL)
        until(lambda: _broker(folder) not in (None, before.children["broker"]))
        _c360(folder, "replay", _SAMPLE)
        _c360(folder, "status", "--wait")
    finally:
        first.terminate()
        first.communicate(timeout=60)
    assert first.returncode == 0
    assert_nothing_left(folder)

    second = _up(folder)
    try:
        after = ready(folder, second)
        _c360(folder, "status", "--wait")
        # Each event was read twice, by the same topics: nothing was retired, nothing is read a third time.
        assert _positions(after) == [(topic, number, 2 * offset, None) for topic, number, offset, _ in read]
        assert "every offset accounted for" in _c360(folder, "verify")
    finally:
        second.terminate()
        second.communicate(timeout=60)
    assert_nothing_left(folder)


def _broker(folder: Path) -> int | None:
    stack = state.running_stack(folder)
    return stack and stack.children["broker"]
