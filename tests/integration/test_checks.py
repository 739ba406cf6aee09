"""Each data-quality check of ours, on a real Postgres: it passes where all is well, and fails where it should."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg import AsyncConnection
from structlog.testing import capture_logs

from c360.__main__ import run as c360
from quality.checks import Check, Level
from quality.library import load_checks
from quality.runs import Result, Run, history_of, keep, latest, run_checks
from quality.watch import Watch
from settings import QualitySettings

#: All is well: two customers with a purchase each on every one of the last weeks' days, and an interaction.
WELL = """
INSERT INTO customers (customer_id, email, customer_type, date_of_birth, partition) VALUES
    ('1', 'jane@example.org', 'Red', '1980-05-17', 0), ('2', NULL, 'Blue', NULL, 1);
INSERT INTO products VALUES ('P1', 'Kite', 'Toys', 19.95);
INSERT INTO transactions
    SELECT gen_random_uuid(), now() - make_interval(days => ago), 1, partition, customer_id, 'P1', NULL, 19.95, 'EUR',
        NULL
    FROM generate_series(0, 35) AS ago CROSS JOIN customers;
INSERT INTO interactions (event_id, occurred_at, count, partition, customer_id, channel, revenue)
    SELECT gen_random_uuid(), now() - make_interval(days => ago), 3, 0, '1', 'Email', 1.50
    FROM generate_series(0, 35) AS ago;
INSERT INTO positions (topic, partition, cluster_id, topic_id, next_offset, new, rejected) VALUES
    ('transactions', 0, 'c', 't', 100, 99, 1), ('interactions', 0, 'c', 't', 36, 36, 0);
