"""Refreshing: who does it, what it leaves behind, what readers notice (nothing), and what happens when it fails."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from api_process import wait_until

from c360.commands.evaluate import evaluation
from events.errors import UsageError
from refresher import loop
from refresher.schedule import Schedule
from settings import RefresherSettings
from sql import migrate as migration
from sql.category_columns import MOST_CATEGORIES, WIDE_VIEW
from sql.migrate import Connection, migrate
from sql.refresh import MANNERS, REFRESH_LOCK, Moment, Refreshable, Refresher, read_refreshables, refresh


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def state_of(connection: Connection, view: str) -> Refreshable:
    return next(one for one in read_refreshables(connection) if one.view == view)


def anything(views: object, moment: Moment) -> str:  # noqa: ARG001
    return "segment_shares"


def test_a_migrated_database_has_everything_filled(connection: Connection) -> None:
    views = read_refreshables(connection)
    assert {view.outcome for view in views if view.view != "monthly_report"} == {"done"}
    assert connection.execute("SELECT count(*) FROM pg_matviews WHERE NOT ispopulated").fetchone() == (0,)


def test_every_materialized_view_can_be_refreshed_while_others_read(connection: Connection, database: str) -> None:
    views = [name for (name,) in connection.execute("SELECT matviewname FROM pg_matviews").fetchall()]
    assert len(views) >= 8
    for view in views:
        with psycopg.connect(database) as reader:
            reader.execute(f"SELECT FROM {view}".encode())
            # The reader's transaction is open: a refresh that locked it out would fail after its lock timeout.
            assert refresh(connection, view).reason is None


def test_a_run_leaves_its_history(connection: Connection) -> None:
    connection.execute("INSERT INTO customers (customer_id, segment, partition) VALUES ('1', 'SMB', 0)")
    connection.execute(
        "INSERT INTO positions (topic, partition, cluster_id, topic_id, next_offset)"
        " VALUES ('customers', 2, 'c', 't', 8)"
    )
    before = datetime.now(UTC)
    run = refresh(connection, "segment_shares")
    assert (run.outcome, run.rows, run.reason) == ("done", 1, None)
    state = state_of(connection, "segment_shares")
    assert state.refreshed_at
    assert before <= state.refreshed_at <= datetime.now(UTC)
    assert (state.position, state.as_of, state.rows) == ("customers:2@8", datetime.now(UTC).date(), 1)
    assert state.seconds == run.seconds > 0


def test_history_is_kept_for_a_week_and_the_last_that_was_done_for_ever(connection: Connection) -> None:
    connection.execute("UPDATE refreshes SET started_at = started_at - interval '8 days'")
    connection.execute(
        "INSERT INTO refreshes (view, started_at, seconds, outcome, as_of, position, epoch)"
        " SELECT 'segment_shares', now() - interval '9 days', 1, 'failed', '2024-01-01', '', 0"
    )
    connection.execute("DROP INDEX segment_shares_key")
    assert refresh(connection, "segment_shares").outcome == "failed"
    rows = connection.execute("SELECT outcome FROM refreshes WHERE view = 'segment_shares' ORDER BY 1").fetchall()
    assert rows == [("done",), ("failed",)]
    connection.execute("CREATE UNIQUE INDEX segment_shares_key ON segment_shares (segment)")
    assert refresh(connection, "segment_shares").outcome == "done"
    rows = connection.execute("SELECT outcome FROM refreshes WHERE view = 'segment_shares' ORDER BY 1").fetchall()
    assert rows == [("done",), ("failed",)]


def test_a_failure_is_recorded_and_leaves_the_view_as_it_was(connection: Connection) -> None:
    connection.execute("INSERT INTO customers (customer_id, segment, partition) VALUES ('1', 'SMB', 0)")
    refresh(connection, "segment_shares")
    connection.execute("DROP INDEX segment_shares_key")
    connection.execute("DELETE FROM customers")
    run = refresh(connection, "segment_shares")
    assert run.outcome == "failed"
    assert "concurrently" in (run.reason or "")
    state = state_of(connection, "segment_shares")
    assert (state.outcome, state.reason, state.rows) == ("failed", run.reason, 1)
    assert connection.execute("SELECT segment FROM segment_shares").fetchall() == [("SMB",)]


def test_one_refreshes_at_a_time(connection: Connection, database: str) -> None:
    with psycopg.connect(database) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [REFRESH_LOCK])
        assert Refresher(connection).refresh_chosen(anything) is None
    run = Refresher(connection).refresh_chosen(anything)
    assert run
    assert run.view == "segment_shares"


def test_of_many_refreshers_one_refreshes_what_changed(connection: Connection, database: str) -> None:
    """What is due is looked up behind the lock: who comes second finds nothing due."""
    views = [one.view for one in read_refreshables(connection) if one.view != "monthly_report"]
    connection.execute("DELETE FROM refreshes")
    stopping = threading.Event()
    refreshers = [
        threading.Thread(target=loop.run, args=[database, RefresherSettings()], kwargs={"stopping": stopping})
        for _ in range(3)
    ]
    for thread in refreshers:
        thread.start()
    try:
        wait_until(lambda: all(one.outcome for one in read_refreshables(connection) if one.view in views), seconds=60)
    finally:
        stopping.set()
        for thread in refreshers:
            thread.join()
    counted = connection.execute("SELECT view, count(*) FROM refreshes GROUP BY view ORDER BY view").fetchall()
    assert counted == [(view, 1) for view in sorted(views)]


def test_the_refresher_waits_for_postgres_and_stops_when_told(database: str, tmp_path: Path) -> None:
    nowhere = database.replace(f":{psycopg.conninfo.conninfo_to_dict(database)['port']}/", ":1/")
    for url in (database, nowhere):
        log = (tmp_path / "log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "c360", "refresher"],
            env={"DATABASE_URL": url, "LOG_FORMAT": "json", "PATH": ""},
            stderr=log,
        )
        expected = b'"refreshing"' if url == database else b"will try again"
        wait_until(lambda expected=expected: expected in (tmp_path / "log").read_bytes(), seconds=30)  # type: ignore[misc]
        process.terminate()
        assert process.wait(20) == 0
        log.close()


def test_a_changed_file_makes_the_view_anew(
    connection: Connection, database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    connection.execute("INSERT INTO customers (customer_id, segment, partition) VALUES ('1', 'SMB', 0)")
    (tmp_path / "analytics").mkdir()
    for path in (migration.FOLDER / "analytics").iterdir():
        text = path.read_text()
        (tmp_path / "analytics" / path.name).write_text(text.replace("'unknown') AS segment", "'none') AS segment"))
    changed = tmp_path / "analytics" / "segment_shares.sql"
    changed.write_text(changed.read_text().replace("count(*) AS customers,", "count(*) AS customers, 1 AS one,"))
    (tmp_path / "migrations").symlink_to(migration.FOLDER / "migrations")
    monkeypatch.setattr(migration, "FOLDER", tmp_path)
    assert migrate(database) == ["analytics/customer_revenue", "analytics/segment_shares"]
    assert connection.execute("SELECT segment, one FROM segment_shares").fetchall() == [("SMB", 1)]
    assert migrate(database) == []


def columns_of(connection: Connection) -> list[str]:
    described = connection.execute("SELECT * FROM category_amounts_wide LIMIT 0", prepare=False).description
    return [column.name for column in described or ()]


def test_categories_become_columns_at_the_end_and_stay(connection: Connection) -> None:
    assert columns_of(connection) == ["customer_id", "unknown_amount"]
    connection.execute(
        "INSERT INTO category_amounts VALUES ('1', 'Toys', 1, 1, 10), ('1', 'Apps & Games', 2, 2, -0.5),"
        " ('2', 'Apps & Games', 1, 1, 7)"
    )
    connection.execute("CREATE VIEW of_a_reader AS SELECT customer_id, unknown_amount FROM category_amounts_wide")
    assert refresh(connection, WIDE_VIEW).rows == 3
    assert columns_of(connection) == ["customer_id", "unknown_amount", "apps_and_games_amount", "toys_amount"]
    rows = connection.execute("SELECT * FROM category_amounts_wide ORDER BY 1", prepare=False).fetchall()
    assert [tuple(map(str, row)) for row in rows] == [("1", "0", "-0.5", "10"), ("2", "0", "7", "0")]
    # One is gone, one that nobody bought yet appears in the catalogue, and another spells like one that is there.
    connection.execute("DELETE FROM category_amounts WHERE category = 'Toys'")
    connection.execute("INSERT INTO products VALUES ('p', NULL, 'Books', 1)")
    connection.execute("INSERT INTO category_amounts VALUES ('3', 'toys', 1, 1, 5)")
    refresh(connection, WIDE_VIEW)
    assert columns_of(connection)[4:] == ["books_amount", "toys_2_amount"]
    rows = connection.execute("SELECT * FROM category_amounts_wide ORDER BY 1", prepare=False).fetchall()
    assert [tuple(map(int, row[3:])) for row in rows] == [(0, 0, 0), (0, 0, 0), (0, 0, 5)]
    comment = connection.execute("SELECT col_description('category_amounts_wide'::regclass, 3)").fetchone()
    assert comment == ("Sum of the amounts in category Apps & Games, as told; 0: none.",)
    assert connection.execute("SELECT count(*) FROM of_a_reader").fetchone() == (3,)


def test_columns_do_not_wait_for_a_reader_for_long(
    connection: Connection, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sql.refresh.MANNERS", (*MANNERS, "SET LOCAL lock_timeout = '100ms'"))
    connection.execute("INSERT INTO category_amounts VALUES ('1', 'Toys', 1, 1, 10)")
    with psycopg.connect(database) as reader:
        reader.execute("SELECT FROM category_amounts_wide")
        run = refresh(connection, WIDE_VIEW)
    assert run.outcome == "failed"
    assert "lock timeout" in (run.reason or "")
    assert columns_of(connection) == ["customer_id", "unknown_amount"]
    assert refresh(connection, WIDE_VIEW).rows == 2


def test_free_text_is_no_category(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO category_amounts SELECT '1', 'text ' || n, 1, 1, 1 FROM generate_series(1, %s) AS n",
        [MOST_CATEGORIES],
    )
    run = refresh(connection, WIDE_VIEW)
    assert run.outcome == "failed"
    assert "1,001 categories" in (run.reason or "")


def test_the_schedule_lets_nothing_wait_for_ever(connection: Connection) -> None:
    schedule = Schedule(seconds=1, report="0 9 1 * *", since=datetime.now(UTC))
    connection.execute("UPDATE refreshes SET started_at = started_at - interval '1 hour'")
    refresher = Refresher(connection)
    assert refresher.refresh_chosen(schedule.choose) is None
    connection.execute("UPDATE reattribution SET epoch = epoch + 1")
    seen = set()
    while run := refresher.refresh_chosen(schedule.choose):
        seen.add(run.view)
        connection.execute("UPDATE refreshes SET seconds = 0, started_at = started_at - interval '1 minute'")
    assert seen == {one.view for one in read_refreshables(connection)} - {"monthly_report"}


def transitions(views: object, moment: Moment) -> str:  # noqa: ARG001
    return "category_transitions"


@pytest.fixture
def three_customers(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], int]:
    """Each is counted in a step of its own, and a fourth finds no more; returns how often each pair is there."""
    monkeypatch.setattr("sql.category_pairs.PURCHASES_AT_ONCE", 1)
    for customer in ("1", "2", "3"):
        purchases(connection, customer, "AAB")
    return {("A", "A"): 3, ("A", "B"): 6}


def times(connection: Connection) -> dict[tuple[str, str], int]:
    found = connection.execute("SELECT from_category, to_category, times FROM category_transitions").fetchall()
    return {(earlier, later): times for earlier, later, times in found}


def test_what_is_dear_is_counted_in_steps(connection: Connection, three_customers: dict[tuple[str, str], int]) -> None:
    refresher = Refresher(connection)
    before = datetime.now(UTC)
    assert refresher.refresh_chosen(transitions) is None
    after_a_step = datetime.now(UTC)
    assert [refresher.refresh_chosen(transitions) for _ in range(2)] == [None, None]
    assert times(connection) == {}
    run = refresher.refresh_chosen(transitions)
    assert run
    assert (run.outcome, run.rows) == ("done", 2)
    assert times(connection) == three_customers
    # It has at least what was there when the first step began.
    refreshed_at = state_of(connection, "category_transitions").refreshed_at
    assert refreshed_at
    assert before <= refreshed_at <= after_a_step


def test_a_step_that_fails_is_a_failed_run(
    connection: Connection, three_customers: dict[tuple[str, str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    refresher = Refresher(connection)
    assert refresher.refresh_chosen(transitions) is None
    with monkeypatch.context() as patched:
        patched.setattr("sql.refresh.MANNERS", (*MANNERS, "SET LOCAL statement_timeout = '1ms'", "SELECT pg_sleep(1)"))
        run = refresher.refresh_chosen(transitions)
    assert run
    assert (run.outcome, run.rows) == ("failed", None)
    assert "timeout" in (run.reason or "")
    runs = [refresher.refresh_chosen(transitions) for _ in range(4)]
    assert [run.outcome if run else None for run in runs] == [None, None, None, "done"], "it begins anew"
    assert times(connection) == three_customers


def test_who_refreshes_by_hand_is_not_overtaken_by_what_began_before(
    connection: Connection, three_customers: dict[tuple[str, str], int]
) -> None:
    seen: list[bool] = []

    def look(views: Sequence[Refreshable], moment: Moment) -> str:
        seen.extend(view.begun for view in views if view.view == "category_transitions")
        return transitions(views, moment)

    refresher = Refresher(connection)
    assert refresher.refresh_chosen(look) is None
    assert refresher.refresh_chosen(look) is None
    assert refresh(connection, "category_transitions").outcome == "done"
    assert times(connection) == three_customers
    assert refresher.refresh_chosen(look) is None
    assert seen == [False, True, False]


def test_one_has_the_lead_until_it_is_gone(connection: Connection, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as first:
        assert Refresher(first).lead()
        assert not Refresher(connection).lead()
    wait_until(Refresher(connection).lead, seconds=10)


def c360(database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "c360", *arguments],
        env={"DATABASE_URL": database, "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command(connection: Connection, database: str) -> None:
    done = c360(database, "refresh", "segment_shares", "monthly_report", "--json")
    assert done.returncode == 0, done.stderr
    assert [(run["view"], run["outcome"]) for run in json.loads(done.stdout)] == [
        ("segment_shares", "done"),
        ("monthly_report", "done"),
    ]
    unknown = c360(database, "refresh", "nothing")
    assert unknown.returncode == 2
    assert "category_transitions" in unknown.stderr
    connection.execute("DROP INDEX segment_shares_key")
    failed = c360(database, "refresh")
    assert failed.returncode == 1
    assert "concurrently" in failed.stdout


def purchases(connection: Connection, customer: str, categories: str) -> None:
    """One a day."""
    for number, letter in enumerate(categories):
        connection.execute(
            "INSERT INTO transactions (transaction_id, occurred_at, quantity, partition, customer_id, category, amount,"
            " currency) VALUES (gen_random_uuid(), %s, 1, 0, %s, %s, 1, 'EUR')",
            [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=number), customer, letter],
        )


def test_the_evaluation_knows_nothing_of_what_it_guesses(connection: Connection, database: str) -> None:
    with psycopg.connect(database) as other, pytest.raises(UsageError, match="nothing to hold out"):
        evaluation(other, customers=10)
    # A always leads to B, and B to A. C is the most popular, as those who bought once did.
    for customer in range(20):
        purchases(connection, f"even {customer}", "ABABABAB")
        purchases(connection, f"odd {customer}", "BABABABA")
    for customer in range(400):
        purchases(connection, f"once {customer}", "C")
    refresh(connection, "category_transitions")
    with psycopg.connect(database) as other:
        found = evaluation(other, customers=1000)
        other.rollback()
    assert (found.purchases, found.customers, found.guessed) == (720, 440, 40)
    rates = {guesser.name: (guesser.hit_rate_at_1, guesser.hit_rate_at_3) for guesser in found.guessers}
    assert rates == {"next best category": (1, 1), "most popular": (0, 1), "bought most by the customer": (0, 1)}
    # Everything is as before.
    assert connection.execute("SELECT count(*) FROM purchases").fetchone() == (720,)
