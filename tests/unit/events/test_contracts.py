"""What breaks a contract must be named, with the field and what would be right; all else must pass."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from events.contracts import (
    CONTRACTS,
    CUSTOMER_ATTRIBUTES,
    EARLIEST,
    LATEST,
    Customer,
    Event,
    Interaction,
    ProductDiscussion,
    RejectedRow,
    all_amounts_well,
    amount_complaint,
    check,
)
from events.errors import RejectedEvent

INTERACTION = Interaction(
    event_id="e", customer_id="1", channel="Email", occurred_at=datetime(2020, 2, 29, tzinfo=UTC), product="Sand"
)
CUSTOMER = Customer(customer_id="1")
DISCUSSION = ProductDiscussion(month="2020-02", product="Sand")


@pytest.mark.parametrize(
    "event",
    [
        INTERACTION,
        CUSTOMER,
        DISCUSSION,
        RejectedRow(reject_id="r", stream="customers", source="f", place="row 1", reason="bad", row={" ": None}),
        replace(INTERACTION, occurred_at=EARLIEST),
        replace(INTERACTION, occurred_at=LATEST - timedelta(microseconds=1)),
        replace(INTERACTION, product=None, revenue=None),
        replace(INTERACTION, channel="a b\tc"),
        replace(CUSTOMER, first_name=None, email=""),
        replace(CUSTOMER, account_balance=Decimal("-999999999999.999999"), account_id="007"),
    ],
)
def test_what_keeps_the_contract_passes(event: Event) -> None:
    check(event)


@pytest.mark.parametrize(
    ("event", "field", "reason"),
    [
        (replace(INTERACTION, channel="E\0"), "$.channel", "NUL"),
        (replace(INTERACTION, event_id="e "), "$.event_id", "white space"),
        (replace(INTERACTION, product="\nSand"), "$.product", "white space"),
        (replace(INTERACTION, customer_id="1.0"), "$.customer_id", "expected '1'"),
        (replace(INTERACTION, customer_id=" "), "$.customer_id", "white space"),
        (replace(CUSTOMER, account_id="7.00"), "$.account_id", "expected '7'"),
        (replace(CUSTOMER, email="a\0@b"), "$.email", "NUL"),
        (replace(CUSTOMER, created_at=LATEST), "$.created_at", "between 1900 and 2200"),
        (replace(CUSTOMER, account_balance=Decimal("1e12")), "$.account_balance", "out of range"),
        (replace(INTERACTION, occurred_at=EARLIEST - timedelta(microseconds=1)), "$.occurred_at", "between"),
        (replace(INTERACTION, occurred_at=datetime.max.replace(tzinfo=UTC)), "$.occurred_at", "between"),
        (replace(INTERACTION, revenue=Decimal("0.0000001")), "$.revenue", "6 after the point"),
        (replace(INTERACTION, revenue=Decimal("NaN")), "$.revenue", "not a finite number"),
        (replace(INTERACTION, revenue=Decimal("-Infinity")), "$.revenue", "not a finite number"),
        (replace(DISCUSSION, product="Sand "), "$.product", "white space"),
    ],
)
def test_what_breaks_it_is_named(event: Event, field: str, reason: str) -> None:
    with pytest.raises(RejectedEvent, match=reason) as caught:
        check(event)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("topic", "value", "field"),
    [
        ("interactions", {"event_id": ""}, "$.event_id"),
        ("interactions", {"customer_id": "x" * 201}, "$.customer_id"),
        ("interactions", {"customer_id": 1}, "$.customer_id"),
        ("interactions", {"channel": None}, "$.channel"),
        ("interactions", {"occurred_at": "2020-02-30T00:00:00Z"}, "$.occurred_at"),
        ("interactions", {"occurred_at": "2020-02-01T00:00:00"}, "$.occurred_at"),
        ("interactions", {"count": 0}, "$.count"),
        ("interactions", {"count": 1_000_000_001}, "$.count"),
        ("interactions", {"count": 1.5}, "$.count"),
        ("interactions", {"revenue": "much"}, "$.revenue"),
        ("customers", {"customer_type": ""}, "$.customer_type"),
        ("customers", {"address": "x" * 2001}, "$.address"),
        ("customers", {"date_of_birth": "2019-02-29"}, "$.date_of_birth"),
        ("product_discussions", {"month": "2020-13"}, "$.month"),
        ("product_discussions", {"month": "2020-02\n"}, "$.month"),
        ("product_discussions", {"month": "2020-2"}, "$.month"),
        ("product_discussions", {"month": "1899-12"}, "$.month"),
        ("product_discussions", {"month": "2200-01"}, "$.month"),
        ("product_discussions", {"month": "٢٠٢٠-02"}, "$.month"),
    ],
)
def test_types_and_bounds_are_part_of_the_contract(topic: str, value: dict[str, Any], field: str) -> None:
    good = {"interactions": INTERACTION, "customers": CUSTOMER, "product_discussions": DISCUSSION}[topic]
    with pytest.raises(msgspec.ValidationError, match=rf"`\{field}`"):
        msgspec.convert(msgspec.to_builtins(good) | value, CONTRACTS[topic], strict=True)


ANY_AMOUNT = (
    st.decimals()
    | st.decimals(-(10**12), 10**12, places=6)
    | st.builds(lambda digits, exponent: Decimal(f"{digits}E{exponent}"), st.integers(-1, 12), st.integers(-9, 13))
    | st.builds(lambda exponent: Decimal(f"0E{exponent}"), st.integers(-(10**9), 10**9))
)


@given(st.lists(ANY_AMOUNT, min_size=1, max_size=5))
def test_amounts_are_well_together_when_each_is(amounts: list[Decimal]) -> None:
    assert all_amounts_well(amounts) == (not any(map(amount_complaint, amounts)))


@pytest.mark.parametrize("text", ["1E+1000000", "0E+999999999999", "1E-999999999", "NaN", "sNaN", "-Infinity", "0E-7"])
def test_one_bad_amount_is_seen_among_good_ones(text: str) -> None:
    amounts = [Decimal("999999999999.999999"), Decimal(0), Decimal(text), Decimal("-0.01")]
    assert not all_amounts_well(amounts)


@given(st.decimals() | st.builds(lambda exponent: Decimal(f"0E{exponent}"), st.integers(-(10**9), 10**9)))
def test_amounts_are_exact_or_refused_and_never_an_error(amount: Decimal) -> None:
    if amount_complaint(amount) is None:
        assert abs(amount) < Decimal(10) ** 12
        assert amount == amount.quantize(Decimal("0.000001"))


@pytest.mark.parametrize("text", ["1E+1000000", "-1E+999999999999999999", "0E+1000", "0E-7", "1E+12", "1E-999999999"])
def test_amounts_of_huge_exponents_are_refused(text: str) -> None:
    assert amount_complaint(Decimal(text)) is not None


def test_an_absent_attribute_is_not_told_and_a_null_is() -> None:
    told = msgspec.json.decode(msgspec.json.encode(replace(CUSTOMER, email=None)), type=Customer)
    assert [name for name in CUSTOMER_ATTRIBUTES if getattr(told, name) is not msgspec.UNSET] == ["email"]


def test_unknown_fields_of_a_newer_producer_are_ignored() -> None:
    assert msgspec.convert({"customer_id": "1", "shoe_size": 43}, Customer) == CUSTOMER


def test_identities() -> None:
    assert (INTERACTION.key, INTERACTION.identity) == ("1", "e")
    assert (CUSTOMER.key, CUSTOMER.identity) == ("1", "1")
    assert (DISCUSSION.key, DISCUSSION.identity) == ("2020-02", "2020-02 Sand")
