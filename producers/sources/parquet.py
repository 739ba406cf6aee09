"""Parquet, through pyarrow (the extra `parquet`): row groups read in batches, only the columns that are mapped."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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


class ParquetSource:
    """An open Parquet file; its only table has no name."""

    def __init__(self, file: ByteFile) -> None:
        try:
            from pyarrow import ArrowException, parquet  # noqa: PLC0415 (an extra)
        except ModuleNotFoundError:
            raise UsageError(f"{file.name}: Parquet needs an extra: pip install 'live-customer-360[parquet]'") from None
        self._file = file
        try:
            self._parquet = parquet.ParquetFile(file.seekable_raw)
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
                columns = {name: _cells(arrow.column(index)) for index, name in enumerate(arrow.schema.names)}
                batch = ColumnBatch(self._header, columns, list(range(self._read + 1, self._read + len(arrow) + 1)))
                self._read += len(arrow)
                yield batch
        except (ArrowException, OSError) as error:
            raise Unreadable(f"{self._name} is damaged: {str(error).splitlines()[0]}") from error

    def place(self, number: int) -> str:
        return f"row {number}"


@dataclass(slots=True)
class ColumnBatch:
    """Rows by column."""

    header: Header
    columns: Mapping[str, Sequence[Cell]]
    numbers: list[int]
    broken: Sequence[tuple[int, Broken]] = field(default=())

    def column(self, names: Names) -> Sequence[Cell]:
        return self.columns[self.header.names[self.header.places[names]]]

    def row(self, place: int) -> Cells:
        return {name: cells[place] for name, cells in self.columns.items()}


def _cells(column: Any) -> list[Cell]:
    """Python's values; times to the microsecond, which is all that Python's have."""
    import pyarrow as pa  # noqa: PLC0415 (an extra)

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return [None if cell is None else cell.decode(errors="surrogateescape") for cell in column.to_pylist()]
    return list(column.to_pylist())
