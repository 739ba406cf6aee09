"""From a file to events: each cleaning rule, and what becomes of rows that break one."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec import UNSET

from events.contracts import Customer, Interaction, ProductDiscussion, RejectedRow
from events.errors import UsageError
from producers.mapping import Mapping
from producers.mapping_file import load_mapping
from producers.publish import DryRun
from producers.replay import Progress, Summary, replay

Replayed = Callable[[Path, Mapping], tuple[Summary, "Collected"]]
Load = Callable[..., Mapping]
Write = Callable[..., Path]
SAMPLES = Path(__file__).parents[3] / "sample_data"
HEADER = ("Customer", "Channel", "Date")


class Collected:
    """What the fixture `replayed` gives back."""

    events: dict[str, list[object]]


CUSTOMERS = """
source = "test"
[[streams]]
stream = "customers"
[streams.fields]
customer_id = "Id"
email = "Email"
occupation = { column = "Job", empty = "clear" }
segment = { column = "Segment", default = "none" }
country = { constant = "DE" }
account_balance = "Balance"
date_of_birth = { column = "Born", format = "%d.%m.%Y" }
"""


def test_the_small_sample(replayed: Replayed) -> None:
    summary, collected = replayed(SAMPLES / "crm_export.xlsx", load_mapping(SAMPLES / "crm_export.toml"))
    assert summary.published == {"customers": 5, "interactions": 4, "product_discussions": 3}
    assert (summary.rows, summary.rejected) == (12, 0)
    assert collected.events["customers"] == [
        Customer(customer_id=number, occupation=occupation, customer_type=kind)
        for number, occupation, kind in [
            ("1", "Jedi", "Red"),
            ("2", "Batman", "Orange"),
            ("3", "Santa Claus", "Blue"),
            ("11", "Doctor", "Orange"),
            ("12", "Plummer", "Red"),
        ]
    ]
    assert [(e.customer_id, e.channel, e.occurred_at) for e in collected.events["interactions"]] == [  # type: ignore[attr-defined]
        ("1", "Email", datetime(2019, 10, 4, 9, 0, tzinfo=UTC)),
        ("4", "Call", datetime(2020, 2, 11, 16, 10, tzinfo=UTC)),
        ("4", "Bird", datetime(2020, 3, 5, 11, 23, tzinfo=UTC)),
        ("3", "Email", datetime(2021, 6, 4, 13, 1, tzinfo=UTC)),
    ]
    assert collected.events["product_discussions"] == [
        ProductDiscussion(month="2019-01", product="Sand"),
        ProductDiscussion(month="2019-02", product="Sand"),
        ProductDiscussion(month="2021-10", product="Orange"),
    ]


def test_the_large_sample_is_dirty_in_every_way_it_promises(replayed: Replayed) -> None:
    path = SAMPLES / "contact_center.xlsx"
    summary, collected = replayed(path, load_mapping(path.with_suffix(".toml")))
    assert summary.rows > 40_000
    assert set(summary.rejections) == {
        ("interactions", "Started"),
        ("interactions", "Channel"),
        ("interactions", "Customer"),
        ("customers", "Customer"),
        ("customers", "Type"),
        ("product_discussions", "Month"),
        ("product_discussions", "Product"),
    }
    interactions = [event for event in collected.events["interactions"] if isinstance(event, Interaction)]
    customers = {event.customer_id for event in collected.events["customers"] if isinstance(event, Customer)}
    assert {event.channel for event in interactions} == {"Email", "Call", "Bird", "Chat"}
    assert len({event.event_id for event in interactions}) == len(interactions)
    assert {event.customer_id for event in interactions} - customers
    assert not {event.customer_id for event in interactions} & {"1", "2", "3", "4", "11", "12"}
    assert path.stat().st_size < 2_000_000


def test_cleaning_of_interactions(replayed: Replayed, mapping: Load, ndjson_file: Write) -> None:
    text = """
    source = "test"
    zone = "Europe/Berlin"
    [[streams]]
    stream = "interactions"
    [streams.fields]
    customer_id = "id"
    occurred_at = "at"
    channel = { column = "via", values = { "e-mail" = "Email" }, default = "Call" }
    product = "product"
    count = "count"
    revenue = "revenue"
    """
    path = ndjson_file(
        {"id": " 1.0 ", "at": "2020-07-01 12:00", "via": " E-Mail", "product": "  ", "count": None, "revenue": "12.50"},
        {"id": 2, "at": "2020-07-01T12:00Z", "via": "", "product": " Sand ", "count": "3.0", "revenue": 0.1},
    )
    _, collected = replayed(path, mapping(text))
    first, second = collected.events["interactions"]
    assert isinstance(first, Interaction)
    assert isinstance(second, Interaction)
    assert (first.customer_id, first.channel, first.product, first.count) == ("1", "Email", None, 1)
    assert (first.occurred_at, first.revenue) == (datetime(2020, 7, 1, 10, tzinfo=UTC), Decimal("12.5"))
    assert (second.customer_id, second.channel, second.product, second.count) == ("2", "Call", "Sand", 3)
    assert (second.occurred_at, second.revenue) == (datetime(2020, 7, 1, 12, tzinfo=UTC), Decimal("0.1"))


def test_empty_cells_of_customers(replayed: Replayed, mapping: Load, csv_file: Write) -> None:
    path = csv_file(
        ("Id", "Email", "Job", "Segment", "Balance", "Born"),
        ("1", "", "", "", "", ""),
        ("2", "a@b", "Jedi", "A", "1.20", "29.02.1980"),
    )
    _, collected = replayed(path, mapping(CUSTOMERS))
    empty, full = collected.events["customers"]
    assert empty == Customer(customer_id="1", occupation=None, segment="none", country="DE")
    assert isinstance(full, Customer)
    assert empty.email is UNSET  # type: ignore[attr-defined]
    assert (full.email, full.occupation, full.segment) == ("a@b", "Jedi", "A")
    assert (full.account_balance, str(full.date_of_birth)) == (Decimal("1.2"), "1980-02-29")


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        (("", "Email", "01/01/2020 10:00"), "Customer", "the cell is empty"),
        (("1", "  ", "01/01/2020 10:00"), "Channel", "the cell is empty"),
        (("1", "Email", "31/02/2020 10:00"), "Date", "'31/02/2020 10:00' is not a date: day is out of range for month"),
        (("1", "Email", "01/01/0219 10:00"), "Date", "is not between 1900 and 2200"),
        (("1", "a\0b", "01/01/2020 10:00"), "Channel", "contains a NUL character"),
        (("1", "x" * 201, "01/01/2020 10:00"), "Channel", "length <= 200"),
        (("1" * 201, "Email", "01/01/2020 10:00"), "Customer", "length <= 200"),
        (("1", "Email", "01/01/2020 10:00", "more"), None, "4 cells are more than the 3 columns"),
    ],
)
def test_rows_that_are_rejected(  # noqa: PLR0917
    replayed: Replayed, mapping: Load, csv_file: Write, row: tuple[str, ...], column: str | None, reason: str
) -> None:
    path = csv_file(HEADER, ("1", "Email", "01/01/2020 10:00"), row)
    summary, collected = replayed(path, mapping())
    (rejected,) = collected.events["rejected_events"]
    assert isinstance(rejected, RejectedRow)
    assert reason in rejected.reason
    assert (rejected.stream, rejected.source, rejected.place) == ("interactions", "rows.csv", "line 3")
    assert rejected.column == column
    (examples,) = (rejections.examples for rejections in summary.rejections.values())
    assert examples == [f"line 3: {rejected.reason}"]


def test_a_rejected_row_says_what_it_said(replayed: Replayed, mapping: Load, csv_file: Write) -> None:
    _, collected = replayed(csv_file(HEADER, ("a\0b", "Email", "")), mapping())
    (rejected,) = collected.events["rejected_events"]
    assert rejected.row == {"Customer": "a␀b", "Channel": "Email", "Date": ""}  # type: ignore[attr-defined]


def test_a_huge_rejected_row_is_cut(replayed: Replayed, mapping: Load, csv_file: Write) -> None:
    header = (*HEADER, *(f"column {number}" for number in range(2000)))
    _, collected = replayed(csv_file(header, ("1", "Email", "never", *["x" * 5000] * 2000)), mapping())
    (rejected,) = collected.events["rejected_events"]
    assert sum(map(len, rejected.row.values())) <= 100_000  # type: ignore[attr-defined]


def test_bytes_that_are_not_utf8_are_rejected_and_shown(replayed: Replayed, mapping: Load, tmp_path: Path) -> None:
    path = tmp_path / "caf\xe9 rows.csv"
    path.write_bytes(b"Customer,Channel,Date\n1,Caf\xe9,01/01/2020 10:00\n")
    _, collected = replayed(path, mapping())
    (rejected,) = collected.events["rejected_events"]
    assert "is not UTF-8" in rejected.reason  # type: ignore[attr-defined]
    assert rejected.row["Channel"] == "Caf\\udce9"  # type: ignore[attr-defined]


def test_nothing_is_published_when_a_later_sheet_is_missing(mapping: Load, workbook: Write) -> None:
    text = 'source = "t"\n' + "".join(
        f'[[streams]]\nsheet = "{sheet}"\nstream = "customers"\n[streams.fields]\ncustomer_id = "Id"\n'
        for sheet in "AB"
    )
    publisher = DryRun()
    with pytest.raises(UsageError, match="has no sheet 'B'"):
        replay(workbook(A=[("Id",), (1,)]), mapping(text), publisher)
    assert publisher.first_values() == {}


def test_progress_and_a_wish_to_stop(mapping: Load, csv_file: Write) -> None:
    told: list[Progress] = []
    path = csv_file(HEADER, *[("1", "Email", "01/01/2020 10:00")] * 20_000)
    summary = replay(path, mapping(), DryRun(), on_progress=told.append, stop=lambda: told[-1].rows >= 2000)
    assert not summary.complete
    assert summary.rows == summary.published["interactions"] == 2000
    assert [state.rows for state in told] == [0, 1000, 2000, 2000]
    assert 0 < told[-1].share < 1
    replay(path, mapping(), DryRun(), on_progress=told.append)
    assert told[-1] == Progress(rows=20_000, rejected=0, share=1.0)
