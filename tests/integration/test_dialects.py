"""The questions of sql/ elsewhere: the same answers on DuckDB over an export; for Databricks, text by text.

Databricks itself can't be asked here: what sqlglot gets wrong for it is known from its manual, function by function.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
import sqlglot

from c360.__main__ import run
from integrations.dialects.translate import Question, questions, statement, translate
from sql.migrate import rebuild, totals
from sql.refresh import read_refreshables, refresh
from tests.integration.sharing_world import fill

#: What functions are asked with, by their parameters.
ARGUMENTS = {
    "as_of date": "(DATE '2024-02-29')",
    "customer text": "('cust-0001')",
    "after text, upto text": "('', 'cust-0100')",
}


@pytest.fixture
def postgres(database: str) -> Iterator[psycopg.Connection]:
    """A database with facts, totals and analytics."""
    fill(database)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            "INSERT INTO customer_segments SELECT customer_id, now() - interval '40 days' * n, 'S' || n"
            " FROM customers, generate_series(1, 3) AS n WHERE customer_id < 'cust-0009'"
        )
        connection.execute(
            "INSERT INTO transactions SELECT gen_random_uuid(), now() - interval '1 month' * n, 1, 0,"
            " 'cust-' || lpad(n::text, 4, '0'), NULL, CASE n % 2 WHEN 0 THEN 'Books' ELSE 'Toys' END, n / 7.0, 'EUR'"
            " FROM generate_series(1, 15) AS n"
        )
        connection.execute("UPDATE transactions SET product_id = 'p-1' WHERE category = 'Books'")
        for total in totals(connection):
            rebuild(connection, total)
        for view in read_refreshables(connection):
            refresh(connection, view.view)
        yield connection


@pytest.fixture
def duck(
    postgres: psycopg.Connection, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The export of that database, and every question over it."""
    assert postgres.info.dbname in database
    monkeypatch.setenv("DATABASE_URL", database)
    assert run(["export", "--out", str(tmp_path / "out"), "--json"]) == 0
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for path in sorted((tmp_path / "out").glob("*.parquet")):
            connection.execute(f"CREATE TABLE {path.stem} AS SELECT * FROM '{path}'")  # noqa: S608 -- ours
        for question in questions():
            connection.execute(statement(question, "duckdb"))
        yield connection


def plain(value: Any) -> Any:
    """A value as both databases would have it: amounts to 6 digits, JSON read, times in UTC."""
    if isinstance(value, str) and value.startswith("["):
        value = json.loads(value)
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    if isinstance(value, Decimal | float | int) and not isinstance(value, bool):
        return round(float(value), 6)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return value.isoformat() if isinstance(value, date) else value


def rows(found: list[tuple[Any, ...]]) -> list[str]:
    return sorted(repr([plain(value) for value in row]) for row in found)


def test_duckdb_gives_the_same_answers(postgres: psycopg.Connection, duck: duckdb.DuckDBPyConnection) -> None:
    empty = []
    for question in questions():
        asked = f"SELECT * FROM {question.name}{ARGUMENTS.get(question.parameters, '')}"  # noqa: S608 -- ours
        here = postgres.execute(asked.encode()).fetchall()
        assert rows(duck.execute(asked).fetchall()) == rows(here), question.name
        empty += [] if here else [question.name]
    assert not empty, "not tried"


