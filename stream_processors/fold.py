"""The arithmetic of running totals: facts go in, rows of measures change.

Pure: no Kafka, no Postgres, no clock. A view declares its sources, its key and its measures; facts come as columns and
are counted into the rows of the view, or out of them when facts are corrected or withdrawn. They may come in any order
and any grouping (tests/properties).
"""

from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, auto
from itertools import count, islice
from typing import Any, Final, Protocol

#: A key of a view: one value for each of its key columns.
Key = tuple[Hashable, ...]
#: The measures of one key, in the order in which the view declares them.
Row = list[Any]
#: The rows of a view that a unit of work has in its hands.
Rows = dict[Key, Row]
#: A customer, and a group that the customer is a member of.
Member = tuple[Hashable, Hashable]
#: Facts by column: sequences of the same length.
Columns = Mapping[str, Sequence[Any]]

#: Column of what is counted: how many facts an entry stands for.
FACTS: Final = "facts"

#: How many facts are looked at to find out whether many are alike, and how many distinct ones are too many for that.
_SAMPLE: Final = 2_000
_TOO_MANY: Final = 1_800


class Kind(Enum):
    """Types of columns, by their names in Postgres."""

    TEXT = "text"
    BIGINT = "bigint"
    INTEGER = "integer"
    SMALLINT = "smallint"
    NUMERIC = "numeric"
    #: In memory: 16 bytes.
    UUID = "uuid"
    #: In memory: microseconds since 1970-01-01 UTC.
    MOMENT = "timestamptz"
    #: In memory: days since 1970-01-01.
    DATE = "date"


class Source(Enum):
    """What facts are counted; each stream's module says which columns its sources have."""

    INTERACTIONS = auto()
    #: An interaction once for each product that it talks about.
    INTERACTION_TOPICS = auto()
    TRANSACTIONS = auto()
    #: Transactions that name a product.
    PRODUCT_TRANSACTIONS = auto()


class Measure(Protocol):
    """One value of a view's rows."""

    @property
    def name(self) -> str:
        """Column of the view."""

    @property
    def kind(self) -> Kind:
        """Type of the column."""

    @property
    def of(self) -> str:
        """Column of the facts that it measures."""

    @property
    def column(self) -> str:
        """Column of what is counted (see `counted`) that has its values."""

    @property
    def zero(self) -> Any:
        """Value of a row without facts."""

    def put(self, index: int, rows: Sequence[Row], values: Sequence[Any]) -> None:
        """Count facts in: `values[i]` belongs to `rows[i][index]`."""

    def take(self, index: int, rows: Sequence[Row], values: Sequence[Any]) -> list[int]:
        """Count facts out; returns the places in `rows` whose measure must be asked of the facts anew."""

    def gather(self, numbers: Sequence[int], groups: int, values: Sequence[Any]) -> Sequence[Any]:
        """The measure of each group of facts: `values[i]` belongs to group `numbers[i]`, numbered as they appear."""


class _Column:
    """What most measures have in common."""

    __slots__ = ()

    @property
    def column(self: Measure) -> str:
        return self.of

    def gather(self: Measure, numbers: Sequence[int], groups: int, values: Sequence[Any]) -> Sequence[Any]:
        rows = [[self.zero] for _ in range(groups)]
        self.put(0, list(map(rows.__getitem__, numbers)), values)
        return [value for (value,) in rows]


@dataclass(frozen=True, slots=True)
class Sum(_Column):
    """The sum of a column; nulls count as 0."""

    name: str
    of: str
    kind: Kind = Kind.BIGINT

    @property
    def zero(self) -> int | Decimal:
        return Decimal(0) if self.kind is Kind.NUMERIC else 0

    def put(self, index: int, rows: Sequence[Row], values: Sequence[Any]) -> None:
        if all_null(values):
            return
        for row, value in zip(rows, values, strict=True):
            if value is not None:
                row[index] += value

    def take(self, index: int, rows: Sequence[Row], values: Sequence[Any]) -> list[int]:
        self.put(index, rows, [None if value is None else -value for value in values])
        return []

    def gather(self, numbers: Sequence[int], groups: int, values: Sequence[Any]) -> Sequence[Any]:
        if self.kind is Kind.BIGINT and values.count(1) == len(values):  # most facts stand for one contact
            return list(Counter(numbers).values())
        return _Column.gather(self, numbers, groups, values)


