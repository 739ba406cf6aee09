"""Parquet, through pyarrow (the extra `parquet`): row groups read in batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from events.errors import UsageError
from producers.sources.streams import ByteFile
from producers.sources.table import (
    BATCH_ROWS,
    Broken,
    Cell,
    Cells,
    Header,
    Names,
    Unreadable,
    find_columns,
    refuse_sheet,
)

#: Of each column; otherwise a row group is read as a whole, however large.
_BUFFER_BYTES: Final = 1 << 20

#: A year above 9999, nanoseconds within a list, a zone that nobody knows.
_BEYOND_PYTHON: Final = (ValueError, OverflowError, LookupError)


class ParquetSource:
    """An open Parquet file; its only table has no name."""

    def __init__(self, file: ByteFile) -> None:
        try:
            from pyarrow import ArrowException, parquet  # noqa: PLC0415 (an extra)
        except ModuleNotFoundError:
            raise UsageError(f"{file.name}: Parquet needs an extra: pip install 'live-customer-360[parquet]'") from None
        self._file = file
        try:
            self._parquet = parquet.ParquetFile(file.seekable_raw, pre_buffer=False, buffer_size=_BUFFER_BYTES)
        except (ArrowException, OSError) as error:
            raise UsageError(f"{file.name} is not Parquet: {str(error).splitlines()[0]}") from error

    def table(self, sheet: str | None, columns: Sequence[Names]) -> "ParquetTable":
        refuse_sheet(self._file.name, sheet)
        header = find_columns(self._file.name, self._parquet.schema_arrow.names, columns)
        return ParquetTable(self._file.name, self._parquet, header)

    def close(self) -> None:
        self._parquet.close()
        self._file.close()


class ParquetTable:
    """The rows of a Parquet file."""

    def __init__(self, name: str, parquet: Any, header: Header) -> None:
        self._name = name
        self._parquet = parquet
        self._header = header
        self._read = 0
        self.size = parquet.metadata.num_rows

    def position(self) -> int:
        return self._read

    def batches(self, rows: int = BATCH_ROWS) -> Iterator["ColumnBatch"]:
        from pyarrow import ArrowException  # noqa: PLC0415 (an extra)

        try:
            for arrow in self._parquet.iter_batches(batch_size=rows):
                batch = ColumnBatch(self._header, arrow, list(range(self._read + 1, self._read + len(arrow) + 1)))
                self._read += len(arrow)
                yield batch
        except (ArrowException, OSError) as error:
            raise Unreadable(f"{self._name} is damaged: {str(error).splitlines()[0]}") from error

    def place(self, number: int) -> str:
        return f"row {number}"


@dataclass(slots=True)
class ColumnBatch:
    """Rows by column, each converted when it is asked for."""

    header: Header
    arrow: Any
    numbers: list[int]
    broken: Sequence[tuple[int, Broken]] = field(default=())

    def column(self, names: Names) -> Sequence[Cell]:
        return _cells(self.arrow.column(self.header.places[names]))

    def row(self, place: int) -> Cells:
        row = self.arrow.slice(place, 1)
        return {name: _cells(row.column(index))[0] for index, name in enumerate(self.header.names)}


def _cells(column: Any) -> list[Cell]:
    """Python's values; times to the microsecond, which is all that Python's have."""
    import pyarrow as pa  # noqa: PLC0415 (an extra)

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if (rougher := _of_microseconds(column.type)) is not None:
        column = column.cast(rougher, safe=False)
    try:
        cells = column.to_pylist()
    except _BEYOND_PYTHON:
        cells = [_cell(scalar) for scalar in column]
    return [cell.decode(errors="surrogateescape") if isinstance(cell, bytes) else cell for cell in cells]


def _cell(scalar: Any) -> Cell:
    """One value; where Python has none for it, a text that no field but text accepts."""
    try:
        cell: Cell = scalar.as_py()
    except _BEYOND_PYTHON:
        return f"a {scalar.type} that can't be read"
    return cell


def _of_microseconds(kind: Any) -> Any:
    """The type to cast to, of times in nanoseconds."""
    import pyarrow as pa  # noqa: PLC0415 (an extra)

    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", kind.tz)
    if pa.types.is_duration(kind) and kind.unit == "ns":
        return pa.duration("us")
    return pa.time64("us") if pa.types.is_time64(kind) and kind.unit == "ns" else None
