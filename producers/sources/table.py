"""What every reader gives: tables that are read once, in batches of rows, each batch column by column."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple, Protocol, TypeAlias

from events.errors import UsageError

#: What a cell may hold. JSON and Parquet add lists and objects, which no field accepts.
Cell: TypeAlias = (
    str | int | float | bool | Decimal | datetime | date | time | timedelta | list[object] | dict[str, object] | None
)
Cells: TypeAlias = Mapping[str, Cell]

#: The names that a column may have, in the order of preference; the first is what we call it.
Names: TypeAlias = tuple[str, ...]

#: Rows in a batch: more of them are not faster, fewer cost time.
BATCH_ROWS = 1_000


class Unreadable(UsageError):
    """A source that can't be read any further: what it gave until then stays valid."""

    exit_code = 1


class Broken(NamedTuple):
    """A row that could not be read as cells."""

    reason: str
    #: The row as far as it could be read.
    text: str


class Batch(Protocol):
    """Neighbouring rows of a table. Wholly empty rows are left out."""

    @property
    def numbers(self) -> Sequence[int]:
        """Of each row, as people count (`Table.place` words it)."""

    @property
    def broken(self) -> Sequence[tuple[int, Broken]]:
        """Number and content of what stands among the rows but can't be read as one."""

    def column(self, names: Names) -> Sequence[Cell]:
        """One cell of each row."""

    def row(self, place: int) -> Cells:
        """All cells of the how-manieth row of the batch."""


class Table(Protocol):
    """The rows of one sheet, or of a file that has no sheets."""

    #: How long it is, in the unit of `position`: rows or bytes; 0 when nobody knows.
    size: int

    def position(self) -> int:
        """How far `batches` has come."""

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[Batch]:
        """Read it, once. A batch without any rows means that there is nothing to read yet.

        Args:
            rows: At most so many rows in a batch.
        Raises: Unreadable.
        """

    def place(self, number: int) -> str:
        """Where a row stands, for people: `sheet 'Customers', row 12`."""


class Source(Protocol):
    """An open file."""

    def table(self, sheet: str | None, columns: Sequence[Names]) -> Table:
        """One table of the file.

        Args:
            sheet: Name of the sheet; None where there is but one table.
            columns: Columns that it must have.
        Raises: UsageError when the sheet or a column is missing, naming those that exist.
        """

    def close(self) -> None:
        """Let go of the file."""


@dataclass(frozen=True, slots=True)
class Header:
    """The names of a table's columns, and which of them were asked for."""

    names: tuple[str, ...]
    places: Mapping[Names, int]


@dataclass(slots=True)
class ListBatch:
    """Rows as lists of cells under a header; each is as long as the header."""

    header: Header
    numbers: list[int] = field(default_factory=list)
    rows: list[Sequence[Cell]] = field(default_factory=list)
    broken: list[tuple[int, Broken]] = field(default_factory=list)

    def column(self, names: Names) -> Sequence[Cell]:
        place = self.header.places[names]
        return [row[place] for row in self.rows]

    def row(self, place: int) -> Cells:
        return dict(zip(self.header.names, self.rows[place], strict=True))


@dataclass(slots=True)
class ObjectBatch:
    """Rows as objects without a header: a member that an object lacks is an empty cell."""

    numbers: list[int] = field(default_factory=list)
    rows: list[dict[str, Cell]] = field(default_factory=list)
    broken: list[tuple[int, Broken]] = field(default_factory=list)

    def column(self, names: Names) -> Sequence[Cell]:
        if len(names) == 1 and "." not in names[0]:
            name = names[0]
            return [row.get(name) for row in self.rows]
        return [next((cell for name in names if (cell := _member(row, name)) is not None), None) for row in self.rows]

    def row(self, place: int) -> Cells:
        return self.rows[place]

    def add(self, number: int, value: object, text: str) -> None:
        """Take one JSON value; objects without any content are left out."""
        if not isinstance(value, dict):
            self.broken.append((number, Broken("it is JSON, but not an object: expected {...}", text)))
        elif any(cell is not None and cell != "" for cell in value.values()):
            self.numbers.append(number)
            self.rows.append(value)


def _member(row: Cells, name: str) -> Cell:
    """A member by its name, or by its path: `address.city`."""
    if name in row or "." not in name:
        return row.get(name)
    outer, _, inner = name.partition(".")
    value = row.get(outer)
    return _member(value, inner) if isinstance(value, dict) else None  # type: ignore[arg-type]


def find_columns(place: str, header: Sequence[str], columns: Sequence[Names]) -> Header:
    """Find the columns that a mapping names; of a name that no column has, case, spaces, `_` and `-` do not matter.

    Args:
        place: Which table, for the message.
    Raises: UsageError when a column is missing, or when two columns share the name.
    """
    names = tuple(header)
    return Header(names, {wanted: _find(place, names, wanted) for wanted in columns})


def _find(place: str, header: Names, wanted: Names) -> int:
    for name in wanted:
        if name in header:
            found = [index for index, other in enumerate(header) if other == name]
        else:
            found = [index for index, other in enumerate(header) if _folded(other) == _folded(name)]
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(f"{place} has {len(found)} columns called {name!r}: rename all but one")
    existing = ", ".join(repr(name) for name in header if name) or "none"
    raise UsageError(f"{place} has no column {wanted[0]!r}: its columns are {existing[:1000]}")


def _folded(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter not in " _-\u00a0")


def refuse_sheet(name: str, sheet: str | None) -> None:
    """Raises: UsageError when a sheet is asked of a file that has none."""
    if sheet is not None:
        raise UsageError(f"{name} has no sheets, but its mapping names {sheet!r}: remove `sheet` from the mapping")
