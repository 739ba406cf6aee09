"""What is made many at a time is what is made one at a time."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from events import contracts
from events.encoding import encode
from events.identity import derived_id
from producers.identity import Ordinals, Same, content_ids, key_ids
from producers.records import RecordPacker

MOMENTS = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2199, 12, 31), timezones=st.just(UTC))
NAMES = st.text(alphabet='aé"\\/ \u2028', min_size=1, max_size=5)
AMOUNTS = st.none() | st.decimals(min_value=-(10**11), max_value=10**11, places=3)
EVENTS = st.one_of(
    st.builds(
        contracts.Interaction,
        event_id=NAMES,
        customer_id=NAMES,
        channel=NAMES,
        occurred_at=MOMENTS,
        product=st.none() | NAMES,
        count=st.integers(1, 3),
        revenue=AMOUNTS,
    ),
    st.builds(
        contracts.Transaction,
        transaction_id=NAMES,
        customer_id=NAMES,
        occurred_at=MOMENTS,
        category=NAMES,
        amount=st.decimals(min_value=0, max_value=99, places=2),
        currency=st.just("EUR"),
    ),
    st.builds(
        contracts.Customer,
        customer_id=NAMES,
        email=st.sampled_from([UNSET, None, "a@b"]),
        date_of_birth=st.dates() | st.none(),
        account_balance=AMOUNTS,
    ),
    st.builds(contracts.Channel, channel=NAMES, unit_price=AMOUNTS),
    st.builds(contracts.Product, product_id=NAMES, name=st.none() | NAMES, price=AMOUNTS),
    st.builds(contracts.ProductDiscussion, month=st.just("2024-02"), product=NAMES),
)


@given(event=EVENTS)
def test_records_are_those_of_the_contract(event: contracts.Event) -> None:
    columns = {name: [getattr(event, name)] * 2 for name in event.__struct_fields__}
    batch = RecordPacker(type(event), columns, source="file/x.csv").pack(columns)
    expected = encode(event, source="file/x.csv")
    for record in batch:
        assert (record.topic, record.key, record.value) == (expected.topic, expected.key, expected.value)
        assert sorted(record.headers) == sorted(expected.headers)


def test_fields_that_are_not_mapped_are_left_out() -> None:
    packer = RecordPacker(contracts.Customer, ["email", "customer_id"], source="s")
    batch = packer.pack({"customer_id": ["1"], "email": [UNSET]})
    assert batch.values == [msgspec.json.encode({"customer_id": "1"})]
    assert len(packer.nothing()) == 0


CONTENTS = st.tuples(NAMES, st.none() | NAMES, st.integers(0, 2), st.just(Decimal("1.5")), st.just("%s"))


@given(
    facts=st.lists(st.tuples(MOMENTS, CONTENTS), max_size=8),
    repeated=st.integers(0, 3),
    source=st.sampled_from(["source", "100 % {'"]),
)
def test_content_ids_are_derived_ids(
    facts: list[tuple[datetime, tuple[object, ...]]], repeated: int, source: str
) -> None:
    facts += facts[:repeated]
    seen: list[tuple[datetime, tuple[object, ...]]] = []
    expected = []
    for moment, content in facts:
        expected.append(derived_id(moment, source, *content, ordinal=seen.count((moment, content))))
        seen.append((moment, content))
    ordinals, ids = Ordinals(), []
    for part in (facts[:3], facts[3:]):
        *varying, _ = list(zip(*(content for _, content in part), strict=True)) or [()] * 5
        ids += content_ids(ordinals, source, [moment for moment, _ in part], [*varying, Same("%s")])
    # Moments that differ by less than a millisecond share an id's time, and so count as one row said twice.
    if len({moment.replace(microsecond=moment.microsecond // 1000 * 1000) for moment, _ in facts}) == len(
        {moment for moment, _ in facts}
    ):
        assert ids == expected
    assert len(set(ids)) == len(ids)


@given(contents=st.lists(st.sampled_from([b"a", b"b", b"c", b"d"]), max_size=30))
def test_ordinals_are_the_same_on_disk(contents: list[bytes]) -> None:
    in_memory, on_disk, at_once = Ordinals(), Ordinals(in_memory=1), Ordinals(in_memory=2)
    expected = [contents[:place].count(content) for place, content in enumerate(contents)]
    assert [in_memory.next(content) for content in contents] == expected
    assert [on_disk.next(content) for content in contents] == expected
    assert [*at_once.next_of_all(contents[:4]), *at_once.next_of_all(contents[4:])] == expected


@pytest.mark.parametrize("moments", [None, [datetime(2024, 1, 2, tzinfo=UTC)]])
def test_key_ids(moments: list[datetime] | None) -> None:
    (one,) = key_ids(moments, [("s", "A1", "7")])
    (same,) = key_ids(moments, [("s", "A1", "7")])
    (other,) = key_ids(moments, [("s", "A17", "")])
    assert one == same != other
    assert one.startswith("018cc7") == (moments is not None)
