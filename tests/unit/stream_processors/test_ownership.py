"""A customer's events must come where the customer lives, under the one spelling of the id."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import RejectedEvent
from events.topics import partition_of
from stream_processors import ownership
from stream_processors.ownership import Ownership

PARTITIONS = 3
IDS = st.one_of(
    st.integers(0, 30).map(str), st.sampled_from(["1.0", " 1", "1\0", "", " ", "Ümit"]), st.text(max_size=3)
)


def right(customer_id: str, partition: int) -> bool:
    try:
        Ownership(PARTITIONS).check(customer_id, partition)
    except RejectedEvent:
        return False
    return True


def test_customers_at_home_are_right() -> None:
    for number in range(100):
        key = str(number)
        assert right(key, partition_of(key.encode(), PARTITIONS))


@pytest.mark.parametrize("partition", range(PARTITIONS))
def test_customers_elsewhere_are_told_what_to_set(partition: int) -> None:
    home = partition_of(b"1", PARTITIONS)
    if partition != home:
        with pytest.raises(RejectedEvent, match=f"belongs to partition {home} .* partitioner to murmur2"):
            Ownership(PARTITIONS).check("1", partition)


@pytest.mark.parametrize(
    ("spelling", "reason"), [("1.0", "expected '1'"), (" 1", "white space"), ("1\0", "NUL"), (" ", "white space")]
)
def test_other_spellings_are_refused_wherever_they_are(spelling: str, reason: str) -> None:
    home = partition_of(spelling.encode(), PARTITIONS)
    with pytest.raises(RejectedEvent, match=reason) as caught:
        Ownership(PARTITIONS).check(spelling, home)
    assert caught.value.field == "$.customer_id"


@given(st.lists(st.tuples(st.sets(IDS.filter(bool)), st.integers(0, PARTITIONS - 1))), st.sampled_from([0, 2, 1000]))
def test_many_at_once_are_right_if_each_is_whatever_is_remembered(
    asked: list[tuple[set[str], int]], remembered: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ownership, "_REMEMBERED", remembered)
        owners = Ownership(PARTITIONS)
        for ids, partition in asked:
            assert owners.all_right(ids, partition) == all(right(one, partition) for one in ids)


def test_an_id_that_is_right_in_its_partition_is_not_right_in_another() -> None:
    owners = Ownership(PARTITIONS)
    home = partition_of(b"1", PARTITIONS)
    assert owners.all_right({"1"}, home)
    assert not owners.all_right({"1"}, (home + 1) % PARTITIONS)
    assert owners.all_right({"1"}, home)
