"""docs/operations.md: a backup, restored elsewhere, and processors that read again what came after it."""

import os
import subprocess
from itertools import islice
from pathlib import Path
from random import Random

import psycopg
from psycopg.conninfo import conninfo_to_dict

from local_stack import postgres
from tests.faults.exactness import assert_exact
from tests.faults.history import record, tell
from tests.faults.stand import Stand


def _run(program: str, *arguments: str, url: str) -> None:
    password = str(conninfo_to_dict(url)["password"])
    command = [str(postgres.programs() / program), *arguments]
    done = subprocess.run(
        command, env={**os.environ, "PGPASSWORD": password}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_what_came_after_a_backup_is_read_again(stand: Stand, postgres_url: str, tmp_path: Path) -> None:
    told = tell(Random(9), interactions=6_000)
    records = map(record, told)
    stand.publish(islice(records, 3_000))
    processor = stand.start_processor(C360_CHUNK_EVENTS=200)
    stand.wait_until(lambda: stand.committed() > 0, "progress")
    dump = tmp_path / "c360.dump"
    _run("pg_dump", "--format=custom", f"--file={dump}", stand.database_url, url=stand.database_url)  # while it works
    stand.publish(records)
    stand.wait_until_done()
    assert processor.terminate() == 0

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE restored")
        stand.database_url = f"{postgres_url.rpartition('/')[0]}/restored"
        try:
            options = (f"--dbname={stand.database_url}", "--exit-on-error", "--no-owner")
            _run("pg_restore", *options, str(dump), url=stand.database_url)
            assert stand.committed() < stand.published
            processor = stand.start_processor()
            stand.wait_until_done()
            assert_exact(stand, told)
            assert processor.terminate() == 0
        finally:
            connection.execute("DROP DATABASE restored WITH (FORCE)")
