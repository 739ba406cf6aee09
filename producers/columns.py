"""A column of cells to a column of values: what the rows of a batch have in common is done once for all of them."""

from collections.abc import Callable, Sequence
from types import NoneType
from typing import Final, NamedTuple, TypeAlias

from producers.sources import Cell

#: A cell to the value of a field; UNSET leaves the field out. Raises ValueError for a cell that can't be read.
FieldConverter: TypeAlias = Callable[[Cell], object]

#: A column of text to its values; None: to be converted cell by cell.
BulkConverter: TypeAlias = Callable[[Sequence[str]], Sequence[object] | None]

#: Most cells are remembered: a column of dates or names has few different ones. Longer ones are not worth the memory.
_REMEMBERED_CELLS: Final = 50_000
_REMEMBERED_LENGTH: Final = 60

_ONLY_TEXT: Final = {str}
_TEXT_OR_NOTHING: Final = {str, NoneType}


class Fault(NamedTuple):
    """A cell that could not be converted."""

    reason: str


class ColumnConverter:
    """Converts the column of one field, batch after batch.

    Args:
        convert: One cell.
        bulk: A whole column, if it is in the shape that most are in.
    """

    def __init__(self, convert: FieldConverter, bulk: BulkConverter | None = None) -> None:
        self._convert = convert
        self._bulk = bulk
        self._known = _Known(convert)

    def __call__(self, column: Sequence[Cell]) -> tuple[Sequence[object], Sequence[int]]:
        """Returns: The values, and the places of those that are a Fault."""
        types = set(map(type, column))
        if self._bulk and types == _ONLY_TEXT and (values := self._bulk(column)) is not None:  # type: ignore[arg-type]
            return values, ()
        if types <= _TEXT_OR_NOTHING:
            known = self._known
            values = [known[cell] for cell in column]
        else:  # equal numbers, dates and truth values may mean different things: 1, 1.0 and True
            values = [_converted(self._convert, cell) for cell in column]
        return values, [place for place, value in enumerate(values) if type(value) is Fault]


class _Known(dict[Cell, object]):
    """What each cell was converted to."""

    def __init__(self, convert: FieldConverter) -> None:
        self._convert = convert

    def __missing__(self, cell: Cell) -> object:
        value = _converted(self._convert, cell)
        if cell is None or len(cell) <= _REMEMBERED_LENGTH:  # type: ignore[arg-type]
            if len(self) >= _REMEMBERED_CELLS:
                self.clear()
            self[cell] = value
        return value


def _converted(convert: FieldConverter, cell: Cell) -> object:
    try:
        return convert(cell)
    except ValueError as error:
        return Fault(str(error))
