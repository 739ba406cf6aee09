"""The graph: things with their fields, and who reads whom."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import psycopg

import sql
from events.contracts import CONTRACTS, Event
from events.schema import schema_of
from quality.checks import Check
from sql import sharing
from sql.catalogue import QUESTION, Connection, Reads, Relation, read_relations, reads_of

_COMMITTED: Final = "SELECT topic, max(committed_at) FROM positions WHERE retired_at IS NULL GROUP BY topic"

#: Where the processors store what a topic tells, beside the table of its name. No catalogue knows it: a test watches a
#: processor write (tests/integration/test_lineage.py).
ALSO_STORED_IN: Final = {"customers": ("customer_segments",), "interactions": ("channels",)}


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
    #: When something that it is made of was last committed; None where that was never, or nobody notes it.
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


def read_graph(connection: Connection, endpoints: Iterable[Endpoint], checks: Iterable[Check]) -> Graph:
    """Ask the database, in one transaction that leaves nothing behind.

    Raises: psycopg.Error, also when a query of an endpoint is none for this schema.
    """
    with connection.transaction(force_rollback=True):
        relations = read_relations(connection)
        endpoints = list(endpoints)
        names = {name for endpoint in endpoints for name in endpoint.queries}
        asked = {name: reads_of(connection, sql.text(f"queries/{name}.sql")) for name in sorted(names)}
        shared = {name: reads_of(connection, sql.text(f"shared/{name}.sql")) for name in sharing.TABLES}
        checked = {check.name: _reads_of_check(connection, check) for check in checks}
        committed: dict[str, datetime] = dict(connection.execute(_COMMITTED).fetchall())
    graph = Graph(
        (*map(_topic, CONTRACTS.values()), *_things(relations), *map(_endpoint, endpoints)),
        (
            *_stored(relations),
            *_read_by_views(relations),
            *_read_by_shared(shared),
            *_read_by_endpoints(endpoints, asked),
        ),
    )
    return _dated(_with_checks(_sorted(graph), checked), committed)


def _reads_of_check(connection: Connection, check: Check) -> Reads:
    """What a check reads; nothing where it can't be asked of this schema, which its runs say."""
    try:
        return reads_of(connection, check.query)
    except psycopg.ProgrammingError:
        return {}


def topic_id(name: str) -> str:
    """The id of a topic."""
    return f"topic:{name}"


def relation_id(name: str) -> str:
    """The id of a table or view."""
    return f"relation:{name}"


def endpoint_id(name: str) -> str:
    """The id of an endpoint."""
    return f"endpoint:{name}"


def _topic(model: type[Event]) -> Thing:
    schema = schema_of(model)
    return Thing(
        id=topic_id(model.topic.name),
        kind=Kind.TOPIC,
        name=model.topic.name,
        meaning=schema["description"],
        fields=tuple(
            Field(name, _type_name(one), one.get("description", "")) for name, one in schema["properties"].items()
        ),
    )


def _type_name(schema: Mapping[str, Any]) -> str:
    """A JSON Schema in a word or two."""
    if alternatives := schema.get("anyOf"):
        return " or ".join(map(_type_name, alternatives))
    kind = schema.get("type", "anything")
    return str(schema.get("format") or (kind if isinstance(kind, str) else " or ".join(kind)))


def _things(relations: Sequence[Relation]) -> Iterable[Thing]:
    by_name = {relation.name: relation for relation in relations}
    for relation in relations:
        # The columns of a question are those of its total.
        meanings = {column.name: column.meaning for column in relation.columns}
        if total := by_name.get(relation.name.removesuffix(QUESTION)):
            meanings = {column.name: column.meaning for column in total.columns}
        yield Thing(
            id=relation_id(relation.name),
            kind=_kind(relation, by_name),
            name=relation.name,
            meaning=relation.meaning or "",
            fields=tuple(Field(one.name, one.kind, meanings.get(one.name) or "") for one in relation.columns),
        )


