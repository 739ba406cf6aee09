"""The data model as a document: every table and view with its COMMENT, its columns, its key, and what it reads."""

from typing import Final

from sql.catalogue import QUESTION, Connection, Relation, read_relations

_FUNCTIONS: Final = """
    SELECT format('%I(%s)', proname, pg_get_function_arguments(oid)), pg_get_function_result(oid),
        obj_description(oid, 'pg_proc')
    FROM pg_proc AS f
    WHERE pronamespace = current_schema()::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = f.oid AND d.deptype = 'e')
    ORDER BY proname
"""


def markdown(connection: Connection) -> str:
    """Describe the schema that a migrated database has.

    Raises: ValueError naming a table, view or function without a COMMENT.
    """
    parts = [
        "# Data model\n",
        "Made from the live schema by `make docs`; a test holds it against the schema.\n",
        "Which total counts which facts; `<total>_from_facts` is the question that a total answers, asked of the",
        "facts, and `c360 verify` compares the two.\n",
    ]
    relations = read_relations(connection)
    parts.append(_diagram(relations))
    for relation in relations:
        parts += _described(relation)
    for call, result, meaning in connection.execute(_FUNCTIONS).fetchall():
        parts += [_heading(call, "function", meaning), f"Returns {result}.\n"]
    return "\n".join(parts)


def _described(relation: Relation) -> list[str]:
    parts = [_heading(relation.name, relation.kind, relation.meaning)]
    if relation.key:
        parts.append(f"Key: {', '.join(relation.key)}.\n")
    if relation.reads:
        parts.append(f"Reads: {', '.join(relation.reads)}.\n")
    parts.append("| column | type | meaning |\n|---|---|---|")
    for column in relation.columns:
        optional = "" if column.required or relation.kind != "table" else ", or null"
        parts.append(f"| {column.name} | {column.kind}{optional} | {column.meaning or ''} |")
    return [*parts, ""]


def _heading(name: str, kind: str, meaning: str | None) -> str:
    if meaning is None:
        raise ValueError(f"{name} has no COMMENT")
    return f"## {name} ({kind})\n\n{meaning}\n"


def _diagram(relations: list[Relation]) -> str:
    """Who reads whom; a total stands for itself and its question."""
    arrows = sorted(
        f"    {source} --> {relation.name.removesuffix(QUESTION)}"
        for relation in relations
        for source in relation.reads
        if source != relation.name.removesuffix(QUESTION)
    )
    return "\n".join(["```mermaid", "flowchart LR", *arrows, "```\n"])
