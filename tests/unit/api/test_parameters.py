"""Ids, moments and periods: how they are read, and how ids are written."""

from datetime import UTC, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from api.kit.parameters import Moment, id_as_json

MOMENT = TypeAdapter(Moment)


@pytest.mark.parametrize(
    ("customer_id", "written"),
    [
        ("1", 1),
        ("0", 0),
        ("-7", -7),
        ("9007199254740991", 2**53 - 1),
        # Beyond, JSON readers that use doubles would see another customer.
        ("9007199254740992", "9007199254740992"),
        ("-9007199254740992", "-9007199254740992"),
        # Not in canonical form as numbers: as such they would lose what tells them apart.
        ("007", "007"),
        ("-0", "-0"),
        ("+1", "+1"),
        ("1.5", "1.5"),
        ("1e3", "1e3"),
        ("C-17", "C-17"),
        ("\u0661", "\u0661"),  # a digit, but not of JSON
    ],
)
def test_an_id_is_a_number_only_where_nothing_is_lost(customer_id: str, written: int | str) -> None:
    assert id_as_json(customer_id) == written
    assert type(id_as_json(customer_id)) is type(written)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2020-03-01", datetime(2020, 3, 1, tzinfo=UTC)),
        ("2020-03-01T12:30:00Z", datetime(2020, 3, 1, 12, 30, tzinfo=UTC)),
        ("2020-03-01t12:30:00z", datetime(2020, 3, 1, 12, 30, tzinfo=UTC)),
        ("2020-03-01T12:30:00.25+02:00", datetime(2020, 3, 1, 10, 30, 0, 250_000, tzinfo=UTC)),
        ("2020-02-29T23:00:00-02:00", datetime(2020, 3, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_moment_is_a_date_or_rfc_3339(text: str, moment: datetime) -> None:
    assert MOMENT.validate_python(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2020-3-1",
        "2020-02-30",
        "01/03/2020",
        "2020-W09-7",
        "1583020800",
        "2020-03-01T12:30:00",  # without a zone it could be any of 38 moments
        "2020-03-01T12:30:00 02:00",  # a + that was not written as %2B
        "0001-01-01T00:00:00+14:00",
        "2020-03-01\n",
    ],
)
def test_anything_else_is_no_moment(text: str) -> None:
    with pytest.raises(ValidationError):
        MOMENT.validate_python(text)
