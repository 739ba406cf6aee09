"""Identities for rows whose source has none: what a row says, and how often it was said before.

Two identical rows of a source are two facts, told apart by their ordinal. Because only content and ordinal count, a
file that is replayed again, sorted anew or exported longer gives the same ids.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import cast
from uuid import UUID

from events.identity import derived_id, fact_id


class Ordinals:
    """Counts identical rows during one replay of one source.

    Memory: 100 to 150 bytes per distinct row (16 bytes of hash in a `bytes` object, and its place in a dict), so at
    most 150 MB per million rows that need an ordinal. Rows that bring their own id need none.
    """

    def __init__(self) -> None:
        self._seen: dict[bytes, int] = {}

    def next(self, content: bytes) -> int:
        """How many rows with this hash came before."""
        ordinal = self._seen.get(content, 0)
        self._seen[content] = ordinal + 1
        return ordinal


def interaction_id(ordinals: Ordinals, source: str, values: Mapping[str, object]) -> str:
    """The event_id of an interaction without one, in a time-local form (see `derived_id`).

    Args:
        values: The interaction's fields, cleaned; those that are left out count as their default.
    """
    occurred_at = cast(datetime, values["occurred_at"])
    content = (
        source,
        values["customer_id"],
        values["channel"],
        values.get("product"),
        values.get("count", 1),
        values.get("revenue"),
    )
    first = derived_id(occurred_at, *content, ordinal=0)
    ordinal = ordinals.next(bytes.fromhex(first.replace("-", "")))
    return first if ordinal == 0 else derived_id(occurred_at, *content, ordinal=ordinal)


def reject_id(ordinals: Ordinals, source: str, stream: str, row: Mapping[str, str | None]) -> str:
    """The id of a rejected row, whatever place it stands at."""
    content = (source, stream, *sorted(row.items()))
    ordinal = ordinals.next(fact_id(repr(content)))
    return str(UUID(bytes=fact_id(repr((*content, ordinal)))))
