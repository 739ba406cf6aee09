"""Replays that end in the middle or come twice, with a real broker, processor and database: everything counts once."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from events import admin, topics
from tests.faults import stand as stands
from tests.faults.stand import PARTITIONS, Stand
from tests.integration.test_replay import wait_for_a_record

MAPPING = """
source = "t"
[[streams]]
stream = "interactions"
[streams.fields]
customer_id = "Customer"
occurred_at = "At"
channel = { column = "Channel", only = ["Email", "Call"] }
"""


@pytest.fixture
def stand(database: str, tmp_path: Path) -> Iterator[Stand]:
    with stands.running(tmp_path, database) as stand:
        yield stand


def c360(stand: Stand, *arguments: str | Path) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": stand.broker.address,
        "DATABASE_URL": stand.database_url,
        "KAFKA_PARTITIONS": str(PARTITIONS),
    }
    command = [sys.executable, "-m", "c360", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def done(stand: Stand, *arguments: str | Path) -> str:
    process = c360(stand, *arguments)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 0, error
    return out


def in_topic(stand: Stand, topic: str) -> int:
    """Records of a topic."""
    return sum(admin.end_offsets(stand.kafka, {(topic, number): 0 for number in range(PARTITIONS)}).values())


def facts(stand: Stand) -> list[tuple[object, ...]]:
    """Interactions per channel, when all that is in the topics is processed."""
    published = sum(in_topic(stand, topic.name) for topic in topics.ALL)
    stand.wait_until(lambda: stand.committed() >= published, "all is processed")
    with stand.connect() as connection:
        return connection.execute(
            "SELECT channel, count(*)::int FROM interactions GROUP BY channel ORDER BY channel"
        ).fetchall()


def test_a_replay_that_is_killed_and_started_again(stand: Stand, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    row = "{0},Email,2020-01-01 10:{1:02}\n"
    # Every row stands there twice: identical rows are facts of their own.
    path.write_text(
        "Customer,Channel,At\n" + 2 * "".join(row.format(number % 1000, number // 1000) for number in range(60_000))
    )
    path.with_suffix(".toml").write_text(MAPPING)
    killed = c360(stand, "replay", path, "--rate", "40000/s")
    wait_for_a_record(stand.broker.address, "interactions")
    killed.kill()
    killed.communicate()
    assert 0 < in_topic(stand, "interactions") < 120_000
    stand.start_processor()
    done(stand, "replay", path, "--quiet")
    assert facts(stand) == [("Email", 120_000)]


def test_refused_rows_count_once_after_their_mapping_was_fixed(stand: Stand, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    rows = [
        "1,Email,2020-01-01",
        "1,e-mail,2020-01-02",
        "1,e-mail,2020-01-02",
        "2,Telex,2020-01-03",
        ",Call,2020-01-04",
    ]
    path.write_text("\n".join(["Customer,Channel,At", *rows, ""]))
    path.with_suffix(".toml").write_text(MAPPING)
    stand.start_processor()
    assert "4 rejected" in done(stand, "replay", path)
    assert facts(stand) == [("Email", 1)]

    fixed = MAPPING.replace("only =", 'values = { "e-mail" = "Email" }, only =')
    path.with_suffix(".toml").write_text(fixed)
    for _ in range(2):
        told = done(stand, "rejects", "replay", path)
        assert "2 interactions published" in told
        assert "2 still refused" in told
        assert facts(stand) == [("Email", 3)]
    # The whole file again says the same.
    assert "2 rejected" in done(stand, "replay", path)
    assert facts(stand) == [("Email", 3)]
