"""Who is counted by a distinct count: learned from Postgres, remembered, and asked again where facts were taken away.

A member is a customer who belongs to a group, such as the buyers of a product, because some stored fact says so. Of
customers who come often all groups are learned: what is not among them is new, without a question.
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
WORTH_ALL: Final = 4
#: A customer takes as much room as so many groups of one who is there, and so does a row of a running total.
_ROOM: Final = 10


class KnownMembers:
    """The groups of customers met lately. Not to know one costs a question; to believe in one that is gone is wrong."""

    def __init__(self, members: Members, *, capacity: int) -> None:
        self.members = members
        self._capacity = capacity * _ROOM
        # Two generations, as in tables.RunningTotal.
        self._young: Groups = {}
        self._old: Groups = {}
        self._young_size = 0
        #: Customers in memory with all of their groups.
        self.whole: set[Hashable] = set()

    @property
    def data(self) -> Groups:
        """The groups of all customers in memory."""
        return {**self._old, **self._young}

    def forget(self) -> None:
        """Drop all; Postgres will be asked again."""
        self._young, self._old, self._young_size = {}, {}, 0
        self.whole = set()

    def take(self, customers: AbstractSet[Hashable]) -> tuple[Groups, set[Hashable]]:
        """Take customers out for one unit of work; also says of which of them all groups are known."""
        young = {customer: self._young.pop(customer) for customer in self._young.keys() & customers}
        old = {customer: self._old.pop(customer) for customer in self._old.keys() & customers}
        self._young_size -= _size(young)
        whole = self.whole & customers
        self.whole -= whole
        return young | old, whole

    def give_back(self, groups: Groups, whole: AbstractSet[Hashable]) -> None:
        """Keep the customers of a unit of work that committed."""
        size = _size(groups)
        if self._young_size + size > self._capacity:
            self._old, self._young, self._young_size = self._young, {}, 0
            self.whole &= self._old.keys()
        self._young |= groups
        self._young_size += size
        self.whole |= whole

    async def all_of(self, connection: AsyncConnection[Any], customers: AbstractSet[Hashable]) -> Groups:
        """All groups of these customers, as the stored facts have it."""
        groups: Groups = {customer: set() for customer in customers}
        one_object: dict[Hashable, Hashable] = {}
        for customer, group in await self._ask(connection, self.members.all_of, [(one,) for one in customers]):
            groups[customer].add(one_object.setdefault(group, group))
        return groups

    async def among(self, connection: AsyncConnection[Any], pairs: AbstractSet[Member]) -> set[Member]:
        """Those of the pairs that are members, as long as the facts don't change."""
        return set(await self._ask(connection, self.members.known, self._keys(pairs)))

    async def remaining(self, connection: AsyncConnection[Any], pairs: AbstractSet[Member]) -> set[Member]:
        """Those of the pairs that are members, after facts were taken away."""
        question = self.members.remaining or self.members.known
        return set(await self._ask(connection, question, self._keys(pairs)))

    def _keys(self, pairs: Iterable[Member]) -> list[Key]:
        return [self.members.key_of(*pair) for pair in pairs]

    async def _ask(self, connection: AsyncConnection[Any], question: str, keys: Sequence[Key]) -> list[Member]:
        if not keys:
            return []
        cursor = await connection.execute(question, key_arrays(self.members, keys), binary=True)
        return list(map(self.members.member, await cursor.fetchall()))


class Membership:
    """What one unit of work knows of members, and how it changes that."""

    def __init__(self, known: KnownMembers, connection: AsyncConnection[Any]) -> None:
        self._known = known
        self._connection = connection
        self._groups: Groups = {}
        #: Customers of whom all groups are known.
        self._whole: set[Hashable] = set()

    async def find_out(self, customers: Sequence[Hashable], groups: Sequence[Hashable]) -> None:
        """Learn of each customer whether it belongs to the group beside it, before the facts change."""
        met = set(customers)
        self._take(met - self._groups.keys())
        if met <= self._whole:
            return
        known, whole = self._groups, self._whole
        unknown = {
            (customer, group)
            for customer, group in zip(customers, groups, strict=True)
            if group not in known[customer] and customer not in whole
        }
        times = Counter(customer for customer, _ in unknown)
        often = {customer for customer, count in times.items() if count >= WORTH_ALL}
        self._groups |= await self._known.all_of(self._connection, often)
        self._whole |= often
        seldom = {(customer, group) for customer, group in unknown if customer not in often}
        for customer, group in await self._known.among(self._connection, seldom):
            self._groups[customer].add(group)

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
        self._known.give_back(self._groups, self._whole)

    def _take(self, customers: set[Hashable]) -> None:
        groups, whole = self._known.take(customers)
        self._groups |= {customer: set() for customer in customers} | groups
        self._whole |= whole


def _size(groups: Groups) -> int:
    return sum(map(len, groups.values())) + _ROOM * len(groups)
