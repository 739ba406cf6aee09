"""Upgrades: an older schema with data goes forward, under load; runners wait for each other; old processors stop."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from random import Random

import psycopg
import pytest

from c360.commands.verify import verification
from sql import FOLDER
from sql.migrate import migrate
from tests.faults.exactness import assert_exact
from tests.faults.history import record, tell
from tests.faults.stand import Stand

_FACTS = """
    INSERT INTO interactions (event_id, occurred_at, count, partition, customer_id, channel, revenue)
    SELECT gen_random_uuid(), '2020-01-01'::timestamptz + number * interval '1 hour', 1, 0, number % 10, 'Email', 1.5
    FROM generate_series(1, 1000) AS number
"""


@pytest.fixture
def empty(postgres_url: str) -> Iterator[str]:
    """URL of a database that nobody migrated."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE upgraded")
        yield f"{postgres_url.rpartition('/')[0]}/upgraded"
        connection.execute("DROP DATABASE upgraded WITH (FORCE)")


def test_the_first_schema_with_facts_goes_forward(empty: str) -> None:
    with psycopg.connect(empty) as connection:
        connection.execute((FOLDER / "migrations" / "0001.facts.sql").read_bytes())
        connection.execute(_FACTS)
        connection.execute("INSERT INTO channels (channel) VALUES ('Email')")
    _note_as_applied(empty, "0001.facts")
    assert "0008.schema" in migrate(empty)
    with psycopg.connect(empty) as connection:
        totals = connection.execute("SELECT count(*), sum(interactions), sum(revenue) FROM channel_totals").fetchall()
    assert totals == [(10, 1000, 1500)]
    assert verification(empty).ok
    assert migrate(empty) == []


def test_runners_at_the_same_moment_wait_for_each_other(empty: str) -> None:
    with ThreadPoolExecutor(3) as pool:
        applied = list(pool.map(migrate, [empty] * 3))
    assert sorted(map(bool, applied)) == [False, False, True]


def test_a_runner_that_dies_holds_up_nobody(empty: str) -> None:
    runner = subprocess.Popen([sys.executable, "-c", f"from sql.migrate import migrate; migrate({empty!r})"])
    with psycopg.connect(empty, autocommit=True) as connection:
        while connection.execute("SELECT to_regclass('positions') IS NOT NULL").fetchone() != (True,):
            assert runner.poll() is None
    runner.kill()
    runner.wait()
    migrate(empty)
    assert migrate(empty) == []


def test_an_older_processor_stops_and_a_newer_one_goes_on_exactly(stand: Stand, tmp_path: Path) -> None:
    """The newer version is a copy of this one with one migration more."""
    newer = _newer_version(tmp_path / "newer")
    told = tell(Random(8), interactions=20_000)
    records = map(record, told)
    stand.publish(islice(records, 10_000))
    older = stand.start_processor(C360_CHUNK_EVENTS=200)
    stand.wait_until(lambda: stand.committed() > 0, "progress")
    assert _migrate_by(newer, stand.database_url) == 0
    assert older.exit_code() == 1
    assert older.said.splitlines()[-1].startswith("c360: the database is not at the schema of this version")
    stopped_at = stand.committed()

    refused = stand.start_processor()
    assert refused.exit_code() == 1
    assert stand.committed() == stopped_at
    stand.publish(records)
    stand.start_processor(PYTHONPATH=newer, PYTHONSAFEPATH=1)
    stand.wait_until_done()
    assert_exact(stand, told)


def _newer_version(folder: Path) -> Path:
    shutil.copytree(FOLDER, folder / "sql", ignore=shutil.ignore_patterns("__pycache__"))
    migration = "-- depends: 0008.schema\nALTER TABLE channels ADD COLUMN newer text;\n"
    (folder / "sql" / "migrations" / "9999.newer.sql").write_text(migration)
    return folder


def _migrate_by(version: Path, url: str) -> int:
    command = [sys.executable, "-c", f"from sql.migrate import migrate; migrate({url!r})"]
    return subprocess.run(command, cwd=version, timeout=60, check=False).returncode


def _note_as_applied(url: str, name: str) -> None:
    """As an earlier version of the program left it."""
    from yoyo import get_backend, read_migrations  # noqa: PLC0415

    with get_backend("postgresql+psycopg://" + url.partition("://")[2]) as backend:
        (migration,) = [one for one in read_migrations(str(FOLDER / "migrations")) if one.id == name]
        backend.mark_migrations([migration])
