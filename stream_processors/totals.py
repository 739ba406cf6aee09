"""Moving running totals by facts that go and facts that come, for every view that counts them.

First all rows are checked out, while the database still shows the facts as they were; then the facts are stored; then
the rows are moved, and what arithmetic can't take back is asked of the facts as they are now.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Final

from stream_processors import views
from stream_processors.fold import Columns, Key, Members, Source, View, counted, once, put, take
from stream_processors.unit_of_work import UnitOfWork

#: Facts of one stream, as each source that it feeds sees them.
Sources = Mapping[Source, Columns]

_BY_SOURCE: Final = {source: [view for view in views.ALL if source in view.sources] for source in Source}


class Move:
    """The totals of one unit of work, between check-out and the last change.

    Args:
        removed: Facts that no longer count; a source without facts is absent.
        added: Facts that count from now on.
    """

    def __init__(self, unit: UnitOfWork, *, removed: Sources, added: Sources) -> None:
        self._unit = unit
        self._removed = _counted(removed)
        self._added = _counted(added)
        self._keys: dict[tuple[str, int], list[Key]] = {}
        self._members: dict[tuple[str, int], tuple[Sequence[Hashable], Sequence[Hashable]]] = {}

    async def check_out(self) -> None:
        """Get the rows of all views concerned; before the facts change."""
        for view, removed, added in self._each():
            await self._unit.rows(view, self._keys_of(view, removed))
            await self._unit.rows(view, self._keys_of(view, added), whole=False)
            for members in view.members:
                for facts in (removed, added):
                    if facts is not None:
                        await self._unit.membership(view, members).find_out(*self._members_of(members, facts))

    async def carry_out(self) -> None:
        """Change the rows; after the facts have changed."""
        for view, removed, added in self._each():
            rows = await self._unit.rows(view, ())
            gone, come = await self._with_members(view, removed, added)
            stale = take(view, rows, self._keys_of(view, removed), gone) if gone else set()
            if come:
                put(view, rows, self._keys_of(view, added), come)
            await self._unit.recompute(view, stale)

    def _each(self) -> list[tuple[View, Columns | None, Columns | None]]:
        return [
            (view, self._removed.get(source), self._added.get(source))
            for source in Source
            if source in self._removed or source in self._added
            for view in _BY_SOURCE[source]
        ]

    def _keys_of(self, view: View, facts: Columns | None) -> Sequence[Key]:
        if facts is None:
            return ()
        place = (view.name, id(facts))
        if place not in self._keys:
            self._keys[place] = view.keys(facts)
        return self._keys[place]

    def _members_of(self, members: Members, facts: Columns) -> tuple[Sequence[Hashable], Sequence[Hashable]]:
        place = (members.name, id(facts))
        if place not in self._members:
            self._members[place] = members.members(facts)
        return self._members[place]

    async def _with_members(
        self, view: View, removed: Columns | None, added: Columns | None
    ) -> tuple[Columns | None, Columns | None]:
        """The columns, and for each distinct count which facts took a member out and which brought one in."""
        for members in view.members:
            membership = self._unit.membership(view, members)
            come = self._members_of(members, added) if added is not None else ((), ())
            if removed is not None:
                gone = list(zip(*self._members_of(members, removed), strict=True))
                left = await membership.leave(set(gone).difference(zip(*come, strict=True)))
                removed = {**removed, members.name: once(gone, left)}
            if added is not None:
                added = {**added, members.name: membership.enter(*come)}
        return removed, added


def _counted(facts: Sources) -> Sources:
    return {source: counted(columns, _BY_SOURCE[source]) for source, columns in facts.items()}
