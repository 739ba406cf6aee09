"""A batch of rows to the records that carry their events, and the reasons why some rows can't become any.

Column by column: each is converted and held against the contract as a whole, rows are only put together at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import compress, repeat
from typing import Any, Final, cast

import msgspec
from msgspec import UNSET

from events.contracts import MAX_EVENT_BYTES, RejectedRow, Transaction
from events.errors import RejectedEvent
from producers.columns import ColumnConverter, Fault
from producers.identity import Ordinals, Same, content_ids, key_ids, reject_id
from producers.mapping import DERIVED, MOMENT, StreamMapping
from producers.records import RecordBatch, RecordPacker
from producers.sources import Batch, Broken, Cell, Cells

_Columns = dict[str, Sequence[Any]]

#: A rejected row is cut to so many characters per cell and in all, that it is never too large to be sent itself.
CELL_LIMIT: Final = 2_000
ROW_LIMIT: Final = 100_000


@dataclass(slots=True)
class Cleaned:
    """What became of a batch: each of its rows is a record, or refused, or skipped."""

    records: RecordBatch
    #: When each record's fact happened; None for streams whose events have no time.
    moments: Sequence[datetime] | None = None
    #: Places in the batch, and why.
    refused: list[tuple[int, RejectedEvent]] = field(default_factory=list)
    #: Rows that don't feed the stream.
    skipped: int = 0

    def keep(self, kept: Sequence[bool]) -> None:
        """Let go of all other records."""
        self.records = self.records.only(kept)
        self.moments = None if self.moments is None else list(compress(self.moments, kept))


class Cleaner:
    """Turns the rows of one table into events of one stream.

    Args:
        source: The mapping's name of the source, part of derived identities.
        origin: For the `ce_source` header: a URI reference.
        ordinals: Shared by all streams of the source.
    """

    def __init__(self, mapping: StreamMapping, *, source: str, origin: str, ordinals: Ordinals) -> None:
        self._mapping = mapping
        self._source = source
        self._ordinals = ordinals
        self._fields = tuple((f.name, f.column, ColumnConverter(f.convert, f.bulk)) for f in mapping.fields)
        mapped = {id(f) for f in mapping.fields}
        self._keys_only = tuple(
            (f.name, f.column, ColumnConverter(f.convert, f.bulk)) for f in mapping.key if id(f) not in mapped
        )
        names = [*mapping.constants, *(f.name for f in mapping.fields)]
        if mapping.derives_identity:
            names.append(DERIVED[mapping.stream])
        self._packer = RecordPacker(mapping.model, names, source=origin)
        self._identity = DERIVED.get(mapping.stream, mapping.model.topic.key)
        self._content = tuple(
            (f.name, f.default) for f in msgspec.structs.fields(mapping.model) if f.name not in {self._identity, MOMENT}
        )

    def __call__(self, batch: Batch) -> Cleaned:
        cleaned = Cleaned(self._packer.nothing())
        faults: dict[int, RejectedEvent] = {}
        count = len(batch.numbers)
        feeding = self._feeding(batch)
        columns = self._converted(batch, faults)
        if feeding is not None or faults:
            kept = [(feeding is None or feeding[place]) and place not in faults for place in range(count)]
            cleaned.skipped = 0 if feeding is None else count - sum(feeding)
            cleaned.refused = [(p, error) for p, error in sorted(faults.items()) if feeding is None or feeding[p]]
            columns = {name: list(compress(column, kept)) for name, column in columns.items()}
            places: Sequence[int] = list(compress(range(count), kept))
        else:
            places = range(count)
        if places:
            self._add_records(cleaned, columns, places)
        return cleaned

    def _feeding(self, batch: Batch) -> list[bool] | None:
        if self._mapping.when is None:
            return None
        return [cell is not None and str(cell).strip() != "" for cell in batch.column(self._mapping.when)]

    def _converted(self, batch: Batch, faults: dict[int, RejectedEvent]) -> _Columns:
        """The columns by field, and of the key by column; the first fault of each row goes to `faults`."""
        columns: _Columns = {}
        for name, names, convert in (*self._fields, *self._keys_only):
            columns[name], places = convert(batch.column(names))
            for place in places:
                fault = cast(Fault, columns[name][place])
                faults.setdefault(place, RejectedEvent(fault.reason, field=f"$.{name}"))
        for name, value in self._mapping.constants.items():
            columns[name] = [value] * len(batch.numbers)
        if self._mapping.model is Transaction:
            self._require_subject(columns, faults)
        return columns

    def _require_subject(self, columns: _Columns, faults: dict[int, RejectedEvent]) -> None:
        """A transaction tells its product or its category (`events.contracts.check`)."""
        named = [columns[name] for name in ("product_id", "category") if name in columns]
        for place, values in enumerate(zip(*named, strict=True)):
            if all(value is UNSET or value is None for value in values):
                reason = "neither product_id nor category is told: at least one must be"
                faults.setdefault(place, RejectedEvent(reason, field="$.product_id"))

    def _add_records(self, cleaned: Cleaned, columns: _Columns, places: Sequence[int]) -> None:
        if self._mapping.derives_identity:
            columns[self._identity] = self._derived(columns)
        cleaned.records = self._packer.pack(columns)
        cleaned.moments = columns.get(MOMENT)
        if max(map(len, cleaned.records.values)) > MAX_EVENT_BYTES:
            _refuse_large(cleaned, places)

    def _derived(self, columns: _Columns) -> list[str]:
        moments = columns[MOMENT]
        if key := self._mapping.key:
            local = any(part.name == MOMENT for part in key)
            parts = [columns[part.name] for part in key if part.name != MOMENT]
            return key_ids(moments if local else None, zip(repeat(self._source, len(moments)), *parts, strict=True))
        content = [self._told(columns, name, default) for name, default in self._content]
        return content_ids(self._ordinals, self._source, moments, content)

    def _told(self, columns: _Columns, name: str, default: object) -> Sequence[object] | Same:
        """A column in which what is left out is the default."""
        if name in self._mapping.constants:
            return Same(self._mapping.constants[name])
        if name not in columns:
            return Same(default)
        return [default if value is UNSET else value for value in columns[name]]


def _refuse_large(cleaned: Cleaned, places: Sequence[int]) -> None:
    sizes = [len(value) for value in cleaned.records.values]
    kept = [size <= MAX_EVENT_BYTES for size in sizes]
    for place, size in zip(places, sizes, strict=True):
        if size > MAX_EVENT_BYTES:
            reason = f"{size:,} bytes are too many: at most {MAX_EVENT_BYTES:,} are accepted"
            cleaned.refused.append((place, RejectedEvent(reason)))
    cleaned.keep(kept)


def rejected_row(
    error: RejectedEvent,
    mapping: StreamMapping,
    ordinals: Ordinals,
    *,
    source: str,
    file_name: str,
    place: str,
    cells: Cells | Broken,
) -> RejectedRow:
    """Describe a row that was refused: what it said, where it stood, and why."""
    row = _row_as_text({"line": cells.text} if isinstance(cells, Broken) else cells)
    column = mapping.column_of((error.field or "").removeprefix("$."))
    return RejectedRow(
        reject_id=reject_id(ordinals, source, mapping.stream, row),
        stream=mapping.stream,
        source=_printable(file_name).strip(),
        place=_printable(place).strip(),
        reason=_printable(error.reason).strip(),
        column=column and _printable(column),
        row=row,
    )


def _row_as_text(cells: Cells) -> dict[str, str | None]:
    row: dict[str, str | None] = {}
    room = ROW_LIMIT
    for column, cell in cells.items():
        text = None if cell is None else _printable(_cell_as_text(cell))
        name = _printable(column)
        room -= len(name) + len(text or "")
        if room < 0:
            break
        row[name] = text
    return row


def _cell_as_text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else str(cell)


def _printable(text: str) -> str:
    """Cut to what a contract accepts; NULs and bytes that are not UTF-8 made visible."""
    return text[:CELL_LIMIT].replace("\0", "␀").encode(errors="backslashreplace").decode()[:CELL_LIMIT]
