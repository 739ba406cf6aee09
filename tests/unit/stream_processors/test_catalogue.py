"""An interaction without a product belongs to every product of its month, to the last microsecond of it."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import AsyncConnection
from stream_processors.discussions import Discussions
from stream_processors.interaction_facts import Facts

from stream_processors.binary import micros

MICROSECOND = timedelta(microseconds=1)


class Rows:
    """A connection to a table of these rows."""

    def __init__(self, *rows: tuple[date, str]) -> None:
        self.rows = sorted(rows)

    async def execute(self, _: str) -> "Rows":
        return self

    async def fetchall(self) -> list[tuple[date, str]]:
        return self.rows


async def discussions(*rows: tuple[date, str]) -> Discussions:
    known = Discussions()
    await known.reload(cast("AsyncConnection[Any]", Rows(*rows)))
    return known


def facts(*told: tuple[datetime, str | None]) -> Facts:
    size = len(told)
    return Facts(
        [bytes([place] * 16) for place in range(size)],
        [str(place) for place in range(size)],
        ["Email"] * size,
        [micros(moment) for moment, _ in told],
        [product for _, product in told],
        [1] * size,
        [None] * size,
        [0] * size,
        [None] * size,
    )


def topics(known: Discussions, *told: tuple[datetime, str | None]) -> list[tuple[str, str]]:
    exploded = known.explode(facts(*told))
    return list(zip(exploded["customer_id"], exploded["product"], strict=True)) if exploded else []


@pytest.mark.parametrize(
    "month",
    [
        date(1900, 1, 1),
        date(1969, 12, 1),
        date(1970, 1, 1),
        date(2020, 2, 1),
        date(2021, 2, 1),
        date(2000, 2, 1),
        date(2100, 2, 1),
        date(2020, 12, 1),
        date(2199, 12, 1),
    ],
)
async def test_months_end_where_the_calendar_says(month: date) -> None:
    known = await discussions((month, "Sand"))
    first = datetime(month.year, month.month, 1, tzinfo=UTC)
    after = first + timedelta(days=monthrange(month.year, month.month)[1])
    assert topics(known, (first - MICROSECOND, None), (first, None), (after - MICROSECOND, None), (after, None)) == [
        ("1", "Sand"),
        ("2", "Sand"),
    ]


@given(st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC)), st.dates(date(1900, 1, 1)))
async def test_only_the_month_counts(moment: datetime, day: date) -> None:
    known = await discussions((day.replace(day=1), "Sand")) if day.year < 2200 else Discussions()
    same = (moment.year, moment.month) == (day.year, day.month)
    assert topics(known, (moment, None)) == ([("0", "Sand")] if same else [])


async def test_a_month_may_discuss_several_products_and_an_interaction_one_of_its_own() -> None:
    known = await discussions((date(2020, 2, 1), "Sand"), (date(2020, 2, 1), "Orange"), (date(2020, 3, 1), "Sand"))
    february, april = datetime(2020, 2, 29, tzinfo=UTC), datetime(2020, 4, 1, tzinfo=UTC)
    told = [(february, None), (february, "Tea"), (april, None), (april, "Sand")]
    assert topics(known, *told) == [("0", "Orange"), ("0", "Sand"), ("1", "Tea"), ("3", "Sand")]


async def test_nothing_is_discussed_before_the_table_is_read_and_after_it_is_empty() -> None:
    february = datetime(2020, 2, 1, tzinfo=UTC)
    assert Discussions().explode(facts((february, None))) is None
    assert Discussions().explode(None) is None
    known = await discussions((date(2020, 2, 1), "Sand"))
    await known.reload(cast("AsyncConnection[Any]", Rows()))
    assert known.explode(facts((february, None))) is None
    assert topics(known, (february, "Sand")) == [("0", "Sand")]
