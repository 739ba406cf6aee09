"""`c360 verify`: silent where the totals are right, and telling of every way to be wrong."""

from collections.abc import Iterator

import psycopg
import pytest

from c360.commands.verify import verification

_FACTS = """
INSERT INTO interactions (event_id, occurred_at, count, partition, customer_id, channel, revenue) VALUES
    (gen_random_uuid(), '2020-01-01Z', 2, 0, '1', 'Email', 1.50),
    (gen_random_uuid(), '2020-01-02Z', 1, 0, '1', 'Email', 1)
"""
_TOTALS = """
INSERT INTO channel_totals VALUES ('1', 'Email', 3, 2.5, '2020-01-01Z', '2020-01-02Z');
INSERT INTO channel_activity_parts VALUES ('Email', 0, 3);
INSERT INTO daily_revenue VALUES ('1', '2020-01-01', 1, 1.5, 2), ('1', '2020-01-02', 1, 1, 1)
"""
_POSITION = """
INSERT INTO positions (topic, partition, cluster_id, topic_id, next_offset, new, rejected)
VALUES ('interactions', 0, 'c', 't', 3, 2, 1)
"""


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection]:
    """A database with two facts, their totals and their position, all right; statements commit at once."""
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in (_FACTS, _TOTALS, _POSITION):
            connection.execute(statement)
        yield connection


@pytest.mark.usefixtures("connection")
def test_right_totals_are_right(database: str) -> None:
    result = verification(database)
    assert result.ok
    assert {view.view: view.rows for view in result.views}["channel_totals"] == 1


@pytest.mark.parametrize(
    ("damage", "missing", "unexpected"),
    [
        ("UPDATE channel_totals SET interactions = 4", 1, 1),
        ("DELETE FROM channel_totals", 1, 0),
        ("INSERT INTO channel_totals VALUES ('2', 'Email', 1, 0, now(), now())", 0, 1),
        ("UPDATE interactions SET count = count + 1 WHERE count = 1", 1, 1),
    ],
)
def test_wrong_totals_are_found(
    damage: str, missing: int, unexpected: int, connection: psycopg.Connection, database: str
) -> None:
    connection.execute(damage)
    result = verification(database)
    view = next(view for view in result.views if view.view == "channel_totals")
    assert not result.ok
    assert (view.missing, view.unexpected) == (missing, unexpected)
    assert len(view.missing_examples) == missing
    assert len(view.unexpected_examples) == unexpected


def test_offsets_without_an_outcome_are_found(connection: psycopg.Connection, database: str) -> None:
    connection.execute("UPDATE positions SET next_offset = 4")
    assert not verification(database).ok


def test_retired_positions_are_past(connection: psycopg.Connection, database: str) -> None:
    connection.execute("UPDATE positions SET next_offset = 4, retired_at = now()")
    assert verification(database).ok
