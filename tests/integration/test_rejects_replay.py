"""Refused rows as the database has them, sent again."""

import json
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from c360.__main__ import run
from c360.commands.rejects import refused_rows
from producers.retry import RefusedRow

MAPPING = """
source = "t"
[[streams]]
stream = "customers"
fields = { customer_id = "Id" }
"""


@pytest.fixture
def refused(database: str) -> str:
    rows = [("customers", "rows.csv", "line 3", {"Id": "7"}), ("customers", "rows.csv", "line 9", {"Id": None}),
            ("customers", "other.csv", "line 1", {"Id": "8"})]  # fmt: skip
    with psycopg.connect(database) as connection:
        for offset, (stream, source, place, row) in enumerate(rows):
            connection.execute(
                'INSERT INTO rejected_events (reject_id, topic, partition, "offset", stream, source, place, reason, '
                "value) VALUES (%s, 'rejected_events', 0, %s, %s, %s, %s, 'bad', %s)",
                [uuid4(), offset, stream, source, place, json.dumps(row).encode()],
            )
    return database


def test_rows_of_one_source(refused: str) -> None:
    assert list(refused_rows(refused, "rows.csv")) == [
        RefusedRow("customers", "line 3", {"Id": "7"}),
        RefusedRow("customers", "line 9", {"Id": None}),
    ]


def test_the_command(
    refused: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", refused)
    (tmp_path / "rows.toml").write_text(MAPPING)
    assert run(["rejects", "replay", str(tmp_path / "rows.csv"), "--dry-run", "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == {"rows": 2, "published": {"customers": 1}, "still_refused": 1}
    assert run(["rejects", "--limit", "1", "--json"]) == 0
    assert len(json.loads(capfd.readouterr().out)) == 1
