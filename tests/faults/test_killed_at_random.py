"""SIGKILL of processors, API, Postgres and broker at random moments, alone and together: every event counts once."""

import contextlib
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random
from typing import Final
from uuid import uuid4

import httpx2
import psycopg
import pytest

from api.access.tokens import Scope, create_token
from c360.testing.programs import Api
from c360.testing.servers import BrokerServer
from events.contracts import Interaction
from events.encoding import Record
from events.errors import UsageError
from local_stack import kafka_jars
from local_stack.kafka import Kafka
from local_stack.postgres import SETTINGS, Postgres
from sql.migrate import migrate
from tests.faults import stand as stands
from tests.faults.exactness import assert_exact
from tests.faults.history import record, tell
from tests.faults.stand import PATIENCE_SECONDS, Stand

_PROCESSORS: Final = 2
_CLERKS_CUSTOMER: Final = "clerk"
#: Pauses of the clerk, who is allowed 1,200 requests in a minute.
_PAUSE_SECONDS: Final = 0.1


class Clerk(threading.Thread):
    """Tells facts over HTTP all the while, each of them until it is accepted, and reads what came of it."""

    def __init__(self, token: str) -> None:
        super().__init__(daemon=True)
        self.url = ""
        #: What was accepted, once or more often: an answer may get lost.
        self.told: list[Interaction] = []
        self.answers: Counter[int] = Counter()
        self._token = token
        self._enough = threading.Event()
        self._wrong: list[str] = []

    def run(self) -> None:
        """Tell one fact after another until `finish`."""
        with httpx2.Client(headers={"Authorization": f"Bearer {self._token}"}, timeout=10) as client:
            while not self._enough.is_set():
                self._tell(client, len(self.told))
                self._read(client)
                self._enough.wait(_PAUSE_SECONDS)

    def finish(self) -> None:
        """Wait until the fact in hand is accepted; the API must be there."""
        self._enough.set()
        self.join(PATIENCE_SECONDS)
        assert not self.is_alive(), f"the API takes nothing: {self.answers}"
        assert not self._wrong, self._wrong[:5]

    def _tell(self, client: httpx2.Client, number: int) -> None:
        at = datetime(2024, 1, 1, tzinfo=UTC)
        fact = Interaction(event_id=f"clerk-{number}", customer_id=_CLERKS_CUSTOMER, channel="Call", occurred_at=at)
        body = {"event_id": fact.event_id, "customer_id": fact.customer_id, "channel": "Call", "occurred_at": f"{at}"}
        while self._status(lambda: client.post(f"{self.url}/api/v1/events/interactions", json=body)) != 202:
            time.sleep(_PAUSE_SECONDS)
        self.told.append(fact)

    def _read(self, client: httpx2.Client) -> None:
        with contextlib.suppress(httpx2.TransportError):
            answer = client.get(f"{self.url}/api/v1/interactions/{_CLERKS_CUSTOMER}")
            if answer.status_code == 200 and answer.json()["data"]["interactions"]["Call"] > len(self.told):
                self._wrong.append(f"{len(self.told)} facts were told: {answer.text}")

    def _status(self, request: Callable[[], httpx2.Response]) -> int:
        try:
            status = request().status_code
        except httpx2.TransportError:
            status = 0
        self.answers[status] += 1
        return status


class Everything:
    """Processors, an API, Postgres and a broker that are killed, and a supervisor who starts again what has ended."""

    def __init__(self, stand: Stand, postgres: Postgres, random: Random) -> None:
        self.stand = stand
        self.kills: Counter[str] = Counter()
        self._postgres = postgres
        self._random = random
        self._apis: list[Api] = []
        with psycopg.connect(postgres.url()) as connection:
            self.clerk = Clerk(create_token(connection, "clerk", list(Scope)))
        self.tend()
        self.clerk.start()

    @property
    def victims(self) -> dict[str, Callable[[], None]]:
        """How each part is killed."""
        always = {"processor": self._kill_processor, "API": self._kill_api, "Postgres": self._kill_postgres}
        # An embedded broker forgets its topics: processors refuse the new ones (tests/integration/test_processor.py).
        return always | ({"broker": self.stand.broker.kill} if self.stand.broker.durable else {})

    def kill(self, names: Iterable[str]) -> None:
        """Kill some parts at once, and start them again."""
        for name in names:
            self.victims[name]()
            self.kills[name] += 1
            time.sleep(self._random.uniform(0, 0.05))
        self.tend()

    def tend(self) -> None:
        """Start what is not there."""
        if not self._postgres.running:
            self._postgres.start()
        if not self.stand.broker.running:
            self.stand.broker.start()
        for _ in range(_PROCESSORS - sum(processor.running for processor in self.stand.processors)):
            self.stand.start_processor(C360_CHUNK_EVENTS=100)
        if not (self._apis and self._apis[-1].running):
            log = self.stand.folder / f"api-{len(self._apis)}.log"
            self._apis.append(Api(self.stand.broker.address, self.stand.database_url, log))
            self.clerk.url = self._apis[-1].url

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Poll, and tend meanwhile: who can't reach a server that was killed may end."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self._holds(condition):
            assert time.monotonic() < deadline, self.stand.report(what)
            self.tend()
            time.sleep(0.01)

    def end(self) -> None:
        """Stop what this started beyond the stand."""
        for api in self._apis:
            api.close()

    def _holds(self, condition: Callable[[], bool]) -> bool:
        try:
            return condition()
        except psycopg.OperationalError:  # Postgres recovers
            return False

    def _kill_processor(self) -> None:
        self._random.choice([one for one in self.stand.processors if one.running]).kill()

    def _kill_api(self) -> None:
        self._apis[-1].kill()

    def _kill_postgres(self) -> None:
        """All of it, or one of its sessions: it ends the others then, and recovers."""
        sessions = self._sessions() if self._random.random() < 0.5 else []
        if sessions:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._random.choice(sessions), signal.SIGKILL)
        else:
            self._postgres.kill()

    def _sessions(self) -> list[int]:
        try:
            with self.stand.connect() as connection:
                rows = connection.execute(
                    "SELECT pid FROM pg_stat_activity WHERE application_name = 'c360-processor'"
                ).fetchall()
        except psycopg.OperationalError:
            return []
        return [pid for (pid,) in rows]