class Count(Sum):
    """The number of facts."""

    __slots__ = ()

    def __init__(self, name: str) -> None:
        super().__init__(name, of=FACTS)


@dataclass(frozen=True, slots=True)
class _Extreme(_Column):
    """What First and Last have in common."""

    name: str
    of: str
    kind: Kind = Kind.MOMENT

    def take(self, index: int, rows: Sequence[Row], values: Sequence[Any]) -> list[int]:
        """An extreme can't be taken back: where it leaves, the facts must be asked for the next one."""
        return [place for place, (row, value) in enumerate(zip(rows, values, strict=True)) if row[index] == value]


class First(_Extreme):
    """The earliest of a column."""

    __slots__ = ()
    zero: Final = float("inf")

    @property
    def column(self) -> str:
        return f"first {self.of}"

    def put(self, index: int, rows: Sequence[Row], values: Sequence[Any]) -> None:
        for row, value in zip(rows, values, strict=True):
            if value < row[index]:  # noqa: PLR1730 - a third of the time of min()
                row[index] = value

    def gather(self, numbers: Sequence[int], groups: int, values: Sequence[Any]) -> Sequence[Any]:
        if not _rise(values):
            return _Column.gather(self, numbers, groups, values)
        firsts: dict[int, Any] = {}
        deque(map(firsts.setdefault, numbers, values), maxlen=0)
        return list(firsts.values())


class Last(_Extreme):
    """The latest of a column."""

    __slots__ = ()
    zero: Final = float("-inf")

    @property
    def column(self) -> str:
        return f"last {self.of}"

    def put(self, index: int, rows: Sequence[Row], values: Sequence[Any]) -> None:
        for row, value in zip(rows, values, strict=True):
            if value > row[index]:  # noqa: PLR1730
                row[index] = value

    def gather(self, numbers: Sequence[int], groups: int, values: Sequence[Any]) -> Sequence[Any]:
        if not _rise(values):
            return _Column.gather(self, numbers, groups, values)
        return list(dict(zip(numbers, values, strict=True)).values())


def _rise(values: Sequence[Any]) -> bool:
    """Whether each is at least the one before: most topics are in the order of time."""
    return sorted(values) == values


@dataclass(frozen=True, slots=True)
class Told(_Column):
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


