"""Whatever is counted in and out, in whatever groups: the rows are those of the facts that are left."""

from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sql
from stream_processors import fold, views
from stream_processors.fold import (
    Columns,
    Count,
    Distinct,
    First,
    Key,
    Kind,
    Last,
    Members,
    Rows,
    Source,
    Sum,
    Told,
    View,
    counted,
    once,
    put,
    take,
)

VIEW = View(
    "view",
    key={"customer_id": Kind.TEXT, "channel": Kind.TEXT},
    measures=(
        Sum("interactions", of="count"),
        Sum("revenue", of="revenue", kind=Kind.NUMERIC),
        First("first_at", of="occurred_at"),
        Last("last_at", of="occurred_at"),
    ),
    table="view",
)
COLUMNS = ("customer_id", "channel", "count", "revenue", "occurred_at")
AMOUNTS = st.none() | st.decimals(Decimal(-(10**12)), Decimal(10**12), places=6)
FACTS = st.tuples(
    st.sampled_from("12"), st.sampled_from("EC"), st.integers(1, 10**9), AMOUNTS, st.integers(-(10**16), 10**16)
)
Fact = tuple[Any, ...]


def columns(facts: list[Fact], view: View = VIEW) -> Columns:
    """What a view counts of these facts."""
    return counted(told(facts), [view])


def told(facts: list[Fact]) -> Columns:
    return {name: [fact[place] for fact in facts] for place, name in enumerate(COLUMNS)}


def naive(facts: list[Fact]) -> Rows:
    """The rows that these facts have."""
    rows: Rows = {}
    for key in {fact[:2] for fact in facts}:
        mine = [fact for fact in facts if fact[:2] == key]
        rows[key] = [
            sum(fact[2] for fact in mine),
            sum((fact[3] for fact in mine if fact[3] is not None), Decimal(0)),
            min(fact[4] for fact in mine),
            max(fact[4] for fact in mine),
        ]
    return rows


def fresh(facts: list[Fact]) -> Rows:
    return {key: VIEW.zero() for key in VIEW.keys(columns(facts))}


@given(st.lists(FACTS), st.integers(0, 20))
def test_facts_counted_in_any_groups_make_the_same_rows(facts: list[Fact], cut: int) -> None:
    rows = fresh(facts)
    for group in (facts[:cut], facts[cut:]):
        put(VIEW, rows, VIEW.keys(columns(group)), columns(group))
    assert rows == naive(facts)


@pytest.mark.parametrize("too_many", [-1, 10**6], ids=["one by one", "together"])
def test_facts_count_the_same_one_by_one_and_together(monkeypatch: pytest.MonkeyPatch, too_many: int) -> None:
    monkeypatch.setattr(fold, "_TOO_MANY", too_many)
    facts: list[Fact] = [(str(n % 3), "EC"[n % 2], 1 + n % 4, n % 5 and Decimal(n), n * 7 % 100) for n in range(100)]
    entries = columns(facts)
    assert len(entries["channel"]) == (6 if too_many > 0 else 100)
    rows = fresh(facts)
    put(VIEW, rows, VIEW.keys(entries), entries)
    assert rows == naive(facts)
    assert take(VIEW, rows, VIEW.keys(entries), entries) == set(rows)
    assert {key: row[:2] for key, row in rows.items()} == {key: [0, 0] for key in rows}


def test_views_that_count_the_same_facts_by_other_keys_share_what_is_counted() -> None:
    by_channel = View(
        "by_channel", key={"channel": Kind.TEXT}, measures=(Count("facts"), Last("last_at", of="occurred_at"))
    )
    facts: list[Fact] = [("1", "E", 1, None, 5), ("2", "E", 1, None, 9), ("1", "E", 1, None, 7)]
    entries = counted(told(facts), [VIEW, by_channel])
    assert len(entries["channel"]) == 2
    rows: Rows = {("E",): by_channel.zero()}
    put(by_channel, rows, by_channel.keys(entries), entries)
    assert rows == {("E",): [3, 9]}


@given(st.lists(FACTS), st.integers(0, 20))
def test_what_is_counted_out_is_gone_or_asked_for(facts: list[Fact], cut: int) -> None:
    """Keys that are not reported as stale must be right; those that are will be asked of the facts."""
    rows = fresh(facts)
    put(VIEW, rows, VIEW.keys(columns(facts)), columns(facts))
    gone, left = facts[:cut], facts[cut:]
    stale = take(VIEW, rows, VIEW.keys(columns(gone)), columns(gone))
    expected = naive(left)
    assert {key: row for key, row in rows.items() if key not in stale and row[0]} == {
        key: row for key, row in expected.items() if key not in stale
    }
    assert all(key in stale for key in rows if key not in expected)
    assert stale <= {fact[:2] for fact in gone}
    sums = {key: row[:2] for key, row in rows.items()}
    assert sums == {key: expected[key][:2] if key in expected else [0, 0] for key in rows}


def test_only_a_lost_extreme_is_asked_for() -> None:
    facts = [("1", "E", 1, None, moment) for moment in (10, 20, 30)]
    rows = naive(facts)
    middle, first = [facts[1]], [facts[0]]
    assert take(VIEW, rows, VIEW.keys(columns(middle)), columns(middle)) == set()
    assert take(VIEW, rows, VIEW.keys(columns(first)), columns(first)) == {("1", "E")}


