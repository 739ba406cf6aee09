"""Channels: the last word about each; a channel that interactions have named stays, whatever is told of it."""

from collections.abc import Sequence
from typing import Final

from events import topics
from events.contracts import Event
from stream_processors import binary
from stream_processors.keyed_stream import Changes, KeyedStream, State
from stream_processors.unit_of_work import UnitOfWork

_FORGET_TOLD: Final = (
    """
    UPDATE channels SET name = NULL, channel_type = NULL, unit_price = NULL, told = FALSE WHERE channel = ANY(%s)
    """,
    "DELETE FROM channels WHERE channel = ANY(%s) AND first_at IS NULL",
)


class Channels(KeyedStream):
    """The stream of channels."""

    topic = topics.CHANNELS.name
    table = "channels"
    key = "channel"
    attributes = ("name", "channel_type", "unit_price", "told")

    def merge(self, before: State | None, event: Event) -> State:  # noqa: ARG002 - replaces
        """A later event replaces all of the earlier one."""
        return {name: getattr(event, name) for name in self.attributes if name != "told"} | {"told": True}

    async def stored(self, unit: UnitOfWork, keys: set[str]) -> dict[str, State]:
        """What was told of these channels; of one that interactions alone have named, nothing."""
        return {key: state for key, state in (await super().stored(unit, keys)).items() if state["told"]}

    async def drop(self, unit: UnitOfWork, keys: Sequence[str]) -> None:
        """Forget what was told of these channels."""
        for statement in _FORGET_TOLD:
            await unit.connection.execute(statement, [binary.TextArray.of(keys)])

    async def store(self, unit: UnitOfWork, changes: Changes) -> None:
        """Write the rows."""
        await self.write(unit, changes, {})