@dataclass(frozen=True, slots=True, eq=False)
class Keyed:
    """What has a name, and columns that make a key."""

    name: str
    key: Mapping[str, Kind]

    def keys(self, facts: Columns) -> list[Key]:
        """The key of each fact."""
        return list(zip(*(facts[column] for column in self.key), strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class Members(Keyed):
    """Whom a distinct count counts, such as the customers who bought a product: as long as a fact says so.

    One declaration of members serves one distinct count. Its key is the customer, first, and then what makes the group.
    """

    #: SELECT of those keys that are members as far as is stored; they are passed as arrays in the order of `key`.
    known: str = field(repr=False)
    #: SELECT of all keys, each once, of customers who are passed as an array.
    all_of: str = field(repr=False)
    #: As `known`, asked of the facts themselves, where `known` asks a running total.
    remaining: str | None = field(default=None, repr=False)

    def members(self, facts: Columns) -> tuple[Sequence[Hashable], Sequence[Hashable]]:
        """The customer of each fact, and the group that it puts the customer into."""
        customer, *group = (facts[column] for column in self.key)
        return customer, group[0] if len(group) == 1 else list(zip(*group, strict=True))

    def member(self, key: Key) -> Member:
        """The customer and the group of a key; of a single column, the group is the value itself."""
        return key[0], key[1] if len(key) == 2 else key[1:]

    def key_of(self, customer: Hashable, group: Hashable) -> Key:
        """The key of a customer and a group."""
        return (customer, *group) if isinstance(group, tuple) else (customer, group)


@dataclass(frozen=True, slots=True, eq=False)
class View(Keyed):
    """A running total: one row of measures per key."""

    #: The first measure of a view with a table says whether a row exists: where it is 0 there are no facts.
    measures: tuple[Measure, ...]
    #: What it counts; facts of several sources add up. Empty: rows that are only looked up.
    sources: tuple[Source, ...] = ()
    #: Table that holds the rows; None: derived from other tables by `load`, never written.
    table: str | None = None
    #: SELECT of key and measures for the keys that are passed as arrays in the order of `key`.
    load: str | None = field(default=None, repr=False)

    def zero(self) -> Row:
        """The row of a key without facts."""
        return [measure.zero for measure in self.measures]

    @property
    def members(self) -> list[Members]:
        """Whom its distinct counts count."""
        return [measure.members for measure in self.measures if isinstance(measure, Distinct)]


@dataclass(frozen=True, slots=True)
class Distinct(_Column):
    """The number of distinct members: facts that bring one in, less those that take one out."""

    name: str
    members: Members
    kind: Kind = Kind.BIGINT
    zero: int = 0

    @property
    def of(self) -> str:
        return self.members.name

    def put(self, index: int, rows: Sequence[Row], values: Sequence[Any]) -> None:
        for row, value in zip(rows, values, strict=True):
            row[index] += value

    def take(self, index: int, rows: Sequence[Row], values: Sequence[Any]) -> list[int]:
        for row, value in zip(rows, values, strict=True):
            row[index] -= value
        return []


def all_null(values: Sequence[Any]) -> bool:
    """Whether a column says nothing; asks the first value first, as comparing decimals with None takes its time."""
    return not values or (values[0] is None and values.count(None) == len(values))


def counted(facts: Columns, views: Sequence[View]) -> Columns:
    """What views count of facts: the columns of their keys, and one for each measure (`Measure.column`).

    Facts that are alike to all of the views become one entry, where many are: of customers who come often, a chunk has
    ten of each, and every view has so much less to do.
    """
    key = list(dict.fromkeys(column for view in views for keyed in (view, *view.members) for column in keyed.key))
    measures = {
        measure.column: measure for view in views for measure in view.measures if not isinstance(measure, Distinct)
    }
    told = [facts[column] for column in key]
    each = {**facts, FACTS: [1] * len(told[0])}
    each |= {column: each[measure.of] for column, measure in measures.items()}
    if not 0 < len(set(islice(zip(*told, strict=True), _SAMPLE))) <= _TOO_MANY:
        return each
    number_of: defaultdict[Key, int] = defaultdict(count().__next__)
    numbers = list(map(number_of.__getitem__, zip(*told, strict=True)))
    gathered = {column: measure.gather(numbers, len(number_of), each[column]) for column, measure in measures.items()}
    return {**dict(zip(key, zip(*number_of, strict=True), strict=True)), **gathered}


def put(view: View, rows: Rows, keys: Sequence[Key], facts: Columns) -> None:
    """Count facts, as `counted` returns them, into the rows of their keys; every key must be in `rows`."""
    touched = list(map(rows.__getitem__, keys))
    for index, measure in enumerate(view.measures):
        measure.put(index, touched, facts[measure.column])


def put_rows(view: View, rows: Rows, more: Rows) -> None:
    """Add rows of measures to those with the same keys, all of which must be there."""
    touched = [rows[key] for key in more]
    for index, measure in enumerate(view.measures):
        measure.put(index, touched, [row[index] for row in more.values()])


def take(view: View, rows: Rows, keys: Sequence[Key], facts: Columns) -> set[Key]:
    """Count facts out of the rows of their keys.

    Returns: Keys with a measure that can't be taken back; ask the facts for their rows once those are stored.
    """
    touched = list(map(rows.__getitem__, keys))
    stale: set[Key] = set()
    for index, measure in enumerate(view.measures):
        stale.update(keys[place] for place in measure.take(index, touched, facts[measure.column]))
    return stale


def once(keys: Sequence[Key], chosen: Set[Key]) -> list[int]:
    """1 at one place of each of the chosen keys, 0 everywhere else."""
    if len(chosen) == len(keys):
        return [1] * len(keys)
    places = dict(zip(keys, range(len(keys)), strict=True))
    marks = [0] * len(keys)
    for key in chosen:
        marks[places[key]] = 1
    return marks
