"""Identities for rows whose source has none: what a row says, and how often it was said before.

Two identical rows of a source are two facts, told apart by their ordinal. Because only content and ordinal count, a
file that is replayed again, sorted anew or exported longer gives the same ids. A source with a natural key (a day, an
account and a channel) has one fact per key instead, and its later rows correct earlier ones.
"""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import repeat
from operator import floordiv, sub
from struct import pack
from typing import Final
from uuid import UUID

from events.identity import derived_id, fact_id

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

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


@dataclass(frozen=True, slots=True)
class Same:
    """A column with one value in all rows."""

    value: object

    def __getitem__(self, _: int) -> object:
        return self.value


def content_ids(
    ordinals: Ordinals, source: str, moments: Sequence[datetime], columns: Sequence[Sequence[object] | Same]
) -> list[str]:
    """The ids of facts that have none, in the time-local form of `events.identity.derived_id`.

    The same as `derived_id` at a third of its cost, which is the largest of a replay.

    Args:
        columns: The fields of the facts, cleaned, in a fixed order; those that are left out are their default.
    """
    raw = _hashed(moments, _contents(source, columns, len(moments)))
    ids = _spelled(raw)
    for place, ordinal in enumerate(ordinals.next_of_all([raw[at : at + 16] for at in range(0, len(raw), 16)])):
        if ordinal:
            ids[place] = derived_id(moments[place], source, *(column[place] for column in columns), ordinal=ordinal)
    return ids


def _hashed(moments: Sequence[datetime], contents: Iterable[str]) -> bytes:
    """16 bytes per fact: 6 of its milliseconds, 10 of its content's hash; put together byte by byte for all at once."""
    stamps = pack(f">{len(moments)}q", *map(floordiv, map(sub, moments, repeat(_EPOCH)), repeat(_MILLISECOND)))
    hashes = b"".join([blake2b(content.encode(), digest_size=10).digest() for content in contents])
    raw = bytearray(16 * len(moments))
    for place in range(6):
        raw[place::16] = stamps[place + 2 :: 8]
    for place in range(10):
        raw[place + 6 :: 16] = hashes[place::10]
    return bytes(raw)


def _contents(source: str, columns: Sequence[Sequence[object] | Same], count: int) -> Iterable[str]:
    """What `derived_id` hashes for the ordinal 0, the `repr` of a tuple; what never changes of it is written once."""
    texts = [repr(column.value).replace("%", "%%") if isinstance(column, Same) else "%r" for column in columns]
    template = f"({', '.join([repr(source).replace('%', '%%'), *texts])}, 0)"
    varying = [column for column in columns if not isinstance(column, Same)]
    return map(template.__mod__, zip(*varying, strict=True)) if varying else repeat(template % (), count)


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


def _spelled(hashes: bytes) -> list[str]:
    """Version 8 UUIDs in their text form; all of them at once, digit by digit."""
    raw = bytearray(hashes)
    # As `derived_id` does, which takes the first hash digit away, and begins its second half anew.
    raw[6::16] = raw[6::16].translate(_VERSION)
    raw[8::16] = raw[8::16].translate(_VARIANT)
    digits = raw.hex().encode()
    text = bytearray(b"-" * 36 * (len(raw) // 16))
    for place in range(32):
        hyphens = (place >= 8) + (place >= 12) + (place >= 16) + (place >= 20)
        text[place + hyphens :: 36] = digits[place::32]
    spelled = text.decode()
    return [spelled[start : start + 36] for start in range(0, len(spelled), 36)]