#: What is asked, what sqlglot alone would make of it for Databricks, what we make of it, and why.
DATABRICKS = {
    "percentile_cont": (
        "SELECT percentile_cont(0.25) WITHIN GROUP (ORDER BY amount) FROM t",
        "PERCENTILE_APPROX(amount, 0.25)",
        "PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY amount NULLS LAST)",
    ),
    "AT TIME ZONE": (
        "SELECT (occurred_at AT TIME ZONE 'UTC')::date FROM t",
        "FROM_UTC_TIMESTAMP(occurred_at, 'UTC')",
        "TO_UTC_TIMESTAMP(occurred_at, CURRENT_TIMEZONE())",
    ),
    "numeric": ("SELECT x::numeric FROM t", "CAST(x AS DECIMAL)", "CAST(x AS DECIMAL(38, 10))"),
    "json_build_object": (
        "SELECT json_build_object('a', b) FROM t",
        "JSON_BUILD_OBJECT('a', b)",
        "NAMED_STRUCT('a', b)",
    ),
    "json_agg": (
        "SELECT json_agg(a ORDER BY b DESC, c) FILTER (WHERE a > 0) FROM t",
        "JSON_ARRAYAGG(a ORDER BY b DESC",
        "TO_JSON(TRANSFORM(SORT_ARRAY(ARRAY_AGG(NAMED_STRUCT('by_1', -(b), 'by_2', (c), 'value', a))"
        " FILTER(WHERE a > 0)), one -> one.value))",
    ),
    "EXISTS": ("SELECT EXISTS (SELECT FROM t)", "EXISTS(SELECT FROM t)", "EXISTS(SELECT 1 FROM t)"),
}
#: The same for DuckDB.
DUCKDB = {
    "numeric": ("SELECT x::numeric FROM t", "CAST(x AS DECIMAL)", "CAST(x AS DECIMAL(38, 10))"),
    "json_build_object": (
        "SELECT json_build_object('a', b) FROM t",
        "JSON_BUILD_OBJECT('a', b)",
        "JSON_OBJECT('a', b)",
    ),
    "json_agg": ("SELECT json_agg(a ORDER BY b) FROM t", "JSON_ARRAYAGG(a ORDER BY b)", "TO_JSON(LIST(a ORDER BY b))"),
    "EXISTS": ("SELECT EXISTS (SELECT FROM t)", "EXISTS(SELECT FROM t)", "EXISTS(SELECT 1 FROM t)"),
}
CASES = [(dialect, name) for dialect, one in (("databricks", DATABRICKS), ("duckdb", DUCKDB)) for name in one]


@pytest.mark.parametrize(("dialect", "name"), CASES)
def test_what_sqlglot_gets_wrong(dialect: str, name: str) -> None:
    text, wrong, right = (DATABRICKS if dialect == "databricks" else DUCKDB)[name]
    assert wrong in on_one_line(sqlglot.transpile(text, read="postgres", write=dialect)[0]), "sqlglot has changed"
    assert right in on_one_line(translate(text, dialect))


def on_one_line(text: str) -> str:
    return " ".join(text.split()).replace("( ", "(").replace(" )", ")")


#: What sqlglot gets right, with what it makes of it for Databricks; every other function is called the same there.
RIGHT = {
    "SELECT count(*) FILTER (WHERE a > 0) FROM t": "COUNT(*) FILTER(WHERE a > 0)",
    "SELECT sum(a)::bigint FROM t": "CAST(SUM(a) AS BIGINT)",
    "SELECT date_trunc('month', d::timestamp)::date": "CAST(DATE_TRUNC('MONTH', CAST(d AS TIMESTAMP)) AS DATE)",
    "SELECT a - interval '3 months'": "a - INTERVAL '3' MONTHS",
    "SELECT a::double precision": "CAST(a AS DOUBLE)",
    "SELECT rank() OVER (ORDER BY a DESC)": "RANK() OVER (ORDER BY a DESC NULLS FIRST)",
}


@pytest.mark.parametrize("text", RIGHT)
def test_what_sqlglot_gets_right(text: str) -> None:
    assert RIGHT[text] in on_one_line(translate(text, "databricks"))


def test_every_question_is_databricks_to_sqlglot_at_least() -> None:
    """And none of the functions that Databricks lacks is left in it."""
    for question in questions():
        text = statement(question, "databricks")
        body = text.partition(" RETURN\n")[2] or text
        sqlglot.parse_one(body, read="databricks")
        left = [
            name
            for name in ("JSON_BUILD_OBJECT", "JSON_ARRAYAGG", "PERCENTILE_APPROX", "FROM_UTC_", "::")
            if name in text
        ]
        assert left == [], question.name


def test_questions_come_after_what_they_read() -> None:
    names = [question.name for question in questions()]
    for place, question in enumerate(questions()):
        assert not question.reads & set(names[place + 1 :])
    assert Question("a", "", "SELECT 1 FROM b").reads == {"b"}
