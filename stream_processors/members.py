"""Who is counted by a distinct count: learned from Postgres, remembered, and asked again where facts were taken away.

A member is a customer who belongs to a group, such as the buyers of a product, because some stored fact says so. Memory
holds whole customers, each with all groups that they belong to: what is not among them is new, without a question.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

from psycopg import AsyncConnection

from stream_processors.columns import key_arrays
from stream_processors.fold import Key, Member, Members

#: The groups that customers belong to.
Groups = dict[Hashable, set[Hashable]]

#: To ask for all groups of a customer costs about as much as to ask whether the customer belongs to so many.
_WORTH_ALL: Final = 4
#: A row of a running total takes the room of so many groups.
_GROUPS_PER_ROW: Final = 10


class KnownMembers:
    """The customers met lately of whom all groups are known, as far as there is room."""

    def __init__(self, members: Members, *, capacity: int) -> None:
        self.members = members
        self._capacity = capacity * _GROUPS_PER_ROW
        # Two generations, as in tables.RunningTotal.
        self._young: Groups = {}
        self._old: Groups = {}
        self._young_size = 0

    @property
    def data(self) -> Groups:
        """All customers in memory."""
        return {**self._old, **self._young}

    def forget(self) -> None:
        """Drop all; Postgres will be asked again."""
        self._young, self._old, self._young_size = {}, {}, 0

    def take(self, customers: AbstractSet[Hashable]) -> Groups:
        """Take customers out for one unit of work; those that are not in memory are absent."""
        taken: Groups = {}
        for memory in (self._young, self._old):
            found = memory.keys() & customers
            taken |= {customer: memory.pop(customer) for customer in found}
            if memory is self._young:
                self._young_size -= _size(taken)
        return taken

    def give_back(self, groups: Groups) -> None:
        """Keep the customers of a unit of work that committed."""
        size = _size(groups)
        if self._young_size + size > self._capacity:
            self._old, self._young, self._young_size = self._young, {}, 0
        self._young |= groups
        self._young_size += size

    async def all_of(self, connection: AsyncConnection[Any], customers: AbstractSet[Hashable]) -> Groups:
        """All groups of these customers, as the stored facts have it."""
        groups: Groups = {customer: set() for customer in customers}
        one_object: dict[Hashable, Hashable] = {}
        for customer, group in await self._ask(connection, self.members.all_of, [(one,) for one in customers]):
            groups[customer].add(one_object.setdefault(group, group))
        return groups

    async def among(self, connection: AsyncConnection[Any], pairs: AbstractSet[Member]) -> set[Member]:
        """Those of the pairs that are members, as long as the facts don't change."""
        return set(await self._ask(connection, self.members.known, self._keys(pairs))) if pairs else set()

    async def remaining(self, connection: AsyncConnection[Any], pairs: AbstractSet[Member]) -> set[Member]:
        """Those of the pairs that are members, after facts were taken away."""
        question = self.members.remaining or self.members.known
        return set(await self._ask(connection, question, self._keys(pairs))) if pairs else set()

    def _keys(self, pairs: Iterable[Member]) -> list[Key]:
        return [self.members.key_of(*pair) for pair in pairs]

    async def _ask(self, connection: AsyncConnection[Any], question: str, keys: Sequence[Key]) -> list[Member]:
        cursor = await connection.execute(question, key_arrays(self.members, keys), binary=True)
        return list(map(self.members.member, await cursor.fetchall()))


class Membership:
    """What one unit of work knows of members, and how it changes that."""

    def __init__(self, known: KnownMembers, connection: AsyncConnection[Any]) -> None:
        self._known = known
        self._connection = connection
        self._groups: Groups = {}
        #: Customers of whom all groups are known; of the others, those that were asked for.
        self._whole: set[Hashable] = set()
        self._asked: set[Member] = set()

    async def find_out(self, customers: Sequence[Hashable], groups: Sequence[Hashable]) -> None:
        """Learn of each customer whether it belongs to the group beside it, before the facts change."""
        strangers = set(customers) - self._whole
        if not strangers:
            return
        remembered = self._known.take(strangers)
        self._groups |= remembered
        self._whole |= remembered.keys()
        strangers -= remembered.keys()
        pairs = {pair for pair in zip(customers, groups, strict=True) if pair[0] in strangers} - self._asked
        times = Counter(customer for customer, _ in pairs)
        await self._learn_all_of({customer for customer, count in times.items() if count >= _WORTH_ALL})
        await self._learn({pair for pair in pairs if pair[0] not in self._whole})

    def enter(self, customers: Sequence[Hashable], groups: Sequence[Hashable]) -> list[int]:
        """Facts were added that put customers into groups; returns 1 for each that was the first to do so, else 0."""
        marks = [0] * len(customers)
        belongs_to = self._groups
        for place, (customer, group) in enumerate(zip(customers, groups, strict=True)):
            if group not in belongs_to[customer]:
                belongs_to[customer].add(group)
                marks[place] = 1
        return marks

    async def leave(self, pairs: AbstractSet[Member]) -> set[Member]:
        """Facts were taken away that spoke for these members; returns those that are members no more."""
        left = set(pairs) - await self._known.remaining(self._connection, pairs)
        for customer, group in left:
            self._groups[customer].discard(group)
        return left

    def remember(self) -> None:
        """Pass on who is a member, once the unit has committed."""
        self._known.give_back({customer: self._groups[customer] for customer in self._whole})

    async def _learn_all_of(self, customers: set[Hashable]) -> None:
        if customers:
            self._groups |= await self._known.all_of(self._connection, customers)
            self._whole |= customers

    async def _learn(self, pairs: set[Member]) -> None:
        for customer, _ in pairs:
            self._groups.setdefault(customer, set())
        for customer, group in await self._known.among(self._connection, pairs):
            self._groups[customer].add(group)
        self._asked |= pairs


def _size(groups: Groups) -> int:
    return sum(map(len, groups.values()))
