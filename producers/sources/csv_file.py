"""CSV: any delimiter and encoding; quoted cells may hold delimiters and line breaks.

The header is the first line that is not empty, unless the mapping gives it (`CsvFormat`). A delimiter that the mapping
does not name is the one of `,` `;` tab `|` that splits the header into most names, or what Excel's `sep=;` line says.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from msgspec import Struct

from events.errors import UsageError
from producers.sources.streams import ByteFile, Lines
from producers.sources.table import BATCH_ROWS, Broken, Header, ListBatch, Names, find_columns, refuse_sheet

_DELIMITERS = ",;\t|"

#: So many rows are read before it is looked at how much memory they fill.
_ROWS_PER_LOOK = 100
_BATCH_BYTES = 4_000_000


class CsvFormat(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a CSV file is written, where it does not tell by itself."""

    delimiter: str | None = None
    encoding: str | None = None
    quote: str = '"'
    #: Lines before the header.
    skip: int = 0
    #: Names of the columns, of a file that has no header.
    header: list[str] | None = None


class CsvSource:
    """An open CSV file; its only table has no name."""

    def __init__(self, file: ByteFile, form: CsvFormat | None = None) -> None:
        form = form or CsvFormat()
        self._file = file
        self._quote = form.quote
        self._lines = Lines(file, form.encoding)
        self._numbers = 0
        for _ in islice(self._lines.read(), form.skip):
            self._numbers += 1
        if form.header:
            self._delimiter = form.delimiter or ","
            self._header: Sequence[str] = form.header
        else:
            self._delimiter, self._header = self._read_header(form.delimiter)

    def table(self, sheet: str | None, columns: Sequence[Names]) -> "CsvTable":
        refuse_sheet(self._file.name, sheet)
        header = find_columns(self._file.name, self._header, columns)
        return CsvTable(self._file, self._lines, header, (self._delimiter, self._quote), self._numbers)

    def close(self) -> None:
        self._file.close()

    def _read_header(self, delimiter: str | None) -> tuple[str, tuple[str, ...]]:
        lines = self._counted()
        for line in lines:
            if told := re.fullmatch(r"sep=(.)\r?\n?", line):
                delimiter = delimiter or told[1]
            elif line.strip().strip(delimiter or _DELIMITERS):
                return self._parse_header(line, lines, delimiter)
        raise UsageError(f"{self._file.name} is empty: expected the names of the columns in line 1")

    def _parse_header(self, line: str, more: Iterator[str], delimiter: str | None) -> tuple[str, tuple[str, ...]]:
        """Read the header, of which the first line is known; it may go on in the next ones."""
        delimiter = delimiter or max(_DELIMITERS, key=lambda option: len(next(csv.reader([line], delimiter=option))))
        first = self._numbers

        def all_lines() -> Iterator[str]:
            yield line
            yield from more

        try:
            header = next(csv.reader(all_lines(), delimiter=delimiter, quotechar=self._quote, strict=True))
        except csv.Error as error:
            raise UsageError(f"{self._file.name}, line {first}: the header is not CSV: {error}") from error
        return delimiter, tuple(name.strip() for name in header)

    def _counted(self) -> Iterator[str]:
        for line in self._lines.read():
            self._numbers += 1
            yield line


class CsvTable:
    """The records of a CSV file below its header."""

    def __init__(self, file: ByteFile, lines: Lines, header: Header, marks: tuple[str, str], number: int) -> None:
        self._file = file
        self._lines = lines
        self._header = header
        self._format = dict(zip(("delimiter", "quotechar"), marks, strict=True))
        #: Lines read before the current reader began.
        self._number = number
        self._held = ""
        self.size = file.size
        self.position = file.position

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[ListBatch]:
        while True:
            yield from self._to_the_end(rows)
            if self._file.ended and not self._held:
                return
            yield ListBatch(self._header)  # it may grow

    def _to_the_end(self, rows: int) -> Iterator[ListBatch]:
        lines = self._lines.read() if self._file.ended else self._whole_records()
        reader = csv.reader(lines, strict=True, **self._format)  # type: ignore[arg-type]
        batch, started, more = ListBatch(self._header), self._file.position(), True
        while more:
            more = self._read_some(batch, reader, min(_ROWS_PER_LOOK, rows - len(batch.rows)))
            if len(batch.rows) >= rows or self._file.position() - started > _BATCH_BYTES:
                yield batch
                batch, started = ListBatch(self._header), self._file.position()
        self._number += reader.line_num
        if batch.rows or batch.broken:
            yield batch

    def _read_some(self, batch: ListBatch, reader: Any, rows: int) -> bool:
        """Add some rows to a batch. Returns: False at the end."""
        number = self._number + reader.line_num + 1
        found: list[list[str]] = []
        fault = None
        try:
            found.extend(islice(reader, rows))  # what was read before an error stays
        except csv.Error as error:
            fault = error
        after = self._number + reader.line_num + 1
        if fault is None and after - number == len(found) and self._are_plain(found):
            batch.numbers.extend(range(number, after))
            batch.rows += found
            return bool(found)
        for values in found:
            self._add_uneven(batch, number, values)
            number += 1 + sum(map(_line_breaks, values))
        if fault:
            batch.broken.append((number, Broken(f"the line is not CSV: {fault}", self._lines.line(after - 1))))
        return bool(found or fault)

    def _are_plain(self, rows: list[list[str]]) -> bool:
        """True for nearly all rows: of the header's width, and none that might be empty."""
        if set(map(len, rows)) != {len(self._header.names)}:
            return False
        first = [values[0] for values in rows]
        return "" not in first and not any(map(str.isspace, first))

    def _whole_records(self) -> Iterator[str]:
        """The lines of a file that grows, but for a record whose last line is not there yet."""
        quote = self._format["quotechar"]
        for line in self._lines.read():
            self._held += line
            if self._held.count(quote) % 2 == 0 or len(self._held) > csv.field_size_limit():
                held, self._held = self._held, ""
                yield from held.splitlines(keepends=True)
        if self._file.ended and self._held:
            held, self._held = self._held, ""
            yield from held.splitlines(keepends=True)

    def place(self, number: int) -> str:
        return f"line {number}"

    def _add_uneven(self, batch: ListBatch, number: int, values: list[str]) -> None:
        """Take a row that may be empty, or of another width: some programs leave trailing cells out, or add some."""
        if not any(value.strip() for value in values):
            return
        width = len(self._header.names)
        if any(value.strip() for value in values[width:]):
            delimiter = self._format["delimiter"]
            reason = f"{len(values)} cells are more than the {width} columns: is a {delimiter!r} not quoted?"
            batch.broken.append((number, Broken(reason, delimiter.join(values))))
        else:
            batch.numbers.append(number)
            batch.rows.append([*values[:width], *[None] * (width - len(values))])


def _line_breaks(cell: str) -> int:
    return cell.count("\n") + cell.count("\r") - cell.count("\r\n")
