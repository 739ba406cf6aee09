"""JSON: one object a line (NDJSON), or a document with an array of them, read element by element."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from producers.sources.streams import ByteFile, Lines
from producers.sources.table import (
    BATCH_ROWS,
    Broken,
    Names,
    ObjectBatch,
    Unreadable,
    refuse_sheet,
)

#: One element of an array may not be longer than this.
_ELEMENT_BYTES: Final = 16_000_000

#: Decimal keeps a number's digits, where a float would round them.
decode_json = msgspec.json.Decoder(float_hook=Decimal).decode


class NdjsonSource:
    """A file of JSON lines; it has no header."""

    def __init__(self, file: ByteFile) -> None:
        self._file = file

    def table(self, sheet: str | None, columns: Sequence[Names]) -> "NdjsonTable":  # noqa: ARG002 (no header)
        refuse_sheet(self._file.name, sheet)
        return NdjsonTable(self._file)

    def close(self) -> None:
        self._file.close()


class NdjsonTable:
    """The objects of an NDJSON file."""

    def __init__(self, file: ByteFile) -> None:
        self._file = file
        self._lines = Lines(file)
        self.size = file.size
        self.position = file.position

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[ObjectBatch]:
        number = 0
        while True:
            batch, read = ObjectBatch(), 0
            for line in self._lines.read():
                number += 1
                if not line.isspace():
                    _add(batch, number, line)
                read += len(line)
                if len(batch.rows) >= rows or read > _ELEMENT_BYTES:
                    yield batch
                    batch, read = ObjectBatch(), 0
            if batch.rows or batch.broken:
                yield batch
            if self._file.ended:
                return
            yield ObjectBatch()  # it may grow

    def place(self, number: int) -> str:
        return f"line {number}"


def _add(batch: ObjectBatch, number: int, line: str) -> None:
    try:
        batch.add(number, decode_json(line), line)
    except (ValueError, RecursionError) as error:
        batch.broken.append((number, Broken(f"the line is not JSON: {error}", line)))


class JsonSource:
    """A JSON document: an array of objects, objects one after the other, or an object with an array somewhere in it.

    Args:
        records: Where the array is, as a path of names: `data`, `result.items`; None: at the top.
    """

    def __init__(self, file: ByteFile, records: str | None = None) -> None:
        self._file = file
        self._records = records

    def table(self, sheet: str | None, columns: Sequence[Names]) -> "JsonTable":  # noqa: ARG002 (no header)
        refuse_sheet(self._file.name, sheet)
        return JsonTable(self._file, self._records)

    def close(self) -> None:
        self._file.close()


class JsonTable:
    """The elements of the array; one batch of them is in memory at a time."""

    def __init__(self, file: ByteFile, records: str | None) -> None:
        self._file = file
        self._records = records
        self.size = file.size
        self.position = file.position

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[ObjectBatch]:
        batch = ObjectBatch()
        for number, value in enumerate(self._elements(), start=1):
            batch.add(number, value, str(value)[:1000])
            if len(batch.rows) >= rows:
                yield batch
                batch = ObjectBatch()
        if batch.rows or batch.broken:
            yield batch

    def place(self, number: int) -> str:
        return f"element {number}"

    def _elements(self) -> Iterator[object]:
        import ijson  # noqa: PLC0415 (a tenth of a second)

        bounded = _Bounded(self._file)
        prefix = f"{self._records}.item" if self._records else "item" if bounded.begins_with(b"[") else ""
        try:
            for value in ijson.items(bounded, prefix, multiple_values=True):
                bounded.since_element = 0
                yield value
        except (ijson.JSONError, UnicodeDecodeError) as error:
            raise Unreadable(f"{self._file.name} is not JSON, or is cut off: {error}") from error


class _Bounded:
    """Refuses to read on when one element takes more memory than any row can need."""

    def __init__(self, file: ByteFile) -> None:
        self._file = file
        self._start = b""
        self.since_element = 0

    def begins_with(self, character: bytes) -> bool:
        """Look at the first byte that is neither white space nor a byte order mark."""
        while block := self._file.read(4096) or b"":
            self._start += block.removeprefix(b"\xef\xbb\xbf") if not self._start else block
            if text := self._start.lstrip():
                return text.startswith(character)
        return False

    def read(self, size: int = -1) -> Any:
        if size == 0:  # asked for the type of what will come
            return b""
        start, self._start = self._start, b""
        block = start or self._file.read(min(size, 65_536) if size > 0 else size) or b""
        self.since_element += len(block)
        if self.since_element > _ELEMENT_BYTES:
            raise Unreadable(f"{self._file.name} has an element of more than {_ELEMENT_BYTES:,} bytes")
        return block
