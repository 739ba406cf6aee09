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

#: Longer numbers end the process in ijson's C library, which takes Python's refusal for an answer.
_MOST_DIGITS: Final = 4_000
_LONG_NUMBER: Final = b"0" * _MOST_DIGITS
_ANY_DIGIT: Final = bytes.maketrans(b"123456789", b"000000000")

#: ijson keeps the path of every level: deep nesting costs it the square of the depth in memory.
_MOST_LEVELS: Final = 64

_NO_MARKS: Final = bytes(byte for byte in range(256) if byte not in b'"[]{}')

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
            # The library says more in further lines, some of them bytes.
            reason = str(error).removeprefix("b'").replace("\\n", "\n").splitlines()[0]
            raise Unreadable(f"{self._file.name} is not JSON, or is cut off: {reason}") from error


class _Bounded:
    """Refuses to read on when one element takes more memory than any row can need, or what ijson does not survive."""

    def __init__(self, file: ByteFile) -> None:
        self._file = file
        self._start = b""
        self._end = b""
        self._nesting = _Nesting()
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
        self._refuse_long_numbers(block)
        if self._nesting.levels(block) > _MOST_LEVELS:
            raise Unreadable(f"{self._file.name} is nested more than {_MOST_LEVELS} levels deep")
        return block

    def _refuse_long_numbers(self, block: bytes) -> None:
        text = self._end + block.translate(_ANY_DIGIT)
        if _LONG_NUMBER in text:
            raise Unreadable(f"{self._file.name} has a number of more than {_MOST_DIGITS:,} digits")
        self._end = text[-_MOST_DIGITS:]


class _Nesting:
    """How deep the arrays and objects of a document are nested, block after block of it."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._backslashes = b""

    def levels(self, block: bytes) -> int:
        """The greatest depth within a block: at least half of it, at most twice of it."""
        brackets = self._brackets(block)
        pairs = 0
        while pairs <= _MOST_LEVELS and (left := brackets.replace(b"[]", b"").replace(b"{}", b"")) != brackets:
            brackets, pairs = left, pairs + 1
        opened = brackets.count(b"[") + brackets.count(b"{")
        before = self._depth
        self._depth += 2 * opened - len(brackets)
        return max(before, self._depth) + pairs

    def _brackets(self, block: bytes) -> bytes:
        """The brackets that are not part of a text."""
        text = self._backslashes + block
        self._backslashes = text[len(text.rstrip(b"\\")) :]  # what they escape is in the next block
        text = text[: len(text) - len(self._backslashes)]
        marks = text.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, delete=_NO_MARKS)
        parts = marks.replace(b'""', b"").split(b'"')  # what stood between two of them is gone, on either side
        outside = b"".join(parts[self._in_string :: 2])
        self._in_string ^= len(parts) % 2 == 0
        return outside
