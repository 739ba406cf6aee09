"""Columns encoded by us must be read by Postgres, and facts read back, as what they were."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stream_processors.interaction_facts import Facts

from events.contracts import AMOUNT_LIMIT, EARLIEST, LATEST
from stream_processors import binary, interaction_facts
from tests.properties.test_totals import FEW
from tests.properties.world import Ground

per_column = settings(deadline=None, suppress_health_check=FEW, max_examples=60)

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
    (binary.DateArray, "date", st.dates()),
    (binary.NumericArray, "numeric", st.none() | AMOUNTS),
    (binary.ByteaArray, "bytea", st.none() | st.binary(max_size=20)),
]


def fetch(ground: Ground, question: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    async def ask() -> list[tuple[Any, ...]]:
        cursor = await ground.connections[0].execute(question, parameters)
        return await cursor.fetchall()

    return ground.runner.run(ask())


def in_python(element: str, value: Any) -> Any:
    """An element as psycopg reads it."""
    if element == "uuid":
        return UUID(bytes=value)
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


@pytest.mark.parametrize("day", [date.min, date(1999, 12, 31), date(2000, 1, 1), date(2000, 2, 29), date.max])
def test_days_at_the_ends_of_calendars(ground: Ground, day: date) -> None:
    assert fetch(ground, "SELECT (%s::date[])[1] = %s::date", [binary.DateArray.of([day]), day]) == [(True,)]


@given(MICROS)
def test_moments_come_back_to_the_microsecond(micros: int) -> None:
    assert binary.micros(binary.moment(micros)) == micros


def test_moments_before_1970_are_not_off_by_one() -> None:
    assert binary.micros(datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC)) == -1


FACTS = st.lists(
    st.tuples(
        st.uuids().map(lambda uuid: uuid.bytes),
        STORABLE,
        STORABLE,
        MICROS,
        st.none() | STORABLE,
        st.integers(1, 10**9),
        st.none() | AMOUNTS,
        st.integers(0, 2**15 - 1),
        st.none() | STORABLE,
    ),
    min_size=1,
    max_size=10,
    unique_by=lambda fact: fact[0],
)


@per_column
@given(FACTS)
@example([(bytes(16), "1", "Email", 0, None, 1, None, 0, None)])
def test_copied_facts_are_found_as_they_were_meant(ground: Ground, told: list[tuple[Any, ...]]) -> None:
    facts = Facts(*(list(column) for column in zip(*told, strict=True)))

    async def there_and_back() -> dict[bytes, Any]:
        connection = ground.connections[0]
        async with connection.transaction(force_rollback=True):
            await interaction_facts.insert(connection, facts)
            return await interaction_facts.stored_versions(connection, facts.event_id)

    stored = ground.runner.run(there_and_back())
    assert stored == {fact: facts.version(place) for place, fact in enumerate(facts.event_id)}


@per_column
@given(FACTS)
def test_withdrawn_facts_are_gone_and_others_stay(ground: Ground, told: list[tuple[Any, ...]]) -> None:
    facts = Facts(*(list(column) for column in zip(*told, strict=True)))

    async def there_and_gone() -> dict[bytes, Any]:
        connection = ground.connections[0]
        async with connection.transaction(force_rollback=True):
            await interaction_facts.insert(connection, facts)
            await interaction_facts.delete(connection, facts.event_id[::2])
            return await interaction_facts.stored_versions(connection, facts.event_id)

    assert set(ground.runner.run(there_and_gone())) == set(facts.event_id[1::2])