"""
TOTALS = """
TRUNCATE channel_totals, customer_purchases, category_amounts, daily_sales_parts, product_sales_parts, daily_revenue;
INSERT INTO channel_totals SELECT * FROM channel_totals_from_facts;
INSERT INTO customer_purchases SELECT * FROM customer_purchases_from_facts;
INSERT INTO category_amounts SELECT * FROM category_amounts_from_facts;
INSERT INTO daily_sales_parts SELECT * FROM daily_sales_parts_from_facts;
INSERT INTO product_sales_parts SELECT * FROM product_sales_parts_from_facts;
INSERT INTO daily_revenue SELECT * FROM daily_revenue_from_facts;
"""
_SALE = "INSERT INTO transactions VALUES (gen_random_uuid(), now(), 1, 0, '{}', '{}', NULL, {}, '{}', NULL);"

_STRANGER = "UPDATE interactions SET customer_id = '9';"

#: Per check: what makes it fail, and how many rows then offend.
DAMAGE: dict[str, tuple[str, int]] = {
    "births_are_plausible": (
        "UPDATE customers SET date_of_birth = date '1880-01-01' WHERE customer_id = '1';"
        "UPDATE customers SET date_of_birth = current_date + 1 WHERE customer_id = '2'",
        2,
    ),
    "buyers_are_known": (_SALE.format(9, "P1", 1, "EUR") + TOTALS, 1),
    "categories_agree": ("UPDATE category_amounts SET amount = amount + 0.01 WHERE customer_id = '1'", 1),
    "contacts_are_known": (_STRANGER + TOTALS, 1),
    "currencies_exist": (_SALE.format(1, "P1", 1, "EUX") + TOTALS, 1),
    "customers_have_a_type": ("UPDATE customers SET customer_type = NULL WHERE customer_id = '2'", 1),
    "customers_pay_in_one_currency": (_SALE.format(1, "P1", 1, "USD") + TOTALS, 1),
    "emails_are_unique": ("UPDATE customers SET email = 'jane@example.org'", 1),
    "every_offset_is_accounted_for": ("UPDATE positions SET next_offset = 37 WHERE topic = 'interactions'", 1),
    "few_events_are_rejected": ("UPDATE positions SET new = 94, rejected = 6 WHERE topic = 'transactions'", 1),
    "interactions_are_as_many_as_usual": (
        "DELETE FROM interactions WHERE occurred_at >= current_date - 1 AND occurred_at < current_date",
        1,
    ),
    "interactions_are_fresh": ("UPDATE interactions SET occurred_at = occurred_at - interval '1 day 1 second'", 1),
    "nothing_is_in_the_future": (
        "UPDATE interactions SET occurred_at = now() + interval '25 hours';"
        "UPDATE transactions SET occurred_at = now() + interval '25 hours' WHERE customer_id = '1'",
        72,
    ),
    "order_amounts_are_plausible": (_SALE.format(1, "P1", -1000000.01, "EUR"), 1),
    "orders_agree": ("DELETE FROM daily_sales_parts WHERE day = current_date", 1),
    "orders_are_as_many_as_usual": ("UPDATE daily_sales_parts SET orders = 5 * orders WHERE day = current_date - 1", 1),
    "products_are_known": (_SALE.format(1, "P2", 1, "EUR") + TOTALS, 1),
    "revenue_agrees": ("UPDATE daily_revenue SET revenue = revenue + 0.01 WHERE customer_id = '2'", 1),
    "rows_of_sources_are_taken": (
        'INSERT INTO rejected_events (reject_id, topic, partition, "offset", stream, reason) VALUES'
        "(gen_random_uuid(), 'rejected_events', 0, 0, 'interactions', 'no date'),"
        "(gen_random_uuid(), 'rejected_events', 0, 1, 'interactions', 'no date')",
        1,
    ),
    "transactions_are_fresh": ("DELETE FROM transactions", 1),
}


@pytest.fixture
def well(database: str) -> Iterator[psycopg.Connection[Any]]:
    """A database where all is well; statements commit at once."""
    with psycopg.connect(database, autocommit=True, options="-c TimeZone=UTC") as connection:
        connection.execute(WELL.encode())
        connection.execute(TOTALS.encode())
        yield connection


async def ask(url: str, *checks: Check, timeout_seconds: float = 10) -> list[Run]:
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        return [run async for run in run_checks(connection, checks, timeout_seconds=timeout_seconds)]


def test_every_check_has_a_case_in_which_it_fails() -> None:
    assert DAMAGE.keys() == load_checks().keys()


@pytest.mark.usefixtures("well")
async def test_all_pass_where_all_is_well(database: str) -> None:
    runs = await ask(database, *load_checks().values())
    assert [run for run in runs if run.result is not Result.PASSED] == []


@pytest.mark.parametrize("name", load_checks())
async def test_it_fails_where_it_should(well: psycopg.Connection[Any], database: str, name: str) -> None:
    damage, offenders = DAMAGE[name]
    well.execute(damage.encode())
    check = load_checks()[name]
    (run,) = await ask(database, check)
    assert (run.result, run.offenders, run.reason) == (Result.FAILED, offenders, None)
    assert run.alarming is (check.level is Level.ERROR)
    assert len(run.examples) == min(offenders, 10)
    assert set(check.kept) <= run.examples[0].keys(), "what is to be kept is among the columns"


@pytest.mark.usefixtures("well")
async def test_nothing_at_all_is_not_fresh(database: str) -> None:
    """An empty table has no row newer than a day either."""
    checks = load_checks()
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("TRUNCATE transactions")
    (run,) = await ask(database, checks["transactions_are_fresh"])
    assert run.result is Result.FAILED


async def test_a_few_days_of_history_are_nothing_to_compare_with(well: psycopg.Connection[Any], database: str) -> None:
    well.execute("DELETE FROM daily_sales_parts WHERE day < current_date - 10")
    well.execute("UPDATE daily_sales_parts SET orders = 1000 WHERE day = current_date - 1")
    (run,) = await ask(database, load_checks()["orders_are_as_many_as_usual"])
    assert run.result is Result.PASSED


def test_no_personal_data_is_kept() -> None:
    with_personal_data = {"customer_id", "first_name", "last_name", "email", "phone", "address", "date_of_birth"}
    for check in load_checks().values():
        assert not with_personal_data & set(check.kept)


async def test_the_history_has_what_may_be_kept(well: psycopg.Connection[Any], database: str) -> None:
    well.execute(DAMAGE["births_are_plausible"][0].encode())
    well.execute(DAMAGE["categories_agree"][0].encode())
    checks = load_checks()
    async with await AsyncConnection.connect(database, autocommit=True) as connection:
        async for run in run_checks(connection, checks.values(), timeout_seconds=10):
            await keep(connection, run, checks[run.check])
        known = await latest(connection, [*checks, "nobody"])
        assert known.keys() == checks.keys()
        assert (known["births_are_plausible"].offenders, known["births_are_plausible"].examples) == (2, [])
        (example,) = known["categories_agree"].examples
        assert example.keys() == {"customer_purchases", "category_amounts"}
        assert [run.result for run in await history_of(connection, "categories_agree")] == [Result.FAILED]


def own(query: str) -> Check:
    return Check(name="own", level=Level.ERROR, meaning="m", remedy="r", query=query)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT pg_sleep(10)", "no answer within 0.2 s"),
        ("SELECT 1 AS a FROM nowhere", 'UndefinedTable: relation "nowhere" does not exist'),
        ("DELETE FROM customers RETURNING 1", "SyntaxError"),
        ("SELECT 1) AS offender; COMMIT; DELETE FROM customers; SELECT * FROM (SELECT 1", "SyntaxError"),
        ("SELECT nextval('secret')", "ReadOnlySqlTransaction"),
        ("SELECT email::integer FROM customers", "InvalidTextRepresentation"),
    ],
)
async def test_what_cannot_be_answered(well: psycopg.Connection[Any], database: str, query: str, said: str) -> None:
    """It takes too long, or it is no good question: a result, without the data that Postgres might quote."""
    well.execute("CREATE SEQUENCE secret")
    (bad, good) = await ask(database, own(query), own("SELECT '50%' AS a WHERE 'x' LIKE 'y%'"), timeout_seconds=0.2)
    assert (bad.result, bad.offenders) == (Result.UNANSWERED, None)
    assert bad.alarming
    assert str(bad.reason).startswith(said)
    assert "jane" not in str(bad.reason)
    assert good.result is Result.PASSED
    row = well.execute("SELECT count(*) FROM customers").fetchone()
    assert row == (2,)


@pytest.mark.usefixtures("well")
async def test_a_check_does_not_wait_for_locks(database: str) -> None:
    with psycopg.connect(database) as other:
        other.execute("LOCK TABLE customers")
        (run,) = await ask(database, load_checks()["emails_are_unique"], timeout_seconds=20)
    assert run.result is Result.UNANSWERED
    assert run.seconds < 10


async def test_one_watch_asks_and_the_others_read(well: psycopg.Connection[Any], database: str) -> None:
    checks = load_checks()
    settings = QualitySettings(check_every_seconds=0.05)
    first, second = Watch(database, checks, settings), Watch(database, checks, settings)
    with capture_logs() as lines:
        await _watch_both(first, second, well)
    assert [(line["event"], line["check"]) for line in lines] == [("check failed", "categories_agree")]
    # Whoever comes next goes on, but not before the time has come.
    asked = well.execute("SELECT count(*) FROM quality_runs").fetchone()
    third = Watch(database, checks, QualitySettings(check_every_seconds=3600))
    async with third.watching():
        await until(lambda: third.latest.keys() == checks.keys())
        await until(lambda: well.execute("SELECT FROM pg_locks WHERE locktype = 'advisory'").fetchone() is not None)
    assert well.execute("SELECT count(*) FROM quality_runs").fetchone() == asked


async def _watch_both(first: Watch, second: Watch, well: psycopg.Connection[Any]) -> None:
    """Let them find that all is well, then that something is not."""
    async with first.watching(), second.watching():
        await until(lambda: first.latest.keys() == second.latest.keys() == first.checks.keys())
        asking = well.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted").fetchone()
        assert asking == (1,)
        well.execute(DAMAGE["categories_agree"][0].encode())
        await until(lambda: first.latest["categories_agree"].result is Result.FAILED)
        await until(lambda: second.latest["categories_agree"].result is Result.FAILED)


async def test_old_runs_are_forgotten(well: psycopg.Connection[Any], database: str) -> None:
    well.execute("INSERT INTO quality_runs VALUES ('old', now() - interval '31 days', 'warn', 0, 'passed', 0)")
    watch = Watch(database, load_checks(), QualitySettings(check_every_seconds=3600))
    async with watch.watching():
        await until(lambda: well.execute("SELECT FROM quality_runs WHERE check_name = 'old'").fetchone() is None)


async def until(condition: Any) -> None:
    """Let the watches work until it holds."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 -- what it waits for is in the database
            await asyncio.sleep(0.02)


def test_the_command(
    well: psycopg.Connection[Any],
    database: str,
    tmp_path: Path,
    capfdbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    assert c360(["check"]) == 0
    assert b"20 of 20 checks passed" in capfdbinary.readouterr().out
    well.execute(DAMAGE["births_are_plausible"][0].encode())
    assert c360(["check"]) == 0, "a warning is no failure"
    well.execute(DAMAGE["categories_agree"][0].encode())
    report = tmp_path / "report.html"
    assert c360(["check", "categories_agree", "births_are_plausible", "--json", "--report", str(report)]) == 1
    runs = msgspec.json.decode(capfdbinary.readouterr().out.partition(b"\n[")[2].join([b"[", b""]))
    assert [(run["check"], run["result"]) for run in runs] == [
        ("categories_agree", "failed"),
        ("births_are_plausible", "failed"),
    ]
    assert runs[0]["examples"][0]["customer_id"] == "1"
    page = report.read_text()
    assert "1 of level error did not pass" in page
    assert "1880" not in page, "no personal data in what is mailed"
    assert "<script" not in page
    assert "://" not in page
    assert c360(["check", "nothing"]) == 2
