"""Who was forgotten stays forgotten when the topics are read again, whatever is left of the tombstone by then.

With each tombstone go marks: how far every topic had been read. What stands before a mark and names the customer is
read as the anonymous customer's, or as withdrawn; what stands after it is told of somebody new under the same id.
Table forgotten_customers knows ids by their hashes only.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec
from psycopg import AsyncConnection

from events import topics
from events.identity import canonical_id
from stream_processors.chunks import Record

_REMEMBER: Final = """
    INSERT INTO forgotten_customers (customer_hash, topic, partition, topic_id, before_offset, anonymous_id)
    SELECT
        %(hash)s, topic, partition, topic_id,
        CASE WHEN topic = %(tombstones)s AND partition = %(partition)s THEN %(tombstone)s + 1 ELSE next_offset END,
        %(anonymous)s
    FROM positions
    WHERE retired_at IS NULL AND topic = ANY(%(topics)s)
    ON CONFLICT DO NOTHING
"""
_RECALL: Final = """
    SELECT f.anonymous_id
    FROM forgotten_customers AS f JOIN positions AS p USING (topic, partition, topic_id)
    WHERE p.retired_at IS NULL AND f.customer_hash = %(hash)s
        AND f.topic = %(tombstones)s AND f.partition = %(partition)s AND f.before_offset = %(tombstone)s + 1
"""
_AHEAD: Final = """
    SELECT f.topic, f.partition, f.customer_hash, f.before_offset, f.anonymous_id
    FROM forgotten_customers AS f JOIN positions AS p USING (topic, partition, topic_id)
    WHERE p.retired_at IS NULL AND p.next_offset < f.before_offset
    ORDER BY f.before_offset
"""
#: What may name a customer; refused records do so in any partition.
_TOPICS: Final = [topic.name for topic in topics.ALL if topic.customer_keyed or topic is topics.REJECTED_EVENTS]
_TOLD_ID: Final = re.compile(rb'"customer_id"\s*:\s*("(?:[^"\\]|\\.)*"|[^\s,}]+)')


def customer_hash(customer_id: str) -> bytes:
    """What forgotten_customers knows of an id."""
    return sha256(b"forgotten " + customer_id.encode(errors="surrogatepass")).digest()


class Tombstone:
    """A customer's tombstone, and what is remembered of it.

    Args:
        partition: Partition number of the customer.
        offset: Its place on topic customers.
    """

    def __init__(self, customer_id: str, partition: int, offset: int) -> None:
        self._parameters = {
            "hash": customer_hash(customer_id),
            "partition": partition,
            "tombstones": topics.CUSTOMERS.name,
            "tombstone": offset,
            "topics": _TOPICS,
        }

    async def recall(self, connection: AsyncConnection[Any]) -> tuple[str | None] | None:
        """Who took over when it was read for the first time; None when that is now."""
        return await (await connection.execute(_RECALL, self._parameters)).fetchone()

    async def remember(self, connection: AsyncConnection[Any], anonymous: str | None) -> None:
        """Note who takes over, and how far the topics have been read."""
        await connection.execute(_REMEMBER, {**self._parameters, "anonymous": anonymous})


class Forgotten:
    """The marks that are still ahead of where the topics are read: none, unless they are read again."""

    def __init__(self, rows: Iterable[tuple[str, int, bytes, int, str | None]] = ()) -> None:
        # By place and customer, in order: an offset, and who takes over what stands before it; nobody where None.
        self._marks: defaultdict[tuple[str, int], dict[bytes, list[tuple[int, str | None]]]] = defaultdict(dict)
        for topic, partition, customer, before, anonymous in rows:
            self._marks[topic, partition].setdefault(bytes(customer), []).append((before, anonymous))

    @classmethod
    async def load(cls, connection: AsyncConnection[Any]) -> "Forgotten":
        """Read the marks, within a unit of work."""
        return cls(await (await connection.execute(_AHEAD)).fetchall())

    def heirs(
        self, topic: str, partition: int, customer_ids: Sequence[str], offsets: Sequence[int]
    ) -> Mapping[int, str | None]:
        """Who takes over which facts: place to anonymous id, or to None where the fact is withdrawn."""
        marks = self._marks.get((topic, partition))
        if not marks:
            return {}
        of_customers = {one: marks.get(customer_hash(one), ()) for one in set(customer_ids)}
        found: dict[int, str | None] = {}
        for place, (customer_id, offset) in enumerate(zip(customer_ids, offsets, strict=True)):
            for before, heir in of_customers[customer_id]:
                if offset < before:
                    found[place] = heir
                    break
        return found

    def names_one(self, topic: str, partition: int, record: Record, cells: Iterable[str | None] = ()) -> bool:
        """Whether what was refused is of or about somebody who was forgotten after it was told.

        Args:
            cells: Those of a refused row of a source.
        """
        marks = self._marks.get((topic, partition))
        if not marks:
            return False
        told = [cell for cell in cells if cell is not None] or _told_ids(record)
        named = {canonical_id(one) for one in told if one.strip()}
        return any(record.offset < marks[one][-1][0] for one in map(customer_hash, named) if one in marks)


def _told_ids(record: Record) -> list[str]:
    """What may be customer ids in a record that may be anything."""
    told = [] if record.key is None else [record.key.decode(errors="replace")]
    for found in _TOLD_ID.findall(record.value or b""):
        try:
            told.append(str(msgspec.json.decode(found)))
        except (msgspec.DecodeError, UnicodeDecodeError):
            told.append(found.decode(errors="replace"))
    return told
