"""Excel workbooks (.xlsx): sheets by name, the header in the first row that is not empty.

Numbers arrive as floats (an id of 1 as 1.0), cells formatted as dates as dates, formulas as the value that was stored
with them, and cells in error (#N/A) as empty. A sheet is in memory while it is read.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from events.errors import UsageError
from producers.sources.table import Cell, Row, check_header


class ExcelSource:
    """An open workbook."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._workbook = CalamineWorkbook.from_path(path)
        except CalamineError as error:
            raise UsageError(f"{path} is not a workbook that can be read: {error}") from error

    def table(self, sheet: str | None, columns: Sequence[str]) -> "ExcelTable":
        table = ExcelTable(self._load(sheet))
        check_header(f"{self._path}, sheet {table.name!r}", table.header, columns)
        return table

    def _load(self, sheet: str | None) -> CalamineSheet:
        names = self._workbook.sheet_names
        existing = ", ".join(repr(name) for name in names) or "none"
        if sheet is None and len(names) != 1:
            raise UsageError(f"{self._path} has several sheets: let the mapping name one with `sheet`: {existing}")
        name = names[0] if sheet is None else sheet
        if name not in names:
            raise UsageError(f"{self._path} has no sheet {name!r}: its sheets are {existing}")
        try:
            return self._workbook.get_sheet_by_name(name)
        except CalamineError as error:
            raise UsageError(f"{self._path}, sheet {name!r} can't be read: {error}") from error


class ExcelTable:
    """The rows of one sheet below its header."""

    def __init__(self, sheet: CalamineSheet) -> None:
        self._sheet = sheet
        self._position = 0
        self.name = sheet.name
        self.size = sheet.end[0] + 1 if sheet.end else 0
        self._header_row, self.header = _find_header(sheet)

    def position(self) -> int:
        return self._position

    def rows(self) -> Iterator[Row]:
        for number, values in enumerate(self._sheet.iter_rows(), start=1):
            self._position = number
            if number > self._header_row and not _is_empty(values):
                yield number, dict(zip(self.header, values, strict=True))

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
