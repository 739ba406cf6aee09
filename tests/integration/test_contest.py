"""The benchmarks' contest at a tiny size: the loop, and our engine with a stream that stores no facts."""

from collections.abc import Iterator

import psycopg
import pytest

from benchmarks import contest, limit
from benchmarks.contestants import LOOP, OURS
from benchmarks.stand import Stand, stand
from benchmarks.work import Mode, Work, publish, read_totals

WORK = Work(900)


@pytest.fixture(scope="module")
def servers() -> Iterator[Stand]:
    with stand(None) as servers:
        yield servers


@pytest.fixture(autouse=True)
def _short_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker waits for half a session before a group starts."""
    monkeypatch.setattr(contest, "SESSION_SECONDS", 6)


@pytest.mark.parametrize("mode", ["facts", "totals"])
def test_the_loop_is_measured(servers: Stand, mode: Mode) -> None:
    result = contest.run(LOOP, mode, WORK, servers)
    assert (result.name, result.mode, result.events) == (LOOP.name, mode, 855)
    assert result.events_per_second > 0
    assert result.broker_cpu is not None


def test_the_engine_takes_a_stream_without_facts(servers: Stand) -> None:
    with servers.round() as where, contest.started(OURS, "totals", where) as program:
        publish(where.bootstrap_servers, WORK.records)
        reader = contest.Reader(where, OURS.tables["totals"], "totals")
        reader.wait_until_done(len(WORK), program, seconds=60)
        reader.close()
        with psycopg.connect(where.database_url) as connection:
            assert read_totals(connection, "benchmark_totals") == WORK.totals()
            facts = connection.execute("SELECT count(*) FROM interactions").fetchone()
    assert facts == (0,)


def test_a_bare_fetch_is_measured_although_our_transport_has_changed_aiokafka_here(servers: Stand) -> None:
    with servers.round() as where:
        publish(where.bootstrap_servers, WORK.records)
        assert limit.fetch_seconds(where, len(WORK)) > 0
