"""What is in the database, and who reads whom: asked of Postgres itself, which knows it down to the column."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg import pq

Connection = psycopg.Connection[tuple[Any, ...]]

#: The view that asks the facts the question of a running total is called like its table, with this behind it.
QUESTION: Final = "_from_facts"

_RELATIONS: Final = """
    SELECT c.oid, c.oid::regclass::text, c.relkind::text, obj_description(c.oid, 'pg_class'),
        (SELECT array_agg(a.attname::text ORDER BY array_position(i.indkey::smallint[], a.attnum))
         FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey)
         WHERE i.indrelid = c.oid AND (i.indisprimary OR c.relkind = 'm' AND i.indisunique))
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'v', 'm') AND n.nspname !~ '^(pg_|information_schema$)' AND c.relname NOT LIKE '%yoyo%'
        AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')
    ORDER BY c.relkind, c.oid::regclass::text
"""
_COLUMNS: Final = """
    SELECT attrelid, attname::text, format_type(atttypid, NULL), attnotnull, col_description(attrelid, attnum)
    FROM pg_attribute WHERE attrelid = ANY(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attrelid, attnum
"""
#: A view depends on what it reads through its rule.
_READS: Final = """
    SELECT DISTINCT w.ev_class, d.refobjid::regclass::text, a.attname::text
    FROM pg_rewrite AS w JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
    LEFT JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND a.attnum > 0
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid <> w.ev_class AND w.ev_class = ANY(%s)
    ORDER BY 2, 3
"""
_READ_BY_FUNCTION: Final = """
    SELECT DISTINCT d.refobjid::regclass::text, a.attname::text
    FROM pg_depend AS d
    LEFT JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND a.attnum > 0
    WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_class'::regclass
        AND d.objid = 'pg_temp.asked'::regproc
    ORDER BY 1, 2
"""
#: Functions of ours whose body is text: what they read is not noted for whom they are called by.
_CALLED: Final = """
    SELECT DISTINCT pg_get_function_arguments(p.oid), p.prosrc
    FROM pg_depend AS d JOIN pg_proc AS p ON p.oid = d.refobjid JOIN pg_language AS l ON l.oid = p.prolang
    WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_proc'::regclass
        AND d.objid = 'pg_temp.asked'::regproc AND l.lanname = 'sql' AND p.prosrc <> ''
"""
_PARAMETER: Final = re.compile(r"%\((\w+)\)s|%%")

#: Relation to the columns of it that are read; none where only its rows matter.
Reads = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    kind: str
    required: bool
    #: Its COMMENT.
    meaning: str | None


@dataclass(frozen=True, slots=True)
class Relation:
    """One table, view or materialized view."""

    #: With its schema, where that is not the current one.
    name: str
    kind: str
    #: Its COMMENT.
    meaning: str | None
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    #: Of a view: what it reads.
    reads: Reads = field(default_factory=dict)


def read_relations(connection: Connection) -> list[Relation]:
    """All tables, views and materialized views of ours, in that order and then by name."""
    found = connection.execute(_RELATIONS).fetchall()
    oids = [oid for oid, *_ in found]
    columns: dict[int, list[Column]] = defaultdict(list)
    for oid, *column in connection.execute(_COLUMNS, [oids]):
        columns[oid].append(Column(*column))
    reads: dict[int, list[tuple[str, str | None]]] = defaultdict(list)
    for oid, name, column_name in connection.execute(_READS, [oids]):
        reads[oid].append((name, column_name))
    kinds = {"r": "table", "v": "view", "m": "materialized view"}
    relations = [
        Relation(name, kinds[kind], meaning, tuple(key or ()), tuple(columns[oid]), _by_relation(reads[oid]))
        for oid, name, kind, meaning, key in found
    ]
    order = list(kinds.values())
    return sorted(relations, key=lambda relation: (order.index(relation.kind), relation.name))


def reads_of(connection: Connection, statement: str) -> Reads:
    """What a statement reads or writes, as Postgres understands it; parameters are written `%(name)s`.

    It becomes the body of a function of this session, whose dependencies Postgres notes; nothing of it is run, and
    nothing stays.
    Raises: psycopg.Error when it is no statement for this schema.
    """
    text = _numbered(statement).rstrip().rstrip(";")
    with _undone(connection):
        parameters = ", ".join(_parameters(connection, text))
        return _by_relation(sorted(set(_read_by(connection, parameters, text))))


def _read_by(connection: Connection, parameters: str, text: str) -> list[tuple[str, str]]:
    """Relation and column, "" for none, that are read by a statement and by the functions that it calls."""
    with _undone(connection):
        body = f"BEGIN ATOMIC\n{text}\n; END"
        connection.execute(f"CREATE FUNCTION pg_temp.asked({parameters}) RETURNS void {body}".encode())
        read = connection.execute(_READ_BY_FUNCTION).fetchall()
        called = connection.execute(_CALLED).fetchall()
    return [(relation, column or "") for relation, column in read] + [
        one for arguments, source in called for one in _read_by(connection, arguments, source.rstrip().rstrip(";"))
    ]


def _numbered(statement: str) -> str:
    """`%(name)s` as `$1`: the same number for the same name."""
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        return f"${numbers.setdefault(found[1], len(numbers) + 1)}" if found[1] else "%"

    return _PARAMETER.sub(number, statement)


def _parameters(connection: Connection, text: str) -> list[str]:
    """The types of its parameters, as Postgres infers them."""
    prepared = connection.pgconn.prepare(b"", text.encode())
    if prepared.status != pq.ExecStatus.COMMAND_OK:
        raise psycopg.errors.error_from_result(prepared)
    described = connection.pgconn.describe_prepared(b"")
    oids = [described.param_type(number) for number in range(described.nparams)]
    rows = connection.execute(
        "SELECT format_type(oid, NULL) FROM unnest(%s::oid[]) WITH ORDINALITY AS p (oid, place) ORDER BY place", [oids]
    )
    return [kind for (kind,) in rows]


@contextmanager
def _undone(connection: Connection) -> Iterator[None]:
    with connection.transaction(force_rollback=True):
        yield


def _by_relation(rows: list[tuple[Any, ...]]) -> Reads:
    found: dict[str, list[str]] = {}
    for relation, column in rows:
        found.setdefault(relation, []).extend([column] if column else [])
    return {relation: tuple(columns) for relation, columns in found.items()}
