"""Where rows come from. `open_source` picks the reader by the file's suffix; `table` says what a reader gives."""

from pathlib import Path

from events.errors import UsageError
from producers.sources.csv_file import CsvSource
from producers.sources.excel import ExcelSource
from producers.sources.ndjson import NdjsonSource
from producers.sources.table import Broken, Cell, Cells, Row, Source, Table

__all__ = ["Broken", "Cell", "Cells", "Row", "Source", "Table", "check_file", "open_source"]

_READERS: dict[str, type[CsvSource] | type[ExcelSource] | type[NdjsonSource]] = {
    ".csv": CsvSource,
    ".xlsx": ExcelSource,
    ".ndjson": NdjsonSource,
    ".jsonl": NdjsonSource,
}


def open_source(path: Path) -> Source:
    """Open a file for reading its tables.

    Raises: UsageError when there is no such file, or when it is not what its suffix says.
    """
    check_file(path)
    try:
        return _READERS[path.suffix.lower()](path)
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror or error}") from error


def check_file(path: Path) -> None:
    """Raises: UsageError when there is no such file, or none of a kind that can be read."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder: name a file in it")
    if not path.exists():
        raise UsageError(f"there is no file {path}")
    if path.suffix.lower() not in _READERS:
        raise UsageError(f"{path}: files of this kind can't be read: expected one of {', '.join(_READERS)}")
