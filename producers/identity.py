"""Identities for rows whose source has none: what a row says, and how often it was said before.

Two identical rows of a source are two facts, told apart by their ordinal. Because only content and ordinal count, a
file that is replayed again, sorted anew or exported longer gives the same ids. A source with a natural key (a day, an
account and a channel) has one fact per key instead, and its later rows correct earlier ones.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from itertools import repeat
from typing import Final
from uuid import UUID

from events.identity import derived_id, fact_id

#: Hashes that are kept in memory, about 120 bytes each; more of them go to a temporary file on disk.
_IN_MEMORY: Final = 2_000_000


class Ordinals:
    """Counts identical rows during one replay of one source.

    Memory: about 120 bytes per distinct row (16 bytes of hash in a `bytes` object, and its place in a dict), so at most
    250 MB; what comes after the first two million is kept in a temporary file, at a fifth of the speed. Rows that bring
    their own id need none.
    """

    def __init__(self, *, in_memory: int = _IN_MEMORY) -> None:
        self._seen: dict[bytes, int] = {}
        self._in_memory = in_memory
        self._overflow: _Overflow | None = None

    def next_of_all(self, contents: Sequence[bytes]) -> Sequence[int]:
        """How many rows with each of these hashes came before it."""
        fresh = dict.fromkeys(contents, 1)
        if (
            len(fresh) == len(contents)
            and len(self._seen) + len(fresh) <= self._in_memory
            and self._seen.keys().isdisjoint(fresh)
        ):
            self._seen.update(fresh)
            return [0] * len(contents)
        return [self.next(content) for content in contents]

    def next(self, content: bytes) -> int:
        """How many rows with this hash came before."""
        ordinal = self._seen.get(content, 0)
        if ordinal == 0 and len(self._seen) >= self._in_memory:
            self._overflow = self._overflow or _Overflow()
            return self._overflow.next(content)
        self._seen[content] = ordinal + 1
        return ordinal


class _Overflow:
    """The counts that memory has no room for; SQLite removes the file when the replay ends."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE seen (content BLOB PRIMARY KEY, rows INTEGER) WITHOUT ROWID")

    def next(self, content: bytes) -> int:
        row = self._database.execute(
            "INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET rows = rows + 1 RETURNING rows - 1", [content]
        ).fetchall()
        return int(row[0][0])


def content_ids(
    ordinals: Ordinals, source: str, moments: Sequence[datetime], columns: Sequence[Sequence[object]]
) -> list[str]:
    """The ids of facts that have none, in the time-local form of `events.identity.derived_id`.

    The same as `derived_id` at half of its cost, which is the largest of a replay.

    Args:
        columns: The fields of the facts, cleaned, in a fixed order; those that are left out are their default.
    """
    contents = zip(repeat(source, len(moments)), *columns, repeat(0), strict=False)  # with the ordinal 0
    hashes = [
        # The milliseconds are exact: in our centuries, a float keeps microseconds to less than a half.
        (round(moment.timestamp() * 1e6) // 1000 & 0xFFFF_FFFF_FFFF).to_bytes(6, "big")
        + blake2b(repr(content).encode(), digest_size=10).digest()
        for moment, content in zip(moments, contents, strict=True)
    ]
    ids = _spelled(hashes)
    for place, ordinal in enumerate(ordinals.next_of_all(hashes)):
        if ordinal:
            ids[place] = derived_id(moments[place], source, *(column[place] for column in columns), ordinal=ordinal)
    return ids


def key_ids(moments: Sequence[datetime] | None, keys: Iterable[tuple[object, ...]]) -> list[str]:
    """The ids of facts that have a natural key.

    Args:
        moments: When they happened, if that is a part of the key: then the ids are time-local.
        keys: Source and parts of each key.
    """
    if moments is None:
        return [str(UUID(bytes=fact_id(repr(key)))) for key in keys]
    return [derived_id(moment, *key, ordinal=0) for moment, key in zip(moments, keys, strict=True)]


def reject_id(ordinals: Ordinals, source: str, stream: str, row: Mapping[str, str | None]) -> str:
    """The id of a rejected row, whatever place it stands at."""
    content = (source, stream, *sorted(row.items()))
    ordinal = ordinals.next(fact_id(repr(content)))
    return str(UUID(bytes=fact_id(repr((*content, ordinal)))))


_VERSION: Final = bytes(0x80 | byte & 0x0F for byte in range(256))
_VARIANT: Final = bytes(0x80 | byte & 0x3F for byte in range(256))


def _spelled(hashes: Sequence[bytes]) -> list[str]:
    """Version 8 UUIDs in their text form; all of them at once, digit by digit."""
    raw = _with_fixed_bits(hashes)
    digits = raw.hex().encode()
    text = bytearray(b"-" * 36 * len(hashes))
    for place in range(32):
        hyphens = (place >= 8) + (place >= 12) + (place >= 16) + (place >= 20)
        text[place + hyphens :: 36] = digits[place::32]
    spelled = text.decode()
    return [spelled[start : start + 36] for start in range(0, len(spelled), 36)]


def _with_fixed_bits(hashes: Sequence[bytes]) -> bytearray:
    """The bytes of version 8 UUIDs: `derived_id` takes the first hash digit away, and begins its second half anew."""
    raw = bytearray(b"".join(hashes))
    raw[6::16] = raw[6::16].translate(_VERSION)
    raw[8::16] = raw[8::16].translate(_VARIANT)
    return raw
