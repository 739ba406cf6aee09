"""The data model as a document: every table and view with its COMMENT, its columns, its key, and what it reads."""

from typing import Any

import psycopg

_RELATIONS = """
    SELECT c.oid, c.relname, c.relkind = 'v', obj_description(c.oid, 'pg_class'),
        (SELECT string_agg(a.attname, ', ' ORDER BY array_position(i.indkey::smallint[], a.attnum))
         FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey)
         WHERE i.indrelid = c.oid AND i.indisprimary),
        (SELECT string_agg(DISTINCT r.relname, ', ' ORDER BY r.relname)
         FROM pg_rewrite AS w JOIN pg_depend AS d ON d.objid = w.oid AND d.refclassid = 'pg_class'::regclass
         JOIN pg_class AS r ON r.oid = d.refobjid AND r.oid <> c.oid
         WHERE w.ev_class = c.oid)
    FROM pg_class AS c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'v')
        AND c.relname NOT LIKE '%yoyo%'
    ORDER BY c.relkind, c.relname
"""
_COLUMNS = """
    SELECT attname, format_type(atttypid, NULL), attnotnull, col_description(attrelid, attnum)
    FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""


def markdown(connection: psycopg.Connection[tuple[Any, ...]]) -> str:
    """Describe the schema that a migrated database has.

    Raises: ValueError naming a table or view without a COMMENT.
    """
    parts = [
        "# Data model\n",
        "Made from the live schema by `make docs`; a test holds it against the schema.\n",
        "Which total counts which facts; `<total>_from_facts` is the question that a total answers, asked of the",
        "facts, and `c360 verify` compares the two.\n",
    ]
    relations = connection.execute(_RELATIONS).fetchall()
    parts.append(_diagram({name: (reads or "").split(", ") for _, name, _, _, _, reads in relations if reads}))
    for oid, name, is_view, comment, key, reads in relations:
        if comment is None:
            raise ValueError(f"{name} has no COMMENT")
        parts.append(f"## {name} ({'view' if is_view else 'table'})\n\n{comment}\n")
        if key:
            parts.append(f"Key: {key}.\n")
        if reads:
            parts.append(f"Reads: {reads}.\n")
        parts.append("| column | type | meaning |\n|---|---|---|")
        for column, kind, required, meaning in connection.execute(_COLUMNS, [oid]).fetchall():
            parts.append(f"| {column} | {kind}{'' if required or is_view else ', or null'} | {meaning or ''} |")
        parts.append("")
    return "\n".join(parts)


def _diagram(reads: dict[str, list[str]]) -> str:
    """Who reads whom; a total stands for itself and its question."""
    arrows = sorted(
        f"    {source} --> {name.removesuffix('_from_facts')}"
        for name, sources in reads.items()
        for source in sources
        if source != name.removesuffix("_from_facts")
    )
    return "\n".join(["```mermaid", "flowchart LR", *arrows, "```\n"])
