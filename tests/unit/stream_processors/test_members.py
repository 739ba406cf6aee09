"""Whoever comes and leaves, in whatever groups, remembered or forgotten: members are those that facts speak for."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stream_processors.fold import Key, Kind, Member, Members
from stream_processors.members import KnownMembers, Membership

BUYERS = Members(
    "buyers",
    key={"customer_id": Kind.TEXT, "product": Kind.TEXT},
    known="SELECT",
    all_of="SELECT of customers",
    remaining="SELECT of facts",
)


class Answered(KnownMembers):
    """Members whose facts are counted here, not in Postgres."""

    def __init__(self, *, capacity: int = 100) -> None:
        super().__init__(BUYERS, capacity=capacity)
        self._capacity = capacity
        self.facts: Counter[Key] = Counter()
        self.questions: list[tuple[str, set[Key]]] = []

    async def _ask(self, connection: Any, question: str, keys: Sequence[Key]) -> list[Member]:  # noqa: ARG002
        if keys:
            self.questions.append((question, set(keys)))
        return [
            BUYERS.member(fact) for fact, count in self.facts.items() if count and (fact in keys or fact[:1] in keys)
        ]


async def find_out(unit: Membership, pairs: Sequence[Key]) -> None:
    await unit.find_out([customer for customer, _ in pairs], [group for _, group in pairs])


def enter(unit: Membership, pairs: Sequence[Key]) -> list[Key]:
    marks = unit.enter([customer for customer, _ in pairs], [group for _, group in pairs])
    return [pair for pair, mark in zip(pairs, marks, strict=True) if mark]


#: One move of facts: who lost one, who got one, and what becomes of the unit of work.
PAIRS = st.lists(st.tuples(st.sampled_from("123"), st.sampled_from("abcdefg")), max_size=10)
MOVES = st.lists(
    st.tuples(PAIRS, PAIRS, st.sampled_from(["go on", "commit", "commit unheard", "roll back"])), max_size=12
)


@given(MOVES, st.integers(1, 60))
def test_members_are_those_that_facts_speak_for(moves: list[tuple[list[Key], list[Key], str]], capacity: int) -> None:
    asyncio.run(try_moves(moves, capacity))


async def try_moves(moves: list[tuple[list[Key], list[Key], str]], capacity: int) -> None:
    known = Answered(capacity=capacity)
    unit, committed = Membership(known, None), Counter(known.facts)  # type: ignore[arg-type]
    for wanted, added, then in moves:
        removed = [key for key in sorted(set(wanted)) if known.facts[key]]
        before = {key for key in known.facts if known.facts[key]}
        await find_out(unit, removed)
        await find_out(unit, added)
        known.facts.subtract(removed)
        known.facts.update(added)
        left = await unit.leave({BUYERS.member(key) for key in set(removed).difference(added)})
        entered = enter(unit, added)
        after = {key for key in known.facts if known.facts[key]}
        assert (left, sorted(entered)) == (before - after, sorted(after - before))
        if then == "commit":
            unit.remember()
        if then.startswith("commit"):
            committed = Counter(known.facts)
        if then == "roll back":
            known.facts = Counter(committed)
        if then != "go on":
            unit = Membership(known, None)  # type: ignore[arg-type]
            for customer, groups in known.data.items():
                spoken_for = {group for (one, group), count in known.facts.items() if count and one == customer}
                assert groups == spoken_for if customer in known.whole else groups <= spoken_for


async def buy(known: Answered, pairs: list[Key]) -> list[Key]:
    """One unit of work that commits."""
    unit = Membership(known, None)  # type: ignore[arg-type]
    await find_out(unit, pairs)
    known.facts.update(pairs)
    entered = enter(unit, pairs)
    unit.remember()
    return entered


def test_of_who_comes_often_all_is_learned_and_nothing_asked_again() -> None:
    async def twice() -> None:
        often: list[Key] = [("1", product) for product in "abcd"]
        assert await buy(known, often) == often
        assert await buy(known, [*often, ("1", "e")]) == [("1", "e")]

    known = Answered()
    asyncio.run(twice())
    assert known.questions == [("SELECT of customers", {("1",)})]


def test_of_who_comes_seldom_each_group_is_asked_for_once() -> None:
    async def thrice() -> None:
        assert await buy(known, [("1", "a")]) == [("1", "a")]
        assert await buy(known, [("1", "a")]) == []
        assert await buy(known, [("1", "b")]) == [("1", "b")]

    known = Answered()
    asyncio.run(thrice())
    assert known.questions == [("SELECT", {("1", "a")}), ("SELECT", {("1", "b")})]


def test_memory_is_bounded_by_customers_and_their_groups() -> None:
    async def many() -> None:
        for customer in range(100):
            await buy(known, [(str(customer), product) for product in "abcd"])

    known = Answered(capacity=140)
    asyncio.run(many())
    assert 10 <= len(known.data) <= 20


def test_those_from_whom_facts_were_taken_are_asked_of_the_facts() -> None:
    async def leave() -> set[Member]:
        known.facts["1", "a"] = 1
        unit = Membership(known, None)  # type: ignore[arg-type]
        await find_out(unit, [("1", "a")])
        known.facts["1", "a"] = 0
        return await unit.leave({("1", "a")})

    known = Answered()
    assert asyncio.run(leave()) == {("1", "a")}
    assert known.questions == [("SELECT", {("1", "a")}), ("SELECT of facts", {("1", "a")})]
