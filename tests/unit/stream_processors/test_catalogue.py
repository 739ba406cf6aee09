"""An interaction without a product belongs to every product of its month, a purchase to the category of its product."""

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import AsyncConnection

from stream_processors.binary import micros
from stream_processors.catalogue import Catalogue
from stream_processors.facts import Facts

MICROSECOND = timedelta(microseconds=1)


class Rows:
    """A connection to tables with these rows."""

    def __init__(self, discussed: list[tuple[date, str]], categories: dict[str, str]) -> None:
        self.discussed = sorted(discussed)
        self.categories = categories
        self.asked = ""

    async def execute(self, question: str) -> "Rows":
        self.asked = question
        return self

    async def fetchall(self) -> list[tuple[Any, ...]]:
        if "forgotten_customers" in self.asked:
            return []
        return self.discussed if "product_discussions" in self.asked else list(self.categories.items())


async def catalogue(*discussed: tuple[date, str], **categories: str) -> Catalogue:
    known = Catalogue()
    await reload(known, *discussed, **categories)
    return known


async def reload(known: Catalogue, *discussed: tuple[date, str], **categories: str) -> None:
    await known.reload(cast("AsyncConnection[Any]", Rows(list(discussed), categories)))


def facts(*told: tuple[datetime, str | None]) -> Facts:
    return Facts(
        {
            "occurred_at": [micros(moment) for moment, _ in told],
            "product": [product for _, product in told],
            "partition": [0] * len(told),
        }
    )


def topics(known: Catalogue, *told: tuple[datetime, str | None]) -> list[tuple[int, str]]:
    """Which of the interactions (by place) talk about which product."""
    return list(zip(*known.topics(facts(*told)), strict=True))


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
    known = await catalogue((month, "Sand"))
    first = datetime(month.year, month.month, 1, tzinfo=UTC)
    after = first + timedelta(days=monthrange(month.year, month.month)[1])
    assert topics(known, (first - MICROSECOND, None), (first, None), (after - MICROSECOND, None), (after, None)) == [
        (1, "Sand"),
        (2, "Sand"),
    ]


@given(st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC)), st.dates(date(1900, 1, 1)))
async def test_only_the_month_counts(moment: datetime, day: date) -> None:
    known = await catalogue((day.replace(day=1), "Sand")) if day.year < 2200 else Catalogue()
    same = (moment.year, moment.month) == (day.year, day.month)
    assert topics(known, (moment, None)) == ([(0, "Sand")] if same else [])


async def test_a_month_may_discuss_several_products_and_an_interaction_one_of_its_own() -> None:
    known = await catalogue((date(2020, 2, 1), "Sand"), (date(2020, 2, 1), "Orange"), (date(2020, 3, 1), "Sand"))
    february, april = datetime(2020, 2, 29, tzinfo=UTC), datetime(2020, 4, 1, tzinfo=UTC)
    told = [(february, None), (february, "Tea"), (april, None), (april, "Sand")]
    assert topics(known, *told) == [(0, "Orange"), (0, "Sand"), (1, "Tea"), (3, "Sand")]


async def test_nothing_is_discussed_before_the_table_is_read_and_after_it_is_empty() -> None:
    february = datetime(2020, 2, 1, tzinfo=UTC)
    assert topics(Catalogue(), (february, None)) == []
    assert topics(Catalogue(), (february, "Sand")) == [(0, "Sand")]
    known = await catalogue((date(2020, 2, 1), "Sand"))
    await reload(known)
    assert topics(known, (february, None)) == []
    assert topics(known, (february, "Sand")) == [(0, "Sand")]


async def test_no_interactions_talk_about_nothing() -> None:
    assert topics(await catalogue((date(2020, 2, 1), "Sand"))) == []


async def test_the_category_told_goes_before_that_of_the_product() -> None:
    known = await catalogue(cup="Kitchen")
    assert known.categories(["Garden", None, None, "Garden"], ["cup", "cup", "rake", None]) == [
        "Garden",
        "Kitchen",
        "unknown",
        "Garden",
    ]


async def test_a_category_that_is_gone_is_forgotten() -> None:
    known = await catalogue(cup="Kitchen")
    await reload(known)
    assert known.categories([None], ["cup"]) == ["unknown"]
