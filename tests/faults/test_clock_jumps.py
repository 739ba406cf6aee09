"""Clocks that jump under a processor and an API, by hours and years: nothing that counts depends on them.

What jumps is the time of day, as when somebody sets it, or NTP does. The monotonic clock does not: the kernel promises
that, and whoever waits (heartbeats, timeouts, rate limits) has to rely on it; a process that is stopped with all of its
clocks is another case (test_stale_worker.py). libfaketime can't reach how librdkafka waits: so no worker joins, and
nothing is published from there, while the clock is wrong.
"""

import time
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from random import Random

import httpx2
import psycopg
import pytest

from api.access.tokens import Scope, create_token
from c360.testing.programs import Api
from local_stack import processes
from tests.faults.exactness import assert_exact
from tests.faults.history import record, tell
from tests.faults.stand import Stand

_HOUR, _YEAR = 3_600, 365 * 86_400

#: Offsets to the true time, one after the other, and their seconds.
_JUMPS = {"+5h": 5 * _HOUR, "-3h": -3 * _HOUR, "+10y": 10 * _YEAR, "-8y": -8 * _YEAR, "-1h": -_HOUR, "+0": 0}


class Clock:
    """The time of day that processes are shown, by libfaketime, which stands between them and libc."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set("+0")

    def set(self, offset: str) -> None:
        """Jump to so much ahead of the true time, or behind it."""
        draft = self._file.with_suffix(".new")
        draft.write_text(offset)
        draft.replace(self._file)

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs in order to be shown it."""
        package = find_spec("libfaketime")
        assert package
        assert package.origin
        return {
            "LD_PRELOAD": str(Path(package.origin).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",  # seconds until the file is read again
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    """A clock that is right."""
    return Clock(tmp_path / "clock")


@pytest.fixture
def api(stand: Stand, clock: Clock, tmp_path: Path) -> Iterator[httpx2.Client]:
    """A client, who may read, of an API with that clock."""
    with psycopg.connect(stand.database_url) as connection:
        token = create_token(connection, "tests", [Scope.READ])
    api = Api(stand.broker.address, stand.database_url, tmp_path / "api.log", settings=clock.environment)
    try:
        api.wait_until_it_answers()
        with httpx2.Client(base_url=api.url, headers={"Authorization": f"Bearer {token}"}) as client:
            yield client
    finally:
        api.close()


def _shown(metrics_port: int, ahead_seconds: float) -> bool:
    """Whether the processor committed something when it believed that it was so much later."""
    page = httpx2.get(f"http://127.0.0.1:{metrics_port}/metrics").text
    name = "c360_unit_of_work_last_commit_timestamp_seconds"
    (line,) = [line for line in page.splitlines() if line.startswith(name)]
    return abs(float(line.removeprefix(name)) - time.time() - ahead_seconds) < 60


@pytest.mark.long
@pytest.mark.timeout(240)
def test_events_flow_while_the_clock_jumps(stand: Stand, clock: Clock, api: httpx2.Client) -> None:
    told = tell(Random(51), interactions=15_000)
    records = map(record, told)
    metrics_port = processes.free_port()
    processor = stand.start_processor(C360_METRICS_PORT=metrics_port, **clock.environment)
    stand.publish(islice(records, 1_000))
    stand.wait_until_done()
    owners = stand.owners()
    left = []
    for offset, seconds in _JUMPS.items():
        clock.set(offset)
        stand.trickle(records, lambda ahead=seconds: _shown(metrics_port, ahead), at_once=10)
        answer = api.get("/api/v1/interactions/1")
        assert answer.status_code == 200, f"{offset}: {answer.text}"
        assert 0 <= float(answer.headers["C360-Age"]) < 60, offset
        left.append(int(answer.headers["RateLimit"].partition("r=")[2].partition(";")[0]))
    stand.publish(records)
    stand.wait_until_done()
    assert stand.owners() == owners, "heartbeats went on"
    assert left == sorted(left, reverse=True), "no jump gives requests back, or takes any"
    assert_exact(stand, told)
    assert processor.terminate() == 0
