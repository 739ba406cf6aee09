"""Each converter with what people really type into cells."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers import cells
from producers.sources import Cell

BERLIN = ZoneInfo("Europe/Berlin")
FORM = "%d/%m/%Y %H:%M"


@pytest.mark.parametrize(
    ("cell", "text"),
    [("Jedi", "Jedi"), (12.0, "12"), (12.5, "12.5"), (7, "7"), (Decimal("1.50"), "1.50"), ("ж", "ж"), (-3.0, "-3")],
)
def test_text(cell: Cell, text: str) -> None:
    assert cells.to_text(cell) == text


@pytest.mark.parametrize(
    ("cell", "customer"), [(1.0, "1"), ("1.0", "1"), ("007", "007"), (12, "12"), ("A 7", "A 7"), (Decimal("4.0"), "4")]
)
def test_ids_have_one_spelling(cell: Cell, customer: str) -> None:
    assert cells.to_id(cell) == customer


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (1.5, "1.5 is no id"),
        (2.0**60, "more digits than Excel keeps: format the column as text"),
        (datetime(2020, 1, 2), "is a date, not an id"),
        (True, "is a truth value, not an id"),
        ([1], "is a list, not an id"),
        ("caf\udce9", "is not UTF-8"),
    ],
)
def test_what_is_no_id(cell: Cell, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        cells.to_id(cell)


@pytest.mark.parametrize("cell", [date(2020, 1, 2), time(9), False, {"a": 1}, "caf\udce9"])
def test_what_is_no_text(cell: Cell) -> None:
    with pytest.raises(ValueError, match=r"not text|not UTF-8"):
        cells.to_text(cell)


@pytest.mark.parametrize(("cell", "count"), [("3", 3), (3.0, 3), ("3.0", 3), ("+3", 3), (-1, -1), (Decimal(3), 3)])
def test_counts(cell: Cell, count: int) -> None:
    assert cells.to_count(cell) == count


@pytest.mark.parametrize("cell", [2.5, "2.5", "three", "1_000", True, "9" * 5000, date(2020, 1, 1), "", 1e300])
def test_what_is_no_count(cell: Cell) -> None:
    with pytest.raises(ValueError, match="not a whole number"):
        cells.to_count(cell)


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        ("12.50", "12.5"),
        (12.5, "12.5"),
        ("-0.00", "0"),
        (0.1 + 0.2, "0.3"),
        ("0.12345600000", "0.123456"),
        ("5.", "5"),
        (Decimal("0.10"), "0.1"),
        (Decimal("1E+2"), "100"),
        (1e-7, "0.0000001"),
        (7, "7"),
    ],
)
def test_amounts_are_exact_and_have_one_spelling(cell: Cell, amount: str) -> None:
    assert repr(cells.to_decimal(cell)) == repr(Decimal(amount))


@pytest.mark.parametrize(
    "cell",
    [
        "NaN",
        "Infinity",
        "1_000",
        "1,5",
        "€5",
        "1e5",
        True,
        date(2020, 1, 1),
        Decimal("1E+999999"),
        [],
        "0" * 9**5 + "x",
    ],
)
def test_what_is_no_amount(cell: Cell) -> None:
    with pytest.raises(ValueError, match="not a number"):
        cells.to_decimal(cell)


@pytest.mark.parametrize(
    ("cell", "form", "moment"),
    [
        ("04/10/2019 09:00", FORM, datetime(2019, 10, 4, 9)),
        ("4/10/2019 9:00", FORM, datetime(2019, 10, 4, 9)),
        ("04/10/2019   09:00", FORM, datetime(2019, 10, 4, 9)),
        ("4 Oct 2019", "%d %b %Y", datetime(2019, 10, 4)),
        ("20191004T0900", "%Y%m%dT%H%M", datetime(2019, 10, 4, 9)),
        ("10/04/19 09:00 PM", "%m/%d/%y %I:%M %p", datetime(2019, 10, 4, 21)),
        ("2019-10-04 09:00:05", None, datetime(2019, 10, 4, 9, 0, 5)),
        ("2019-10-04T11:00+02:00", None, datetime(2019, 10, 4, 9)),
        ("04/10/2019 11:00 +0200", f"{FORM} %z", datetime(2019, 10, 4, 9)),
        (datetime(2019, 10, 4, 9), FORM, datetime(2019, 10, 4, 9)),
        (date(2019, 10, 4), FORM, datetime(2019, 10, 4)),
    ],
)
def test_moments(cell: Cell, form: str | None, moment: datetime) -> None:
    assert cells.moment_converter(form, UTC)(cell) == moment.replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("31/02/2020 10:00", "'31/02/2020 10:00' is not a date: day is out of range for month"),
        ("yesterday", "'yesterday' is not a date of the form %d/%m/%Y %H:%M"),
        ("04/10/2019 09:00 Z", "is not a date of the form"),
        ("00/00/0000 00:00", "is not a date"),
        (43742.375, "'43742.375' is a number, not a date: format the column as dates"),
        (time(9), "is a time of day, not a date"),
        (True, "is a truth value, not a date"),
        ("x" * 5000, "xxx…"),
    ],
)
def test_what_is_no_moment(cell: Cell, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        cells.moment_converter(FORM, UTC)(cell)


def test_a_moment_without_zone_is_read_in_the_mappings_zone() -> None:
    convert = cells.moment_converter(FORM, BERLIN)
    assert convert("01/07/2020 12:00") == datetime(2020, 7, 1, 10, tzinfo=UTC)
    assert convert("01/12/2020 12:00") == datetime(2020, 12, 1, 11, tzinfo=UTC)
    assert convert("25/10/2020 02:30") == datetime(2020, 10, 25, 0, 30, tzinfo=UTC)  # the first of the two


def test_a_moment_that_the_clocks_skipped_is_refused() -> None:
    with pytest.raises(ValueError, match="does not exist in zone Europe/Berlin"):
        cells.moment_converter(FORM, BERLIN)("29/03/2020 02:30")


@pytest.mark.parametrize("cell", [datetime.min, datetime.max, "01/01/0001 00:00", "31/12/9999 23:59"])
@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/Lima"])
def test_the_ends_of_the_calendar(cell: Cell, zone: str) -> None:
    try:
        cells.moment_converter(FORM, ZoneInfo(zone))(cell)
    except ValueError as error:
        assert "too far from our time" in str(error)  # noqa: PT017 (either is right)


@given(
    moment=st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2199, 12, 31)),
    form=st.sampled_from(["%d/%m/%Y %H:%M", "%Y-%m-%d", "%m.%d.%Y %H:%M:%S", "%H:%M %d-%m-%Y", "%d/%m/%y"]),
)
def test_the_fast_parser_reads_what_strptime_reads(moment: datetime, form: str) -> None:
    text = moment.strftime(form)
    expected = datetime.strptime(text, form).replace(tzinfo=UTC)
    assert cells.moment_converter(form, UTC)(text) == expected


@given(text=st.text(alphabet="0123456789/: ", max_size=18))
def test_the_fast_parser_refuses_what_strptime_refuses(text: str) -> None:
    def outcome(parse: Callable[[], datetime]) -> datetime | None:
        try:
            return parse().replace(tzinfo=UTC)
        except ValueError:
            return None

    fast = outcome(lambda: cells.moment_converter(FORM, UTC)(text))
    assert fast == outcome(lambda: datetime.strptime(text, FORM))


@pytest.mark.parametrize(
    ("cell", "month"), [("01-2019", "2019-01"), (datetime(2019, 1, 1), "2019-01"), (date(2021, 10, 31), "2021-10")]
)
def test_months(cell: Cell, month: str) -> None:
    assert cells.month_converter("%m-%Y")(cell) == month


def test_months_and_days_in_iso_without_a_format() -> None:
    assert cells.month_converter(None)("2019-01") == "2019-01"
    assert cells.date_converter(None)("1980-02-29") == date(1980, 2, 29)
    assert cells.date_converter("%d.%m.%Y")(datetime(1980, 2, 29, 13)) == date(1980, 2, 29)


def test_choices_ignore_case_and_come_out_as_listed() -> None:
    convert = cells.choice(cells.to_text, {" E-Mail ": "email", "phone": "Call"}, ["Email", "Call"])
    assert [convert(text) for text in ("EMAIL", "e-mail", "Phone", "call")] == ["Email", "Email", "Call", "Call"]
    with pytest.raises(ValueError, match="'Fax' is not accepted here: expected one of 'Email', 'Call'"):
        convert("Fax")


def test_without_only_unknown_spellings_stay() -> None:
    convert = cells.choice(cells.to_text, {"e-mail": "Email"}, [])
    assert [convert(text) for text in ("E-MAIL", "Fax")] == ["Email", "Fax"]
