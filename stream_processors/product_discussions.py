"""Product discussions: a month gains or loses a product, and all interactions of that month are re-attributed.

Rare, and it moves totals of customers of every partition: done in SQL, from the facts, while no other unit runs.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Final

import sql
from events import encoding, topics
from events.contracts import ProductDiscussion
from events.encoding import Tombstone
from events.errors import RejectedEvent
from stream_processors import binary
from stream_processors.chunks import Chunk
from stream_processors.unit_of_work import Decoded, NeedsReattribution, Rejected, UnitOfWork

_TOPIC: Final = topics.PRODUCT_DISCUSSIONS.name

#: (first day of the month, product)
Discussion = tuple[date, str]

_STORED: Final = "SELECT month, product FROM product_discussions WHERE month = ANY(%s)"
_ADD: Final = "INSERT INTO product_discussions SELECT * FROM unnest(%s::date[], %s::text[])"
_REMOVE: Final = """
    DELETE FROM product_discussions AS d USING unnest(%s::date[], %s::text[]) AS r (month, product)
    WHERE d.month = r.month AND d.product = r.product
"""
_REATTRIBUTE: Final = (
    sql.text("queries/move_topic_totals.sql"),
    "DELETE FROM topic_totals WHERE interactions = 0",
    "DELETE FROM product_interest_parts WHERE product = ANY(%(products)s)",
    """
    INSERT INTO product_interest_parts
    SELECT * FROM product_interest_parts_from_facts WHERE product = ANY(%(products)s)
    """,
)


class ProductDiscussions:
    """The stream: decodes chunks, and applies what changes anything under the exclusive lock."""

    def decode(self, chunk: Chunk) -> Decoded:
        """Read a chunk record by record."""
        events: list[ProductDiscussion | Tombstone] = []
        rejected: list[Rejected] = []
        for record in chunk.records:
            try:
                event = encoding.decode(_TOPIC, record.key, record.value, record.headers)
                assert isinstance(event, ProductDiscussion | Tombstone)
                _month(event)  # also the month of a tombstone must be one
                events.append(event)
            except RejectedEvent as error:
                rejected.append(Rejected(record, error))
        return Decoded(chunk, events, rejected)

    async def apply(self, unit: UnitOfWork, decoded: Sequence[Decoded]) -> None:
        """Store what changed, and move the totals of the months concerned."""
        months = {_month(event) for one in decoded for event in one.events}
        cursor = await unit.connection.execute(_STORED, [binary.DateArray.of(list(map(binary.days, months)))])
        stored: set[Discussion] = set(await cursor.fetchall())
        current = set(stored)
        for one in decoded:
            unit.count({one.chunk.partition: Counter(_apply_one(current, event) for event in one.events)})
        if current != stored:
            if not unit.exclusive:
                raise NeedsReattribution("a month gains or loses a product")
            await _store(unit, added=sorted(current - stored), removed=sorted(stored - current))


def _apply_one(current: set[Discussion], event: ProductDiscussion | Tombstone) -> str:
    """Add or withdraw; returns the event's outcome."""
    before = set(current)
    if isinstance(event, ProductDiscussion):
        current.add((_month(event), event.product))
        return "repeated" if current == before else "new"
    month = _month(event)
    current -= {one for one in before if one[0] == month and event.identity in (None, f"{event.key} {one[1]}")}
    return "repeated" if current == before else "withdrawn"


async def _store(unit: UnitOfWork, *, added: list[Discussion], removed: list[Discussion]) -> None:
    for statement, discussions in ((_ADD, added), (_REMOVE, removed)):
        if discussions:
            await unit.connection.execute(statement, _columns(discussions))
    signs = [1] * len(added) + [-1] * len(removed)
    months, products = _columns(added + removed)
    parameters = {"months": months, "products": products, "signs": binary.Int8Array.of(signs)}
    for statement in _REATTRIBUTE:
        await unit.connection.execute(statement, parameters)


def _columns(discussions: Sequence[Discussion]) -> list[binary.Array]:
    months, products = zip(*discussions, strict=True)
    return [binary.DateArray.of(list(map(binary.days, months))), binary.TextArray.of(products)]


def _month(event: ProductDiscussion | Tombstone) -> date:
    try:
        return date.fromisoformat(f"{event.key}-01")
    except ValueError as error:
        raise RejectedEvent(f"the key {event.key!r} is not a month: expected YYYY-MM") from error
