"""Excel workbooks (.xlsx): sheets by name, the header in the first row that is not empty.

Numbers arrive as floats (an id of 1 as 1.0), cells formatted as dates as dates, formulas as the value that was stored
with them, and cells in error (#N/A) as empty. A sheet is in memory while it is read, with all cells between its first
and its last one; so workbooks whose sheets would not fit are refused before they are opened.
"""

import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import IO, Any, Final

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from events.errors import UsageError
from producers.sources.streams import ByteFile
from producers.sources.table import BATCH_ROWS, Cell, ListBatch, Names, find_columns

#: Of a sheet; 20 million cells take about a gigabyte while they are read.
_MOST_CELLS: Final = 20_000_000

#: Of all parts of a workbook together, unpacked.
_MOST_BYTES: Final = 2_000_000_000

_CELL: Final = re.compile(rb'<(?:\w+:)?c\b[^>]*?\br="([A-Z]{1,3})(\d{1,7})"')
_BLOCK: Final = 1 << 20
_LONGEST_TAG: Final = 200


class ExcelSource:
    """An open workbook."""

    def __init__(self, file: ByteFile) -> None:
        self._file = file
        self._copy = _local_copy(file)
        try:
            _refuse_bombs(file.name, self._copy)
            self._copy.seek(0)
            self._workbook = CalamineWorkbook.from_filelike(self._copy)
        except (CalamineError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
            self._copy.close()
            raise UsageError(f"{file.name} is not a workbook that can be read: {error}") from error
        except BaseException:
            self._copy.close()
            raise

    def table(self, sheet: str | None, columns: Sequence[Names]) -> "ExcelTable":
        return ExcelTable(self._file.name, self._load(sheet), columns)

    def close(self) -> None:
        self._workbook.close()
        self._copy.close()
        self._file.close()

    def _load(self, sheet: str | None) -> CalamineSheet:
        names = self._workbook.sheet_names
        existing = ", ".join(repr(name) for name in names) or "none"
        if sheet is None and len(names) != 1:
            raise UsageError(f"{self._file.name} has several sheets: let the mapping name one with `sheet`: {existing}")
        name = names[0] if sheet is None else sheet
        if name not in names:
            raise UsageError(f"{self._file.name} has no sheet {name!r}: its sheets are {existing}")
        try:
            return self._workbook.get_sheet_by_name(name)
        except CalamineError as error:
            raise UsageError(f"{self._file.name}, sheet {name!r} can't be read: {error}") from error


class ExcelTable:
    """The rows of one sheet below its header."""

    def __init__(self, file_name: str, sheet: CalamineSheet, columns: Sequence[Names]) -> None:
        self._sheet = sheet
        self._position = 0
        self.name = sheet.name
        self.size = sheet.end[0] + 1 if sheet.end else 0
        self._header_row, names = _find_header(sheet)
        self._header = find_columns(f"{file_name}, sheet {self.name!r}", names, columns)

    def position(self) -> int:
        return self._position

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[ListBatch]:
        batch = ListBatch(self._header)
        for number, values in enumerate(self._sheet.iter_rows(), start=1):
            self._position = number
            if number > self._header_row and not _is_empty(values):
                batch.numbers.append(number)
                batch.rows.append(values)
                if len(batch.rows) >= rows:
                    yield batch
                    batch = ListBatch(self._header)
        if batch.rows:
            yield batch

    def place(self, number: int) -> str:
        return f"sheet {self.name!r}, row {number}"


def _find_header(sheet: CalamineSheet) -> tuple[int, tuple[str, ...]]:
    """Row number and names of the first row that is not empty; (0, ()) when all are."""
    for number, values in enumerate(sheet.iter_rows(), start=1):
        if not _is_empty(values):
            return number, tuple(str(value).strip() for value in values)
    return 0, ()


def _is_empty(values: Sequence[Cell]) -> bool:
    return all(value == "" or (isinstance(value, str) and value.isspace()) for value in values)


def _local_copy(file: ByteFile) -> IO[bytes]:
    """A workbook is read from its end: one that comes in a stream is kept in a temporary file first."""
    copy = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the source)
    shutil.copyfileobj(file, copy)
    return copy


def _refuse_bombs(name: str, workbook: IO[bytes]) -> None:
    """Look for what would not fit into memory, in constant memory.

    Raises: UsageError naming the sheet.
    """
    with zipfile.ZipFile(workbook) as archive:
        parts = archive.infolist()
        if sum(part.file_size for part in parts) > _MOST_BYTES:
            raise UsageError(f"{name} unpacks to more than {_MOST_BYTES:,} bytes: it is not opened")
        for part in parts:
            if part.filename.startswith("xl/worksheets/") and part.filename.endswith(".xml"):
                with archive.open(part) as sheet:
                    _refuse_area(f"{name}, {part.filename}", sheet)


def _refuse_area(place: str, sheet: Any) -> None:
    rest, top, bottom, left, right = b"", 1 << 30, 0, 1 << 30, 0
    while block := sheet.read(_BLOCK):
        text = rest + block
        cells = _CELL.findall(text)
        if cells:
            rows = [int(row) for _, row in cells]
            columns = [_column_number(letters) for letters in {letters for letters, _ in cells}]
            top, bottom = min(top, *rows), max(bottom, *rows)
            left, right = min(left, *columns), max(right, *columns)
            if (bottom - top + 1) * (right - left + 1) > _MOST_CELLS:
                raise UsageError(
                    f"{place} reaches over {bottom:,} rows and {right:,} columns: remove what stands far outside"
                )
        rest = text[-_LONGEST_TAG:]


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
