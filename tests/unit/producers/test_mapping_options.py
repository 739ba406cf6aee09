"""Each option of a field or stream with what it does to a row."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from events.errors import UsageError
from producers import cells
from producers.mapping import Mapping
from producers.replay import Summary
from tests.unit.producers.conftest import Collector

Replayed = Callable[[Path, Mapping], tuple[Summary, Collector]]
Load = Callable[..., Mapping]
Write = Callable[..., Path]
SHOP = """
source = "shop"
[[streams]]
stream = "transactions"
[streams.fields]
customer_id = "Who"
occurred_at = "When"
category = "What"
currency = { column = "Currency", values = { "euro" = "eur" } }
"""


@pytest.mark.parametrize(
    ("text", "decimal", "amount"),
    [
        ("1.234,50 €", ",", "1234.5"),
        ("€ 1.234.567,00", ",", "1234567"),
        ("-€12,5", ",", "-12.5"),
        ("12,5- EUR", ",", None),
        ("0,075", ",", "0.075"),
        ("1.50", ",", None),
        ("1 234,5", ",", "1234.5"),
        ("$1,234.50", ".", None),
        ("EUR 1,234.50", ".", "1234.5"),
        ("1,2", ".", None),
        ("5 €", None, "5"),
        ("€", None, None),
    ],
)
def test_local_numbers(text: str, decimal: str | None, amount: str | None) -> None:
    convert = cells.local_number(cells.to_decimal, decimal=decimal, symbols=["€", "EUR"])
    if amount is None:
        with pytest.raises(ValueError, match="is not a number"):
            convert(text)
    else:
        assert repr(convert(text)) == repr(Decimal(amount))


@pytest.mark.parametrize(
    ("text", "separator", "part", "found"),
    [
        ("Ada van der Berg", None, 1, "Ada"),
        ("Ada van der Berg", None, "rest", "van der Berg"),
        ("Ada van der Berg", None, -1, "Berg"),
        ("Ada", None, "rest", None),
        ("Berg, Ada", ",", 2, "Ada"),
        ("Berg, Ada", ",", 3, None),
        ("Berg, Ada", ",", -3, None),
    ],
)
def test_parts(text: str, separator: str | None, part: Any, found: str | None) -> None:
    assert cells.part_of(cells.to_text, separator, part)(text) == found


def test_rows_without_ids_that_are_the_same_are_two(replayed: Replayed, mapping: Load, ndjson_file: Write) -> None:
    row = {"Who": 1, "When": "2024-01-01", "What": "Toys", "Amount": "1", "Currency": "EURO"}
    _, collected = replayed(ndjson_file(row, row, {**row, "Amount": "1.0"}), mapping(SHOP + 'amount = "Amount"'))
    bought = collected.events["transactions"]
    assert len({event.identity for event in bought}) == 3
    assert {event.currency for event in bought} == {"EUR"}  # type: ignore[attr-defined]


def test_a_natural_key_makes_later_rows_corrections(replayed: Replayed, mapping: Load, ndjson_file: Write) -> None:
    text = SHOP.replace('"transactions"', '"transactions"\nidentity = ["Who", "Till"]') + 'amount = "Amount"'
    row = {"Who": 1, "When": "2024-01-01", "What": "Toys", "Amount": "1", "Currency": "EUR", "Till": 7.0}
    rows = (
        row,
        {**row, "Who": "1.0", "Till": " 7", "Amount": "2", "When": "2024-05-05"},
        {**row, "Till": 8},
        {**row, "Till": ""},
    )
    summary, collected = replayed(ndjson_file(*rows), mapping(text))
    first, corrected, other = (event.identity for event in collected.events["transactions"])
    assert first == corrected != other
    assert set(summary.rejections) == {("transactions", "Till")}


def test_on_error_empty(replayed: Replayed, mapping: Load, ndjson_file: Write) -> None:
    text = SHOP + 'amount = "Amount"\nquantity = { column = "N", on_error = "empty" }'
    row = {"Who": 1, "When": "2024-01-01", "What": "Toys", "Amount": "1", "Currency": "EUR"}
    _, collected = replayed(ndjson_file({**row, "N": "many"}, {**row, "N": 3}), mapping(text))
    assert [event.quantity for event in collected.events["transactions"]] == [1, 3]  # type: ignore[attr-defined]


def test_columns_with_several_names_and_inner_members(replayed: Replayed, mapping: Load, ndjson_file: Write) -> None:
    text = """
    source = "t"
    [[streams]]
    stream = "customers"
    [streams.fields]
    customer_id = ["id", "ID"]
    email = "contact.email"
    """.replace('["id", "ID"]', '{ column = ["id", "ID"] }')
    rows = ({"ID": 1, "contact": {"email": "a@b"}}, {"id": 2, "contact": None}, {"id": 3, "contact.email": "c@d"})
    _, collected = replayed(ndjson_file(*rows), mapping(text))
    assert [(e.customer_id, e.email or None) for e in collected.events["customers"]] == [  # type: ignore[attr-defined]
        ("1", "a@b"), ("2", None), ("3", "c@d"),
    ]  # fmt: skip


def test_headers_may_be_spelled_otherwise(replayed: Replayed, mapping: Load, csv_file: Write) -> None:
    text = 'source = "t"\n[[streams]]\nstream = "customers"\nfields = { customer_id = "Customer Id" }\n'
    summary, _ = replayed(csv_file(("CUSTOMER_ID",), ("1",)), mapping(text))
    assert summary.published == {"customers": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SHOP, "needs the field 'amount'"),
        (SHOP.replace('category = "What"', 'amount = "A"'), "needs 'product_id' or 'category'"),
        (SHOP + 'amount = { column = "A", decimal = ";" }', "line 10: .*'decimal': Invalid enum value"),
        (SHOP + 'amount = { column = "A", split = " " }', "`part` says which one"),
        (SHOP + 'amount = { column = "A", part = 0 }', "`part` says which one"),
        (SHOP + 'amount = { column = "A", on_error = "empty" }', "needs a `default`"),
        (SHOP + "amount = { column = [] }", "the name of its column is empty"),
        (
            SHOP + 'amount = "A"\ntransaction_id="T"\n'
            '[[streams]]\nstream="customers"\nidentity=["a"]\nfields={customer_id="a"}',
            "line 14: `identity` has no meaning here, since stream 'customers' has its key",
        ),
        (
            SHOP.replace("[[", '[csv]\ndelimiter = "ab"\n[[', 1) + 'amount = "A"',
            "line 4: 'delimiter': 'ab' is not one",
        ),
        ('csv = { encoding = "klingon" }' + SHOP + 'amount = "A"', "there is no encoding 'klingon'"),
        ('csv = { delimeter = ";" }' + SHOP + 'amount = "A"', "unknown key 'delimeter': did you mean 'delimiter'"),
        (SHOP.replace("[[", '[http]\nurl = "ftp://x"\n[[', 1) + 'amount = "A"', "line 4: 'url': "),
        ('http = { url = "http://x", style = "pages" }' + SHOP + 'amount = "A"', "'style': Invalid enum value"),
    ],
)
def test_mistakes(mapping: Load, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        mapping(text)