def _plan(random: Random, names: Iterable[str], *, each: int) -> Iterator[list[str]]:
    """Every name so many times, in any order, one to three different ones at a time."""
    left = [name for name in names for _ in range(each)]
    random.shuffle(left)
    while left:
        together = set(left[: random.choice((1, 1, 2, 3))])
        for name in together:
            left.remove(name)
        yield sorted(together, key=lambda _: random.random())


def _kill_at_random_moments(stand: Stand, postgres: Postgres, *, each: int) -> Counter[str]:
    """Kill every part so many times while events go on coming; returns how often which was."""
    random = Random(20_261_121)
    told = tell(random, interactions=1_500 * each)
    records = map(record, told)
    everything = Everything(stand, postgres, random)
    try:
        plan = list(_plan(random, everything.victims, each=each))
        portion = len(told) // (len(plan) + 1)
        for names in plan:
            _publish(everything, islice(records, portion))
            time.sleep(random.uniform(0, 0.03))  # anywhere between two commits
            everything.kill(names)
        stand.publish(records)
        everything.wait_for(lambda: stand.committed() >= stand.published, "all that was published is processed")
        everything.clerk.finish()
        stand.processors[-1].wait_until_current()
        again = stand.committed() - stand.published - len(everything.clerk.told)
        # What the clerk said twice, since an answer was lost, is the same fact, and which of them does not matter.
        assert_exact(stand, [*told, *everything.clerk.told, *everything.clerk.told[:1] * again])
        for processor in stand.processors:
            if processor.running:
                assert processor.terminate() == 0
    finally:
        everything.end()
    return everything.kills


def _publish(everything: Everything, records: Iterator[Record]) -> None:
    """Publish, and return once some of it is processed."""
    stand = everything.stand
    everything.wait_for(lambda: stand.committed() >= 0, "Postgres answers")
    stood = stand.committed()
    stand.publish(records)
    everything.wait_for(lambda: stand.committed() > stood, "progress")


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    """A migrated Postgres that may be killed."""
    server = Postgres(tmp_path / "postgres", log=tmp_path / "postgres.log", settings={**SETTINGS, "fsync": "off"})
    try:
        server.start()
        migrate(server.url())
        yield server
    finally:
        server.close()


@pytest.fixture
def apache_kafka(tmp_path: Path) -> Kafka:
    """A broker whose topics survive a SIGKILL, not started yet."""
    try:
        kafka_jars.java()
    except UsageError as error:
        pytest.skip(f"without Apache Kafka no broker can be killed and come back: {error}")
    return Kafka(tmp_path / "kafka", tmp_path / "broker.log", cluster_id=str(uuid4()))


@pytest.mark.timeout(300)  # Kafka takes its time to come back
def test_killed_a_few_times(tmp_path: Path, postgres: Postgres, broker_server: BrokerServer) -> None:
    with stands.running(tmp_path, postgres.url(), broker_server) as stand:
        kills = _kill_at_random_moments(stand, postgres, each=2)
    assert set(kills.values()) == {2}


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_killed_100_times(tmp_path: Path, postgres: Postgres, apache_kafka: Kafka) -> None:
    with stands.running(tmp_path, postgres.url(), apache_kafka) as stand:
        kills = _kill_at_random_moments(stand, postgres, each=25)
    assert kills == dict.fromkeys(("processor", "API", "Postgres", "broker"), 25)
