"""Who is counted by a distinct count: learned from Postgres, remembered, and asked again where facts were taken away.

A member is a key (the view's, and who is counted) that some stored fact speaks for. Most facts bring nobody in that was
not known, or somebody of whom Postgres has never heard: both are settled for a whole chunk by sets.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any

from psycopg import AsyncConnection

from stream_processors.columns import key_arrays
from stream_processors.fold import Key, Members


class KnownMembers:
    """Members met lately. Not to know one costs a question; to believe in one who left would be wrong."""

    def __init__(self, members: Members, *, capacity: int) -> None:
        self.members = members
        self._capacity = capacity
        # Two generations, as in tables.RunningTotal.
        self._young: set[Key] = set()
        self._old: set[Key] = set()

    @property
    def data(self) -> set[Key]:
        """All members in memory."""
        return self._young | self._old

    def forget(self) -> None:
        """Drop all; Postgres will be asked again."""
        self._young, self._old = set(), set()

    async def among(self, connection: AsyncConnection[Any], keys: AbstractSet[Key]) -> set[Key]:
        """Those of the keys that are members, before the facts change."""
        known = self._young.intersection(keys) | self._old.intersection(keys)
        unknown = keys - known
        return known | await self._ask(connection, self.members.known, unknown) if unknown else known

    async def remaining(self, connection: AsyncConnection[Any], keys: AbstractSet[Key]) -> set[Key]:
        """Those of the keys that are members, after facts were taken away."""
        return await self._ask(connection, self.members.remaining or self.members.known, keys) if keys else set()

    def drop(self, keys: AbstractSet[Key]) -> None:
        """Forget these, because their membership may change."""
        self._young -= keys
        self._old -= keys

    def remember(self, members: set[Key]) -> None:
        """Take over whom a unit of work knows to be members, once it has committed."""
        if len(self._young) + len(members) > self._capacity:
            self._old, self._young = self._young, set()
        self._young |= members

    async def _ask(self, connection: AsyncConnection[Any], question: str, keys: AbstractSet[Key]) -> set[Key]:
        cursor = await connection.execute(question, key_arrays(self.members, keys), binary=True)
        return set(await cursor.fetchall())


class Membership:
    """What one unit of work knows of members, and how it changes that."""

    def __init__(self, known: KnownMembers, connection: AsyncConnection[Any]) -> None:
        self._known = known
        self._connection = connection
        self._present: set[Key] = set()
        self._absent: set[Key] = set()

    async def find_out(self, keys: AbstractSet[Key]) -> None:
        """Learn of each of the keys whether it is a member, before the facts change."""
        unknown = keys - self._present - self._absent
        if unknown:
            present = await self._known.among(self._connection, unknown)
            self._present |= present
            self._absent |= unknown - present

    def enter(self, keys: Iterable[Key]) -> set[Key]:
        """Facts were added that speak for these keys; returns those that became members by it."""
        entered = self._absent.intersection(keys)
        self._absent -= entered
        self._present |= entered
        return entered

    async def leave(self, keys: AbstractSet[Key]) -> set[Key]:
        """Facts were taken away that spoke for these keys; returns those that are members no more."""
        self._known.drop(keys)  # now: of a commit whose answer is lost, memory hears nothing
        left = set(keys) - await self._known.remaining(self._connection, keys)
        self._present -= left
        self._absent |= left
        return left

    def remember(self) -> None:
        """Pass on who is a member, once the unit has committed."""
        self._known.remember(self._present)