def test_money_is_exact_where_floats_are_not() -> None:
    facts = [("1", "E", 1, Decimal("0.1"), 0)] * 3 + [("1", "E", 1, Decimal("999999999999.999999"), 0)] * 1000
    rows = fresh(facts)
    put(VIEW, rows, VIEW.keys(columns(facts)), columns(facts))
    assert rows["1", "E"][1] == Decimal("999999999999999.999") + Decimal("0.3")


def test_what_was_told_last_holds_until_it_is_taken_back() -> None:
    view = View("told", key={"customer_id": Kind.TEXT}, measures=(Told("type", of="type", zero="unknown"),))
    rows: Rows = {("1",): view.zero()}
    facts: Columns = {"customer_id": ["1", "1"], "type": ["Red", "Blue"]}
    put(view, rows, view.keys(facts), facts)
    assert rows == {("1",): ["Blue"]}
    assert take(view, rows, view.keys(facts), facts) == set()
    assert rows == {("1",): ["unknown"]}


@pytest.mark.parametrize("view", views.ALL, ids=lambda view: view.name)
def test_every_view_begins_with_rows_of_its_own(view: View) -> None:
    one, other = view.zero(), view.zero()
    assert one == other
    assert one is not other


@pytest.mark.parametrize("view", [view for view in views.ALL if view.table], ids=lambda view: view.name)
def test_a_stored_view_can_tell_an_empty_row(view: View) -> None:
    assert view.zero()[0] == 0


@pytest.mark.parametrize("view", views.ALL, ids=lambda view: view.name)
def test_a_view_with_extremes_can_ask_for_them(view: View) -> None:
    """Where a table is, there is `<table>_from_facts`."""
    assert view.table is not None or not any(isinstance(measure, First | Last) for measure in view.measures)


@pytest.mark.parametrize("view", [view for view in views.ALL if view.table], ids=lambda view: view.name)
def test_a_stored_view_has_a_file_with_its_question(view: View) -> None:
    texts = [path.read_text(encoding="utf-8") for path in Path(sql.FOLDER, "totals").glob("*.sql")]
    assert sum(f"CREATE OR REPLACE VIEW {view.table}_from_facts AS" in text for text in texts) == 1


@pytest.mark.parametrize("view", [view for view in views.ALL if not view.table], ids=lambda view: view.name)
def test_a_view_without_a_table_says_how_it_is_loaded_and_counts_nothing_itself(view: View) -> None:
    assert view.load
    assert not view.sources


@pytest.mark.parametrize("view", [view for view in views.ALL if view.sources], ids=lambda view: view.name)
def test_no_two_workers_wait_for_one_row(view: View) -> None:
    assert next(iter(view.key)) == "customer_id" or "partition" in view.key


def test_one_declaration_of_members_serves_one_distinct_count() -> None:
    serves = Counter(members.name for view in views.ALL for members in view.members)
    assert set(serves.values()) == {1}


def test_every_source_is_counted_by_some_view() -> None:
    assert {source for view in views.ALL for source in view.sources} == set(Source)


@given(st.lists(st.sampled_from("abcd")), st.sets(st.sampled_from("abcd")))
def test_each_chosen_key_is_marked_once(letters: list[str], some: set[str]) -> None:
    keys: list[Key] = [(letter,) for letter in letters]
    chosen = {key for key in keys if key[0] in some}
    marks = once(keys, chosen)
    assert [key for key, mark in zip(keys, marks, strict=True) if mark] == unordered(chosen, keys)
    assert set(marks) <= {0, 1}


def unordered(chosen: set[Key], keys: list[Key]) -> list[Key]:
    """Each chosen key at the last of its places."""
    return sorted(chosen, key=lambda key: max(place for place, one in enumerate(keys) if one == key))


def test_distinct_counts_go_up_and_down_by_those_who_came_and_left() -> None:
    buyers = Members("buyers", key={"customer_id": Kind.TEXT, "day": Kind.DATE}, known="SELECT", all_of="SELECT")
    view = View("daily", key={"day": Kind.DATE}, measures=(Distinct("customers", buyers),))
    rows: Rows = {(0,): [5], (1,): [5]}
    facts: Columns = {"day": [0, 0, 1], "buyers": [1, 0, 1]}
    put(view, rows, view.keys(facts), facts)
    assert rows == {(0,): [6], (1,): [6]}
    assert take(view, rows, view.keys(facts), facts) == set()
    assert rows == {(0,): [5], (1,): [5]}


@given(st.lists(FACTS), st.integers(0, 20))
def test_a_count_is_of_facts_whatever_they_say(facts: list[Fact], cut: int) -> None:
    view = View("counted", key={"customer_id": Kind.TEXT}, measures=(Count("facts"),))
    rows: Rows = {(customer,): view.zero() for customer in "12"}
    come = columns(facts, view)
    put(view, rows, view.keys(come), come)
    gone, left = facts[:cut], facts[cut:]
    went = columns(gone, view)
    assert take(view, rows, view.keys(went), went) == set()
    assert rows == {(customer,): [sum(fact[0] == customer for fact in left)] for customer in "12"}


def test_keys_are_in_the_order_of_the_declaration() -> None:
    keys: list[Key] = VIEW.keys(columns([("1", "E", 1, None, 0)]))
    assert keys == [("1", "E")]
