"""What a mapping says once it is read: which columns become which fields of which streams (`mapping_file` reads it)."""

from dataclasses import dataclass, field
from typing import Final, Literal

from events import contracts
from producers.columns import BulkConverter, FieldConverter
from producers.pages import Http
from producers.records import IDENTITIES
from producers.sources import CsvFormat, Names

#: Fields that may stay unmapped although the contract requires them: they are derived from the row's content.
DERIVED: Final = IDENTITIES

#: The field that says when a fact happened.
MOMENT: Final = "occurred_at"


@dataclass(frozen=True, slots=True)
class ColumnField:
    """One field of the contract, and how it is read from a column."""

    name: str
    #: Names that the column may have; the first is the usual one.
    column: Names
    convert: FieldConverter
    bulk: BulkConverter | None = None


@dataclass(frozen=True, slots=True)
class StreamMapping:
    """How the rows of one table become events of one stream."""

    model: type[contracts.Event]
    #: Name of the sheet; None for sources that have but one table.
    sheet: str | None
    fields: tuple[ColumnField, ...]
    #: Fields that are the same in every event.
    constants: dict[str, object]
    #: The natural key: columns, each with the field that is read from it or else its own converter; empty: none.
    key: tuple[ColumnField, ...] = ()
    #: A row feeds this stream only if this column holds something.
    when: Names | None = None
    #: What becomes of rows that can't be read.
    on_error: Literal["reject", "stop"] = "reject"

    @property
    def stream(self) -> str:
        """The stream's name, which is its topic's."""
        return self.model.topic.name

    @property
    def columns(self) -> tuple[Names, ...]:
        """Columns that the table must have."""
        when = [self.when] if self.when else []
        return tuple(dict.fromkeys([*(field.column for field in (*self.fields, *self.key)), *when]))

    @property
    def derives_identity(self) -> bool:
        """True when the rows bring no id of their own."""
        derived = DERIVED.get(self.stream)
        return derived is not None and all(field.name != derived for field in self.fields)

    def column_of(self, field: str) -> str | None:
        """The column that a field is read from."""
        return next((mapped.column[0] for mapped in (*self.fields, *self.key) if mapped.name == field), None)


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping file, checked and compiled."""

    #: Part of derived identities: the same rows under another file name stay the same facts.
    source: str
    streams: tuple[StreamMapping, ...]
    #: How a CSV file is written.
    csv: CsvFormat = field(default_factory=CsvFormat)
    #: Where the array of a JSON document is.
    records: str | None = None
    #: How to read it page by page, if it is an HTTP API.
    http: Http | None = None
