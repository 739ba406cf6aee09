"""The graph: things with their fields, and who reads whom. `reading` makes it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What a thing is."""

    TOPIC = "topic"
    TABLE = "table"
    #: A table that the processors keep current: it answers the question of the same name.
    TOTAL = "running total"
    #: A view that asks the facts what a running total answers.
    QUESTION = "question"
    VIEW = "view"
    MATERIALIZED = "materialized view"
    ENDPOINT = "endpoint"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a topic, or a column."""

    name: str
    kind: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """One topic, table, view or endpoint."""

    id: str
    kind: Kind
    name: str
    meaning: str
    fields: tuple[Field, ...] = ()
    #: Names of the data-quality checks that read it.
    checks: tuple[str, ...] = ()
    #: When something that it is made of was last committed; of what it has of that, where it is refreshed now and
    #: then. None where that was never, or nobody notes it.
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """What one thing reads of another."""

    source: str
    reader: str
    #: Which fields of the source; none: only how many rows there are.
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An endpoint of the API, and the queries (names in sql/queries) that it asks."""

    name: str
    path: str
    meaning: str
    queries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """All of it. Things come before those that read them."""

    things: tuple[Thing, ...]
    edges: tuple[Edge, ...]
    _by_id: dict[str, Thing] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_id", {thing.id: thing for thing in self.things})

    def __getitem__(self, thing_id: str) -> Thing:
        return self._by_id[thing_id]

    def sources_of(self, thing_id: str) -> list[Edge]:
        """What it reads."""
        return [edge for edge in self.edges if edge.reader == thing_id]

    def readers_of(self, thing_id: str) -> list[Edge]:
        """Who reads it."""
        return [edge for edge in self.edges if edge.source == thing_id]