def _kind(relation: Relation, by_name: Mapping[str, Relation]) -> Kind:
    if relation.kind == "table" and f"{relation.name}{QUESTION}" in by_name:
        return Kind.TOTAL
    if relation.name.endswith(QUESTION):
        return Kind.QUESTION
    return Kind(relation.kind)


def _endpoint(endpoint: Endpoint) -> Thing:
    meaning = endpoint.meaning and f"{endpoint.path}: {endpoint.meaning}"
    return Thing(id=endpoint_id(endpoint.name), kind=Kind.ENDPOINT, name=endpoint.name, meaning=meaning)


def _stored(relations: Sequence[Relation]) -> Iterable[Edge]:
    """Topics are read into tables: a field into the column of its name."""
    columns = {relation.name: {column.name for column in relation.columns} for relation in relations}
    for topic, model in CONTRACTS.items():
        for table in (topic, *ALSO_STORED_IN.get(topic, ())):
            common = [name for name in model.__struct_fields__ if name in columns[table]]
            yield Edge(topic_id(topic), relation_id(table), tuple(common))


def _read_by_views(relations: Sequence[Relation]) -> Iterable[Edge]:
    """A view reads what its rule says, and a running total what its question reads."""
    for relation in relations:
        readers = {relation.name, relation.name.removesuffix(QUESTION)}
        for reader in sorted(readers):
            for source, fields in relation.reads.items():
                if source not in readers:
                    yield Edge(relation_id(source), relation_id(reader), fields)


def _read_by_shared(filled: Mapping[str, Reads]) -> Iterable[Edge]:
    """What `c360 share refresh` reads to fill a table of schema `shared`."""
    for name, reads in filled.items():
        table = f"{sharing.SCHEMA}.{name}"
        for source, fields in reads.items():
            if source != table:
                yield Edge(relation_id(source), relation_id(table), fields)


def _read_by_endpoints(endpoints: Iterable[Endpoint], asked: Mapping[str, Reads]) -> Iterable[Edge]:
    for endpoint in endpoints:
        together: dict[str, set[str]] = {}
        for query in endpoint.queries:
            for source, fields in asked[query].items():
                together.setdefault(source, set()).update(fields)
        for source, names in sorted(together.items()):
            yield Edge(relation_id(source), endpoint_id(endpoint.name), tuple(sorted(names)))


def _sorted(graph: Graph) -> Graph:
    """The same with sources before their readers, so that one pass sees all that a thing is made of."""
    sources: dict[str, set[str]] = {thing.id: set() for thing in graph.things}
    for edge in graph.edges:
        sources[edge.reader].add(edge.source)
    depth: dict[str, int] = {}

    def depth_of(thing_id: str) -> int:
        if thing_id not in depth:
            depth[thing_id] = 0  # should views ever read each other in a circle
            depth[thing_id] = 1 + max(map(depth_of, sources[thing_id]), default=-1)
        return depth[thing_id]

    kinds = list(Kind)
    things = sorted(graph.things, key=lambda thing: (depth_of(thing.id), kinds.index(thing.kind), thing.name))
    return Graph(tuple(things), graph.edges)


def _with_checks(graph: Graph, checked: Mapping[str, Reads]) -> Graph:
    readers: dict[str, list[str]] = {}
    for check, reads in checked.items():
        for relation in reads:
            readers.setdefault(relation_id(relation), []).append(check)
    return Graph(
        tuple(replace(thing, checks=tuple(sorted(readers.get(thing.id, ())))) for thing in graph.things), graph.edges
    )


def _dated(graph: Graph, committed: Mapping[str, datetime]) -> Graph:
    """Say of each thing when something that it is made of was last committed."""
    moments: dict[str, datetime | None] = {topic_id(topic): moment for topic, moment in committed.items()}
    for thing in graph.things:
        known = [moment for edge in graph.sources_of(thing.id) if (moment := moments.get(edge.source))]
        moments.setdefault(thing.id, max(known, default=None))
    return Graph(tuple(replace(thing, updated_at=moments[thing.id]) for thing in graph.things), graph.edges)
