"""Make the graph: topics from the contracts, relations and who reads them from Postgres, endpoints as they are told."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any, Final

import psycopg

import sql
from events.contracts import CONTRACTS, Event
from events.schema import schema_of
from lineage.graph import Edge, Endpoint, Field, Graph, Kind, Thing
from quality.checks import Check
from sql import sharing
from sql.catalogue import QUESTION, Connection, Relation, read_relations, reads_of
from sql.refresh import read_refreshables

_COMMITTED: Final = "SELECT topic, max(committed_at) FROM positions WHERE retired_at IS NULL GROUP BY topic"

#: Where the processors store what a topic tells, beside the table of its name. No catalogue knows it: a test watches a
#: processor write (tests/integration/test_lineage.py).
ALSO_STORED_IN: Final = {"customers": ("customer_segments",), "interactions": ("channels",)}

#: Tables that neither processors nor Postgres fill, and the statement that does (under sql/).
FILLED_BY: Final = {
    "category_pairs": "queries/category_pairs_some.sql",
    **{f"{sharing.SCHEMA}.{name}": f"shared/{name}.sql" for name in sharing.TABLES},
}


def read_graph(connection: Connection, endpoints: Iterable[Endpoint], checks: Iterable[Check]) -> Graph:
    """Ask the database, in one transaction that leaves nothing behind.

    Raises: psycopg.Error, also when a query of an endpoint is none for this schema.
    """
    endpoints = list(endpoints)
    with connection.transaction(force_rollback=True):
        relations = read_relations(connection)
        things = (*map(_topic, CONTRACTS.values()), *_things(relations), *map(_endpoint, endpoints))
        edges = (
            *_stored(relations),
            *_read_by_views(relations),
            *_read_to_fill(connection),
            *_read_by_endpoints(connection, endpoints),
        )
        graph = _with_checks(_sorted(Graph(things, edges)), _read_by_checks(connection, checks))
        committed: dict[str, datetime] = dict(connection.execute(_COMMITTED).fetchall())
        refreshed = {one.view: one.refreshed_at for one in read_refreshables(connection)}
    return _dated(graph, committed, refreshed)


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


def _read_to_fill(connection: Connection) -> Iterable[Edge]:
    for table, file in FILLED_BY.items():
        for source, fields in reads_of(connection, sql.text(file)).items():
            if source != table:
                yield Edge(relation_id(source), relation_id(table), fields)


def _read_by_endpoints(connection: Connection, endpoints: Iterable[Endpoint]) -> Iterable[Edge]:
    read_by_query = cache(lambda name: reads_of(connection, sql.text(f"queries/{name}.sql")))
    for endpoint in endpoints:
        together: dict[str, set[str]] = {}
        for query in endpoint.queries:
            for source, fields in read_by_query(query).items():
                together.setdefault(source, set()).update(fields)
        for source, names in sorted(together.items()):
            yield Edge(relation_id(source), endpoint_id(endpoint.name), tuple(sorted(names)))


def _read_by_checks(connection: Connection, checks: Iterable[Check]) -> dict[str, list[str]]:
    """Relation to the names of the checks that read it; without those that can't be asked of this schema."""
    readers: dict[str, list[str]] = {}
    for check in checks:
        with suppress(psycopg.ProgrammingError):  # which its runs say
            for relation in reads_of(connection, check.query):
                readers.setdefault(relation, []).append(check.name)
    return readers


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


def _with_checks(graph: Graph, readers: Mapping[str, Sequence[str]]) -> Graph:
    checks = {relation_id(relation): tuple(sorted(names)) for relation, names in readers.items()}
    return Graph(tuple(replace(thing, checks=checks.get(thing.id, ())) for thing in graph.things), graph.edges)


def _dated(graph: Graph, committed: Mapping[str, datetime], refreshed: Mapping[str, datetime | None]) -> Graph:
    """Say of each thing when something that it is made of was last committed."""
    moments = {topic_id(topic): moment for topic, moment in committed.items()}
    dated = []
    for thing in graph.things:
        known = [moments[edge.source] for edge in graph.sources_of(thing.id) if edge.source in moments]
        if thing.kind is Kind.MATERIALIZED:  # what was committed after its refresh is not in it
            at = refreshed.get(thing.name)
            known = [min(max(known), at)] if known and at else []
        if known:
            moments[thing.id] = max(known)
        dated.append(replace(thing, updated_at=moments.get(thing.id)))
    return Graph(tuple(dated), graph.edges)
