"""CSV: commas, a header in the first line; quoted cells may hold commas and line breaks."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from events.errors import UsageError
from producers.sources.table import Broken, Row, check_header, refuse_sheet
from producers.sources.text import TextFile


class CsvSource:
    """A CSV file; its only table has no name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._header = _read_header(path)

    def table(self, sheet: str | None, columns: Sequence[str]) -> "CsvTable":
        refuse_sheet(self._path, sheet)
        check_header(str(self._path), self._header, columns)
        return CsvTable(self._path, self._header)


class CsvTable:
    """The records of a CSV file; one record is in memory at a time."""

    def __init__(self, path: Path, header: Sequence[str]) -> None:
        self._file = TextFile(path)
        self._header = header
        self.size = self._file.size
        self.position = self._file.position

    def rows(self) -> Iterator[Row]:
        header, width = self._header, len(self._header)
        with closing(self._file.lines()) as lines:
            reader = csv.reader(lines, strict=True)
            next(reader)
            while True:
                number = reader.line_num + 1
                try:
                    for values in reader:
                        if len(values) == width and values[0].strip():  # nearly always, and never an empty row
                            yield number, dict(zip(header, values, strict=True))
                        elif any(value.strip() for value in values):
                            yield number, _uneven(header, values)
                        number = reader.line_num + 1
                    return
                except csv.Error as error:
                    yield number, Broken(f"the line is not CSV: {error}", self._file.line)

    def place(self, number: int) -> str:
        return f"line {number}"


def _uneven(header: Sequence[str], values: list[str]) -> dict[str, str] | Broken:
    """A row of another width than the header: some programs leave trailing commas out, or add some."""
    if any(value.strip() for value in values[len(header) :]):
        reason = f"{len(values)} cells are more than the {len(header)} columns: is a comma not quoted?"
        return Broken(reason, ",".join(values))
    return dict(zip(header, values, strict=False))


def _read_header(path: Path) -> tuple[str, ...]:
    with closing(TextFile(path).lines()) as lines:
        try:
            header = next(csv.reader(lines, strict=True), [])
        except csv.Error as error:
            raise UsageError(f"{path}, line 1: the header is not CSV: {error}") from error
    if not any(header):
        raise UsageError(f"{path} is empty: expected the names of the columns in line 1")
    return tuple(name.strip() for name in header)
