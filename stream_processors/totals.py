"""Moving running totals by facts that go and facts that come, for every view that counts them.

First all rows are checked out, while the database still shows the facts as they were; then the facts are stored; then
the rows are moved, and what arithmetic can't take back is asked of the facts as they are now.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from stream_processors import views
from stream_processors.fold import Columns, Key, Source, View, enter, leave, put, take
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
        self._removed = removed
        self._added = added
        self._keys: dict[tuple[str, int], list[Key]] = {}

    async def check_out(self) -> None:
        """Get the rows of all views concerned; before the facts change."""
        for view, removed, added in self._each():
            for one in (view, *view.members):
                await self._unit.rows(one, {*self._keys_of(one, removed), *self._keys_of(one, added)})

    async def carry_out(self) -> None:
        """Change the rows; after the facts have changed."""
        for view, removed, added in self._each():
            rows = await self._unit.rows(view, ())
            gone, come = await self._with_members(view, removed, leave), await self._with_members(view, added, enter)
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

    async def _with_members(self, view: View, facts: Columns | None, count: Callable[..., list[int]]) -> Columns | None:
        """The columns, and for each distinct count which facts brought a member in or took one out."""
        if facts is None or not view.members:
            return facts
        counted = {
            members.name: count(members, await self._unit.rows(members, ()), self._keys_of(members, facts), facts)
            for members in view.members
        }
        return {**facts, **counted}
