"""Columns encoded by us must be read by Postgres, and facts read back, as what they were."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.adapt import Transformer
from psycopg.pq import Format

from events.contracts import AMOUNT_LIMIT, EARLIEST, LATEST
from stream_processors import binary
from stream_processors.facts import Facts, FactTable
from stream_processors.fold import Kind
from stream_processors.interactions import Interactions
from stream_processors.transactions import Transactions
from tests.properties.test_totals import FEW
from tests.properties.world import Ground

per_column = settings(deadline=None, suppress_health_check=FEW, max_examples=60)

NUMERIC_OID = 1700
STORABLE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
MICROS = st.integers(binary.micros(EARLIEST), binary.micros(LATEST) - 1)
AMOUNTS = st.decimals(-AMOUNT_LIMIT, AMOUNT_LIMIT, places=6) | st.sampled_from(
    [Decimal(text) for text in ("0", "-0", "0.000000", "0E+11", "1E+11", "-1E-6", "10000", "0.0001", "9999.9999")]
)
COLUMNS: list[tuple[type[binary.Array], str, st.SearchStrategy[Any]]] = [
    (binary.TextArray, "text", st.none() | STORABLE),
    (binary.UuidArray, "uuid", st.uuids().map(lambda uuid: uuid.bytes)),
    (binary.Int8Array, "bigint", st.integers(-(2**63), 2**63 - 1)),
    (binary.TimestamptzArray, "timestamptz", MICROS),
    (binary.DateArray, "date", st.dates().map(binary.days)),
    (binary.NumericArray, "numeric", AMOUNTS),
    (binary.ByteaArray, "bytea", st.none() | st.binary(max_size=20)),
]


@given(st.lists(MICROS), st.booleans())
def test_days_are_those_of_the_calendar_in_utc(moments: list[int], one_day: bool) -> None:
    moments = (
        [moments[0] // 86_400_000_000 * 86_400_000_000 + one % 86_400_000_000 for one in moments]
        if one_day
        else moments
    )
    assert binary.days_of(moments) == [binary.days(binary.moment(one).date()) for one in moments]


def fetch(ground: Ground, question: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    async def ask() -> list[tuple[Any, ...]]:
        cursor = await ground.connections[0].execute(question, parameters)
        return await cursor.fetchall()

    return ground.runner.run(ask())


def in_python(element: str, value: Any) -> Any:
    """An element as psycopg reads it."""
    if element == "uuid":
        return UUID(bytes=value)
    if element == "date":
        return date(1970, 1, 1) + timedelta(days=value)
    return binary.moment(value) if element == "timestamptz" else value


@pytest.mark.parametrize(("array", "element", "values"), COLUMNS, ids=lambda part: getattr(part, "__name__", ""))
@per_column
@given(data=st.data())
def test_arrays_are_read_as_they_were_meant(
    ground: Ground, array: type[binary.Array], element: str, values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    column = data.draw(st.lists(values, max_size=30))
    rows = fetch(ground, f"SELECT * FROM unnest(%s::{element}[])", [array.of(column)])  # noqa: S608 - a type
    assert [row[0] for row in rows] == [in_python(element, value) for value in column]


@per_column
@given(AMOUNTS)
def test_amounts_mean_to_postgres_what_their_text_means(ground: Ground, amount: Decimal) -> None:
    field = binary.NumericArray.of([amount])
    assert fetch(ground, "SELECT (%s::numeric[])[1] = %s::text::numeric", [field, f"{amount:f}"]) == [(True,)]


@given(st.integers(0, 4).flatmap(lambda places: st.decimals(-2, 20_000, places=places)))
def test_amounts_are_sent_with_the_decimals_that_they_have(amount: Decimal) -> None:
    field = binary.numeric_field(amount)
    read = Transformer().get_loader(NUMERIC_OID, Format.BINARY).load(field[4:])
    assert (int.from_bytes(field[:4]), f"{read:f}") == (len(field) - 4, f"{amount:f}" if amount else "0")


@pytest.mark.parametrize("day", [date.min, date(1999, 12, 31), date(2000, 1, 1), date(2000, 2, 29), date.max])
def test_days_at_the_ends_of_calendars(ground: Ground, day: date) -> None:
    assert fetch(ground, "SELECT (%s::date[])[1] = %s::date", [binary.DateArray.of([binary.days(day)]), day]) == [
        (True,)
    ]


@given(MICROS)
def test_moments_come_back_to_the_microsecond(micros: int) -> None:
    assert binary.micros(binary.moment(micros)) == micros


def test_moments_before_1970_are_not_off_by_one() -> None:
    assert binary.micros(datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC)) == -1


TABLES = [Interactions.table, Transactions.table]
OF_KIND: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.UUID: st.uuids().map(lambda uuid: uuid.bytes),
    Kind.MOMENT: MICROS,
    Kind.INTEGER: st.integers(1, 10**9),
    Kind.SMALLINT: st.integers(0, 2**15 - 1),
    Kind.TEXT: STORABLE,
    Kind.NUMERIC: AMOUNTS,
}
#: Columns that may be null, in either table.
OPTIONAL = {"product", "revenue", "product_id", "category", "source_id"}


def facts_of(table: FactTable) -> st.SearchStrategy[Facts]:
    values = {
        column: st.none() | OF_KIND[kind] if column in OPTIONAL else OF_KIND[kind]
        for column, kind in table.columns.items()
    }
    rows = st.lists(st.fixed_dictionaries(values), min_size=1, max_size=10, unique_by=lambda row: row[table.identity])
    return rows.map(lambda rows: Facts({column: [row[column] for row in rows] for column in table.columns}))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.identity)
@per_column
@given(data=st.data())
def test_copied_facts_are_found_as_they_were_meant(ground: Ground, table: FactTable, data: st.DataObject) -> None:
    told = data.draw(facts_of(table))

    async def there_and_back() -> tuple[dict[bytes, Any], dict[bytes, Any]]:
        connection = ground.connections[0]
        async with connection.transaction(force_rollback=True):
            await table.insert(connection, told)
            customer = told["customer_id"][0]
            return await table.stored(connection, told[table.identity]), await table.of_customer(connection, customer)

    stored, of_one = ground.runner.run(there_and_back())
    assert stored == {fact: table.version(told, place) for place, fact in enumerate(told[table.identity])}
    mine = {
        fact
        for fact, owner in zip(told[table.identity], told["customer_id"], strict=True)
        if owner == told["customer_id"][0]
    }
    assert of_one == {fact: version for fact, version in stored.items() if fact in mine}
    again = table.of_versions(stored)
    assert {fact: table.version(again, place) for place, fact in enumerate(again[table.identity])} == stored


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.identity)
def test_every_column_that_may_be_null_may_be_null_at_once(ground: Ground, table: FactTable) -> None:
    """Neighbours that are null throughout are written as one."""
    least = {Kind.UUID: bytes(16), Kind.TEXT: "1", Kind.NUMERIC: Decimal(0)}
    told = Facts(
        {column: [None if column in OPTIONAL else least.get(kind, 1)] for column, kind in table.columns.items()}
    )

    async def there_and_back() -> dict[bytes, Any]:
        connection = ground.connections[0]
        async with connection.transaction(force_rollback=True):
            await table.insert(connection, told)
            return await table.stored(connection, [bytes(16)])

    assert ground.runner.run(there_and_back()) == {bytes(16): table.version(told, 0)}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.identity)
@per_column
@given(data=st.data())
def test_withdrawn_facts_are_gone_and_others_stay(ground: Ground, table: FactTable, data: st.DataObject) -> None:
    told = data.draw(facts_of(table))

    async def there_and_gone() -> dict[bytes, Any]:
        connection = ground.connections[0]
        async with connection.transaction(force_rollback=True):
            await table.insert(connection, told)
            await table.delete(connection, told[table.identity][::2])
            return await table.stored(connection, told[table.identity])

    assert set(ground.runner.run(there_and_gone())) == set(told[table.identity][1::2])
