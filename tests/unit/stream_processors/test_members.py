"""Whoever comes and leaves, in whatever groups, remembered or forgotten: members are those that facts speak for."""

import asyncio
from collections import Counter
from collections.abc import Set as AbstractSet
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stream_processors.fold import Key, Kind, Members
from stream_processors.members import KnownMembers, Membership

BUYERS = Members("buyers", key={"customer_id": Kind.TEXT}, known="SELECT", remaining="SELECT of facts")


class Answered(KnownMembers):
    """Members whose facts are counted here, not in Postgres."""

    def __init__(self, *, capacity: int = 100) -> None:
        super().__init__(BUYERS, capacity=capacity)
        self.facts: Counter[Key] = Counter()
        self.questions: list[tuple[str, set[Key]]] = []

    async def _ask(self, connection: Any, question: str, keys: AbstractSet[Key]) -> set[Key]:  # noqa: ARG002
        self.questions.append((question, set(keys)))
        return {key for key in keys if self.facts[key]}


#: One move of facts: who lost one, who got one, and what becomes of the unit of work.
CUSTOMERS = st.lists(st.sampled_from("123").map(lambda customer: (customer,)), max_size=4)
MOVES = st.lists(
    st.tuples(CUSTOMERS, CUSTOMERS, st.sampled_from(["go on", "commit", "commit unheard", "roll back"])), max_size=12
)


@given(MOVES, st.integers(1, 3))
def test_members_are_those_that_facts_speak_for(moves: list[tuple[list[Key], list[Key], str]], capacity: int) -> None:
    asyncio.run(try_moves(moves, capacity))


async def try_moves(moves: list[tuple[list[Key], list[Key], str]], capacity: int) -> None:
    known = Answered(capacity=capacity)
    unit, committed = Membership(known, None), Counter(known.facts)  # type: ignore[arg-type]
    for wanted, added, then in moves:
        removed = [key for key in set(wanted) if known.facts[key]]
        before = {key for key in known.facts if known.facts[key]}
        await unit.find_out({*removed, *added})
        known.facts.subtract(removed)
        known.facts.update(added)
        left = await unit.leave(set(removed).difference(added))
        entered = unit.enter(added)
        after = {key for key in known.facts if known.facts[key]}
        assert (left, entered) == (before - after, after - before)
        if then == "commit":
            unit.remember()
        if then.startswith("commit"):
            committed = Counter(known.facts)
        if then == "roll back":
            known.facts = Counter(committed)
        if then != "go on":
            unit = Membership(known, None)  # type: ignore[arg-type]
        assert then == "go on" or {key for key in known.data if not known.facts[key]} == set()


def test_who_is_remembered_is_not_asked_for() -> None:
    async def twice() -> None:
        for _ in range(2):
            unit = Membership(known, None)  # type: ignore[arg-type]
            await unit.find_out({("1",)})
            known.facts[("1",)] += 1
            unit.enter([("1",)])
            unit.remember()

    known = Answered()
    asyncio.run(twice())
    assert known.questions == [("SELECT", {("1",)})]


def test_those_from_whom_facts_were_taken_are_asked_of_the_facts() -> None:
    async def leave() -> set[Key]:
        return await Membership(known, None).leave({("1",)})  # type: ignore[arg-type]

    known = Answered()
    assert asyncio.run(leave()) == {("1",)}
    assert known.questions == [("SELECT of facts", {("1",)})]
