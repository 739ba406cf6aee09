"""What every reader gives: tables of rows, each row a number and its cells by column."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias

from events.errors import UsageError

#: What a cell may hold. JSON adds lists and objects, which no field accepts.
Cell: TypeAlias = (
    str | int | float | bool | Decimal | datetime | date | time | timedelta | list[object] | dict[str, object] | None
)
Cells: TypeAlias = Mapping[str, Cell]


class Broken(NamedTuple):
    """A row that could not be read as cells."""

    reason: str
    #: The row as far as it could be read.
    text: str


#: Row number as people count (`Table.place` words it), and what stands there. Wholly empty rows are left out.
Row: TypeAlias = tuple[int, Cells | Broken]


class Table(Protocol):
    """The rows of one sheet, or of a file that has no sheets. Rows can be read more than once."""

    #: How long it is, in the unit of `position`: rows or bytes.
    size: int

    def position(self) -> int:
        """How far the latest `rows` has come."""

    def rows(self) -> Iterator[Row]:
        """Read from the beginning, a row at a time."""

    def place(self, number: int) -> str:
        """Where a row stands, for people: `sheet 'Customers', row 12`."""


class Source(Protocol):
    """An open file."""

    def table(self, sheet: str | None, columns: Sequence[str]) -> Table:
        """One table of the file.

        Args:
            sheet: Name of the sheet; None where there is but one table.
            columns: Columns that it must have.
        Raises: UsageError when the sheet or a column is missing, naming those that exist.
        """


def check_header(place: str, header: Sequence[str], columns: Sequence[str]) -> None:
    """Hold a table's header against the columns that a mapping names.

    Args:
        place: Which table, for the message.
    Raises: UsageError when a column is missing, or when two columns share the name.
    """
    existing = ", ".join(repr(name) for name in header if name) or "none"
    for column in columns:
        if header.count(column) == 0:
            raise UsageError(f"{place} has no column {column!r}: its columns are {existing[:1000]}")
        if header.count(column) > 1:
            raise UsageError(f"{place} has {header.count(column)} columns called {column!r}: rename all but one")


def refuse_sheet(path: Path, sheet: str | None) -> None:
    """Raises: UsageError when a sheet is asked of a file that has none."""
    if sheet is not None:
        raise UsageError(f"{path} has no sheets, but its mapping names {sheet!r}: remove `sheet` from the mapping")
