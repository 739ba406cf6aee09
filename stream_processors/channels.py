"""Channels: the last word about each; a channel that interactions have named stays, whatever is told of it."""

from events import topics
from events.contracts import Event
from stream_processors.keyed_stream import Changes, KeyedStream, State
from stream_processors.unit_of_work import UnitOfWork


class Channels(KeyedStream):
    """The stream of channels."""

    topic = topics.CHANNELS.name
    table = "channels"
    key = "channel"
    attributes = ("name", "channel_type", "unit_price")

    def merge(self, before: State | None, event: Event) -> State:  # noqa: ARG002 - replaces
        """A later event replaces all of the earlier one."""
        return {name: getattr(event, name) for name in self.attributes}

    async def store(self, unit: UnitOfWork, changes: Changes) -> None:
        """Write the rows."""
        await self.write(unit, changes, {})
