"""Accept what happened to the topics: that they were replaced by new ones, or lost events before they were read."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

import psycopg

_SKIP: Final = """
    UPDATE positions AS p SET next_offset = first.next_offset, skipped = skipped + first.next_offset - p.next_offset
    FROM unnest(%s::text[], %s::bigint[], %s::bigint[]) AS first (topic, partition, next_offset)
    WHERE p.topic = first.topic AND p.partition = first.partition AND p.retired_at IS NULL
        AND p.next_offset < first.next_offset
    RETURNING p.topic, p.partition, old.next_offset, new.next_offset
"""
#: A topic that lost records keeps its id: the position in what it was gets another one.
_SET_ASIDE: Final = """
    UPDATE positions AS p SET topic_id = topic_id || ' until ' || now()
    FROM unnest(%s::text[], %s::bigint[]) AS lost (topic, partition)
    WHERE p.topic = lost.topic AND p.partition = lost.partition AND p.retired_at IS NULL
"""


def adopt_topics(url: str, *, keep: Sequence[str] = (), too_short: Collection[tuple[str, int]] = ()) -> int:
    """Retire every live position, so that the processors begin the topics that are there now from their start.

    Safe for the totals: they rest on the facts in the database, and a fact that comes again is recognised. A topic
    that is still the same is read on from where it was, unless it ends before.

    Args:
        url: postgresql://user:password@host:port/database
        keep: Ids of topics whose positions stay as they are.
        too_short: Topics and partitions that end before their position.
    Returns: How many partitions were retired.
    Raises: psycopg.Error.
    """
    with psycopg.connect(url, connect_timeout=5) as connection:
        names, numbers = [topic for topic, _ in too_short], [partition for _, partition in too_short]
        connection.execute(_SET_ASIDE, [names, numbers])
        return connection.execute(
            "UPDATE positions SET retired_at = now() WHERE retired_at IS NULL AND topic_id <> ALL(%s::text[])",
            [list(keep)],
        ).rowcount


def skip_lost(url: str, first_offsets: Mapping[tuple[str, int], int]) -> list[tuple[str, int, int, int]]:
    """Go on after events that are gone from the broker and were never read; they count as skipped.

    Args:
        url: postgresql://user:password@host:port/database
        first_offsets: (topic, partition) to the first offset that the broker still has.
    Returns: What was moved: topic, partition, and the next offset before and after.
    Raises: psycopg.Error.
    """
    places = list(first_offsets)
    columns = [[topic for topic, _ in places], [partition for _, partition in places], list(first_offsets.values())]
    with psycopg.connect(url, connect_timeout=5) as connection:
        return connection.execute(_SKIP, columns).fetchall()
