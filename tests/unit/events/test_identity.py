"""The same id must be one id, and different facts must stay different."""

import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from events.identity import canonical_id, derived_id, fact_id, fact_ids

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
IDS = st.one_of(
    TEXT,
    st.uuids().map(str),
    st.uuids().map(lambda one: str(one).upper()),
    st.uuids().map(lambda one: one.hex),
    st.text("0123456789abcdefABCDEF- \n\t", min_size=36, max_size=36),
)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))


@pytest.mark.parametrize("spelling", ["1", " 1 ", "1.0", "1.000", "\t1.0\n", 1, 1.0, Decimal(1), Decimal("1.0")])
def test_spellings_of_one_are_one(spelling: str | float | Decimal) -> None:
    assert canonical_id(spelling) == "1"


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("007", "007"),
        ("007.0", "007"),
        ("1.5", "1.5"),
        ("1.0.0", "1.0.0"),
        ("1.", "1."),
        (".0", ".0"),
        ("A 1", "A 1"),
        ("-1.0", "-1"),
        (-0.0, "0"),
        (1e22, "10000000000000000000000"),
        (Decimal("1E+2"), "100"),
        (Decimal("1.50"), "1.50"),
    ],
)
def test_what_may_mean_something_is_kept(spelling: str | float | Decimal, canonical: str) -> None:
    assert canonical_id(spelling) == canonical


@pytest.mark.parametrize(
    "nothing", ["", " ", "\N{NO-BREAK SPACE}", 1.5, math.nan, math.inf, -math.inf, Decimal("NaN"), Decimal("-inf")]
)
def test_what_is_no_id_is_refused(nothing: str | float | Decimal) -> None:
    with pytest.raises(ValueError, match="id"):
        canonical_id(nothing)


@given(TEXT.filter(str.strip))
def test_canonical_ids_are_canonical(text: str) -> None:
    assert canonical_id(canonical_id(text)) == canonical_id(text)


def hashed(identity: str) -> str | None:
    """The identity where it is stored as a hash, None where it is the UUID that it is."""
    return fact_ids([identity])[1][0]


@given(st.lists(IDS))
@example(["0" * 31 + " " + "-" * 4])
@example(["00000000-0000-0000-0000-00000000000 ", "00000000-0000-0000-0000-000000000000"])
@example(["0000000-00000-0000-0000-000000000000"])
@example(["--------0000-0000-0000-000000000000-"])
@example(["\N{ARABIC-INDIC DIGIT ZERO}" * 8 + "-0000-0000-0000-" + "0" * 12])
def test_many_ids_at_once_are_the_same_as_one_by_one(identities: list[str]) -> None:
    ids, texts = fact_ids(identities)
    assert ids == [fact_id(identity) for identity in identities]
    assert texts == [hashed(identity) for identity in identities]


@given(st.uuids())
def test_uuids_are_stored_as_they_are(uuid: UUID) -> None:
    assert fact_id(str(uuid)) == fact_id(str(uuid).upper()) == uuid.bytes
    assert hashed(str(uuid)) is None


@given(TEXT)
def test_other_ids_become_uuids_of_version_8(identity: str) -> None:
    raw = fact_id(identity)
    assert len(raw) == 16
    if hashed(identity) == identity:
        uuid = UUID(bytes=raw)
        assert (uuid.version, uuid.variant) == (8, "specified in RFC 4122")


@given(IDS, IDS)
def test_different_ids_are_different_facts(one: str, other: str) -> None:
    same_uuid = hashed(one) is hashed(other) is None and one.lower() == other.lower()
    assert (fact_id(one) == fact_id(other)) == (one == other or same_uuid)


@given(MOMENTS, st.lists(st.none() | st.text() | st.integers()), st.integers(0, 10**6))
def test_derived_ids_are_uuids_of_version_8(at: datetime, content: list[object], ordinal: int) -> None:
    text = derived_id(at, *content, ordinal=ordinal)
    uuid = UUID(text)
    assert str(uuid) == text
    assert (uuid.version, uuid.variant) == (8, "specified in RFC 4122")
    assert hashed(text) is None


@given(MOMENTS, MOMENTS, st.text(), st.text())
def test_derived_ids_are_in_the_order_of_time(one: datetime, other: datetime, text: str, other_text: str) -> None:
    if other - one >= timedelta(milliseconds=1):
        assert derived_id(one, text, ordinal=0) < derived_id(other, other_text, ordinal=0)


def test_derived_ids_tell_apart_what_differs() -> None:
    at = datetime(2020, 1, 1, tzinfo=UTC)
    ids = [
        derived_id(at, "a", "b", ordinal=0),
        derived_id(at, "a", "b", ordinal=1),
        derived_id(at, "ab", "", ordinal=0),
        derived_id(at, "ab", None, ordinal=0),
        derived_id(at, "ab", ordinal=0),
        derived_id(at + timedelta(milliseconds=1), "a", "b", ordinal=0),
    ]
    assert len(set(ids)) == len(ids)


def test_derived_ids_depend_on_the_moment_and_not_on_its_zone() -> None:
    at = datetime(2020, 1, 1, tzinfo=UTC)
    elsewhere = at.astimezone(timezone(timedelta(hours=5)))
    assert derived_id(at, "a", ordinal=0) == derived_id(elsewhere, "a", ordinal=0)
