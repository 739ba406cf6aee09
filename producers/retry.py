"""Rows that were refused once, sent again after their mapping was fixed.

A row is known by what `rejected_events` says of it: its cells as text. Where that is not all that the row said (long
cells are cut, bytes that are no text are spelled out), it is left alone: replay its file again.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Final
from urllib.parse import quote

from producers.cleaning import CELL_LIMIT, ROW_LIMIT
from producers.intake import Counts, Intake
from producers.mapping import Mapping
from producers.publish import Publisher
from producers.sources import BATCH_ROWS, Broken
from producers.sources.table import ObjectBatch

#: What stands for a NUL, and for a byte that is not UTF-8.
_SPELLED_OUT: Final = re.compile(r"\u2400|\\ud[c-f][0-9a-f]{2}")


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """One row as `rejected_events` has it."""

    stream: str
    place: str
    row: dict[str, str | None]

    @property
    def is_whole(self) -> bool:
        """True when its cells say all that the row said."""
        texts = [text for text in self.row.values() if text is not None]
        return (
            all(len(text) < CELL_LIMIT and not _SPELLED_OUT.search(text) for text in texts)
            and sum(map(len, (*texts, *self.row))) < ROW_LIMIT - CELL_LIMIT
        )


def retry(rows: Iterable[RefusedRow], mapping: Mapping, publisher: Publisher, *, source: str) -> Counts:
    """Publish those that are events now; the others stay as they are listed, and are counted as rejected.

    Args:
        rows: In the order in which they were refused.
        source: Name of the file that they come from.
    Raises: Unavailable.
    """
    counts = Counts()
    origin = f"file/{quote(source, errors='surrogateescape')}"
    intake = Intake(mapping, publisher, counts, name=source, origin=origin, tells_rejected=False)
    for stream, of_stream in groupby(rows, attrgetter("stream")):
        streams = [mapped for mapped in mapping.streams if mapped.stream == stream]
        for batch, places in _batches(of_stream):
            intake.take(batch, streams, places.__getitem__)
    publisher.finish()
    return counts


def _batches(rows: Iterator[RefusedRow]) -> Iterator[tuple[ObjectBatch, list[str]]]:
    batch, places = ObjectBatch(), list[str]()
    for row in rows:
        number = len(places)
        places.append(row.place)
        if row.is_whole:
            batch.numbers.append(number)
            batch.rows.append(dict(row.row))
        else:
            batch.broken.append((number, Broken("its cells were cut: replay the file again", "")))
        if len(places) == BATCH_ROWS:
            yield batch, places
            batch, places = ObjectBatch(), []
    if places:
        yield batch, places
