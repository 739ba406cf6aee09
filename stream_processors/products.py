"""Products: the last word about each; a category that changes takes all purchases of the product with it."""

from typing import Final

from events import topics
from events.contracts import Event
from events.errors import RejectedEvent
from events.identity import canonical_id
from stream_processors import binary
from stream_processors.keyed_stream import Changes, KeyedStream, State
from stream_processors.unit_of_work import NeedsReattribution, UnitOfWork

_BUYERS: Final = """
    SELECT DISTINCT customer_id FROM transactions WHERE category IS NULL AND product_id = ANY(%s)
"""
_RECOUNT: Final = (
    "DELETE FROM category_amounts WHERE customer_id = ANY(%s)",
    "INSERT INTO category_amounts SELECT * FROM category_amounts_from_facts WHERE customer_id = ANY(%s)",
)


class Products(KeyedStream):
    """The stream of products."""

    topic = topics.PRODUCTS.name
    table = "products"
    key = "product_id"
    attributes = ("name", "category", "price")

    def check(self, key: str, partition: int) -> None:
        """Products have one spelling; events are held to it by their contract, tombstones here."""
        super().check(key, partition)
        if canonical_id(key) != key:
            raise RejectedEvent(f"{key!r} is not in canonical form: expected {canonical_id(key)!r}")

    def merge(self, before: State | None, event: Event) -> State:  # noqa: ARG002 - replaces
        """A later event replaces all of the earlier one."""
        return {name: getattr(event, name) for name in self.attributes}

    async def store(self, unit: UnitOfWork, changes: Changes) -> None:
        """Write the rows; where a category changed, count the purchases of those customers anew."""
        moved = [
            key
            for key in changes.changed
            if (changes.stored.get(key) or {}).get("category") != (changes.current.get(key) or {}).get("category")
        ]
        if moved and not unit.exclusive:
            raise NeedsReattribution("a product changes its category")
        await self.write(unit, changes, {})
        if moved:
            cursor = await unit.connection.execute(_BUYERS, [binary.TextArray.of(moved)])
            buyers = binary.TextArray.of([customer_id for (customer_id,) in await cursor.fetchall()])
            for statement in _RECOUNT:
                await unit.connection.execute(statement, [buyers])
