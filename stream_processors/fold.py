"""The arithmetic of running totals: facts go in, rows of measures change.

Pure: no Kafka, no Postgres, no clock. A view declares its key and its measures; `fold` takes a batch of facts, column
by column, into the rows of the view, or out of them when facts are corrected or withdrawn. Facts may come in any order
and any grouping (tests/properties).
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Any, Protocol

#: A key of a view: one value for each of its key columns.
Key = tuple[Hashable, ...]
#: The measures of one key, in the order in which the view declares them.
Row = list[Any]
#: The rows of a view that a unit of work has in its hands.
Rows = dict[Key, Row]
#: Facts by column: lists of the same length.
Columns = Mapping[str, Sequence[Any]]


class Kind(Enum):
    """Types of columns; `tables` knows how each travels to Postgres and back."""

    TEXT = "text"
    BIGINT = "bigint"
    NUMERIC = "numeric"
    #: In memory: microseconds since 1970-01-01 UTC.
    MOMENT = "timestamptz"


class Measure(Protocol):
    """One value of a view's rows."""

    #: Column of the view.
    name: str
    kind: Kind
    #: Column of the facts that it measures.
    of: str
    #: Value of a row without facts.
    zero: Any

    def put(self, index: int, rows: Sequence[Row], values: Sequence[Any]) -> None:
        """Count facts in: `values[i]` belongs to `rows[i][index]`."""

    def take(self, index: int, rows: Sequence[Row], values: Sequence[Any]) -> list[int]:
        """Count facts out; returns the places in `rows` whose measure must be asked of the facts anew."""


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of a column; nulls count as 0."""

    name: str
    of: str
    kind: Kind = Kind.BIGINT

    @property
    def zero(self) -> int | Decimal:
        return Decimal(0) if self.kind is Kind.NUMERIC else 0

    def put(self, index: int, rows: Sequence[Row], values: Sequence[Any]) -> None:
        if values.count(None) == len(values):
            return
        for row, value in zip(rows, values, strict=True):
            if value is not None:
                row[index] += value

    def take(self, index: int, rows: Sequence[Row], values: Sequence[Any]) -> list[int]:
        self.put(index, rows, [None if value is None else -value for value in values])
        return []


@dataclass(frozen=True, slots=True)
class First:
    """The earliest moment of a column."""

    name: str
    of: str
    kind: Kind = Kind.MOMENT
    zero: float = float("inf")

    def put(self, index: int, rows: Sequence[Row], values: Sequence[Any]) -> None:
        for row, value in zip(rows, values, strict=True):
            if value < row[index]:
                row[index] = value

    def take(self, index: int, rows: Sequence[Row], values: Sequence[Any]) -> list[int]:
        return _touching(index, rows, values)


@dataclass(frozen=True, slots=True)
class Last:
    """The latest moment of a column."""

    name: str
    of: str
    kind: Kind = Kind.MOMENT
    zero: float = float("-inf")

    def put(self, index: int, rows: Sequence[Row], values: Sequence[Any]) -> None:
        for row, value in zip(rows, values, strict=True):
            if value > row[index]:
                row[index] = value

    def take(self, index: int, rows: Sequence[Row], values: Sequence[Any]) -> list[int]:
        return _touching(index, rows, values)


@dataclass(frozen=True, slots=True)
class Told:
    """The value told last."""

    name: str
    of: str
    zero: str
    kind: Kind = Kind.TEXT

    def put(self, index: int, rows: Sequence[Row], values: Sequence[Any]) -> None:
        for row, value in zip(rows, values, strict=True):
            row[index] = value

    def take(self, index: int, rows: Sequence[Row], values: Sequence[Any]) -> list[int]:
        self.put(index, rows, [self.zero] * len(values))
        return []


def _touching(index: int, rows: Sequence[Row], values: Sequence[Any]) -> list[int]:
    """An extreme can't be taken back: where it leaves, the facts must be asked for the next one."""
    return [place for place, (row, value) in enumerate(zip(rows, values, strict=True)) if row[index] == value]


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A running total: one row of measures per key.

    The first measure of a view with a table says whether a row exists: where it is 0 there are no facts.
    """

    name: str
    #: Key columns, each the name of a column of the facts.
    key: Mapping[str, Kind]
    measures: tuple[Measure, ...]
    #: Table that holds the rows; None: derived from another table by the SQL in `load`, never written.
    table: str | None = None
    #: SELECT of key and measures for the keys that are passed as arrays in the order of `key`.
    load: str | None = field(default=None, repr=False)
    #: File under sql/ with the same question asked of the facts, where a measure can't be taken back.
    recompute: str | None = None

    def zero(self) -> Row:
        """The row of a key without facts."""
        return [measure.zero for measure in self.measures]

    def keys(self, facts: Columns) -> list[Key]:
        """The key of each fact."""
        return list(zip(*(facts[column] for column in self.key), strict=True))


def put(view: View, rows: Rows, keys: Sequence[Key], facts: Columns) -> None:
    """Count facts into the rows of their keys (`view.keys(facts)`); every key must be in `rows`."""
    touched = [rows[key] for key in keys]
    for index, measure in enumerate(view.measures):
        measure.put(index, touched, facts[measure.of])


def take(view: View, rows: Rows, keys: Sequence[Key], facts: Columns) -> set[Key]:
    """Count facts out of the rows of their keys.

    Returns: Keys with a measure that can't be taken back; ask the facts for their rows once those are stored.
    """
    touched = [rows[key] for key in keys]
    stale: set[Key] = set()
    for index, measure in enumerate(view.measures):
        stale.update(keys[place] for place in measure.take(index, touched, facts[measure.of]))
    return stale
