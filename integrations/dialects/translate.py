"""From Postgres to DuckDB and Databricks: sqlglot where it is right, a dispatch of ours where it is not.

What sqlglot gets wrong is wrong without a word, so each entry of a dispatch has a test that shows both texts
(tests/integration/test_dialects.py); for DuckDB another one holds the answers against those of Postgres.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import sqlglot
from sqlglot import exp
from sqlglot.dialects import Databricks, DuckDB, Postgres

_SQL: Final = Path(__file__).parents[2] / "sql"
#: In the order in which they read each other, but for analytics, which name each other in any order.
_FOLDERS: Final = ("relations", "totals", "analytics")
_VIEW: Final = re.compile(
    r"^CREATE (?:OR REPLACE )?(?:MATERIALIZED )?VIEW (\w+) AS\n(.*?)(?:\nWITH NO DATA)?;$", re.MULTILINE | re.DOTALL
)
_FUNCTION: Final = re.compile(r"^CREATE FUNCTION (\w+)\((.*?)\)\n.*?AS \$\$\n(.*?)\$\$;$", re.MULTILINE | re.DOTALL)

#: What becomes of `numeric`, which has no bounds in Postgres: amounts have 12 digits before the point and 6 behind.
_NUMERIC: Final = "DECIMAL(38, 10)"
#: What `c360 export` writes, and so is a table there.
_EXPORTED: Final = ("interaction_topics", "purchases")
#: What the refresher counts in steps can be asked at once.
_COUNTED: Final = {"category_pairs": "SELECT * FROM category_pairs_of('', (SELECT max(customer_id) FROM purchases))"}


@dataclass(frozen=True, slots=True)
class Question:
    """A view, or a function that answers with a table."""

    name: str
    #: `as_of date`, of a function.
    parameters: str
    text: str

    @property
    def reads(self) -> set[str]:
        """Names of the relations in it."""
        tables = sqlglot.parse_one(self.text, read="postgres").find_all(exp.Table)
        return {table.name or table.this.name for table in tables}  # a function that is asked like a table, too


def questions(*folders: str) -> list[Question]:
    """Every question of these folders, those that others read before those that read them."""
    found: dict[str, Question] = {}
    for folder in folders or _FOLDERS:
        for path in sorted((_SQL / folder).glob("*.sql")):
            text = path.read_text(encoding="utf-8")
            for name, body in _VIEW.findall(text):
                found[name] = Question(name, "", body)
            for name, parameters, body in _FUNCTION.findall(text):
                found[name] = Question(name, parameters, body)
    for name, body in _COUNTED.items():
        if f"{name}_of" in found:
            found[name] = Question(name, "", body)
    # Totals that are kept in parts are exported summed.
    summed = {name for name in found if f"{name}_parts_from_facts" in found}
    return _sorted({name: one for name, one in found.items() if name not in summed and name not in _EXPORTED})


def translate(text: str, dialect: str) -> str:
    """One query, pretty printed.

    Raises: sqlglot.errors.SqlglotError for what is no Postgres.
    """
    tree = sqlglot.parse_one(text, read="postgres")
    return tree.transform(_with_columns).sql(dialect=DIALECTS[dialect], pretty=True, unsupported_level=_RAISE)


def statement(question: Question, dialect: str) -> str:
    """What makes a question a view, or a function, there."""
    body = translate(question.text, dialect)
    if not question.parameters:
        return f"CREATE OR REPLACE VIEW {question.name} AS\n{body}"
    if dialect == "duckdb":
        names = ", ".join(part.split()[0] for part in question.parameters.split(","))
        return f"CREATE OR REPLACE MACRO {question.name}({names}) AS TABLE\n{body}"
    parameters = ", ".join(re.sub(r" text\b", " STRING", part.strip()) for part in question.parameters.split(","))
    return f"CREATE OR REPLACE FUNCTION {question.name}({parameters}) RETURNS TABLE RETURN\n{body}"


def _sorted(found: dict[str, Question]) -> list[Question]:
    ordered: dict[str, Question] = {}

    def add(question: Question) -> None:
        for name in sorted(question.reads & found.keys() - {question.name}):
            if name not in ordered:
                add(found[name])
        ordered[question.name] = question

    for question in found.values():
        add(question)
    return list(ordered.values())


def _with_columns(node: exp.Expression) -> exp.Expression:
    """Postgres lets EXISTS (SELECT FROM …) select nothing; nobody else does."""
    if isinstance(node, exp.Select) and not node.expressions:
        node.set("expressions", [exp.Literal.number(1)])
    return node


def _decimal(generator: Any, node: exp.DataType) -> str:
    """sqlglot passes DECIMAL on, which is DECIMAL(18, 3) in DuckDB and DECIMAL(10, 0) in Databricks."""
    unbounded = node.is_type(exp.DataType.Type.DECIMAL) and not node.expressions
    return _NUMERIC if unbounded else str(generator.datatype_sql(node))


def _exact_percentile(generator: Any, node: exp.WithinGroup) -> str:
    """sqlglot makes PERCENTILE_APPROX of it, which gives one of the values rather than what lies between two."""
    return f"{generator.sql(node, 'this')} WITHIN GROUP ({generator.sql(node, 'expression').strip()})"


def _in_utc(generator: Any, node: exp.AtTimeZone) -> str:
    """sqlglot's FROM_UTC_TIMESTAMP(…, 'UTC') changes nothing: the day would be that of the session's time zone."""
    return f"TO_UTC_TIMESTAMP({generator.sql(node, 'this')}, CURRENT_TIMEZONE())"


def _json_object(generator: Any, node: exp.Anonymous) -> str:
    """sqlglot passes json_build_object on, which is called otherwise everywhere else."""
    if node.name.lower() != "json_build_object":
        return str(generator.anonymous_sql(node))
    name = "JSON_OBJECT" if isinstance(generator, DuckDB.Generator) else "NAMED_STRUCT"
    return f"{name}({', '.join(map(generator.sql, node.expressions))})"


def _json_list(generator: Any, node: exp.JSONArrayAgg, where: str = "") -> str:
    """DuckDB's JSON_GROUP_ARRAY is a macro, which takes no order and no filter; a list takes both."""
    return f"TO_JSON(LIST({generator.sql(node, 'this')}){where})"


def _sorted_json(generator: Any, node: exp.JSONArrayAgg, where: str = "") -> str:
    """Databricks has no JSON_ARRAYAGG: an array of structs is sorted by their first fields, and then printed.

    A key that sorts downwards is a number, and is negated.
    """
    ordered = node.this if isinstance(node.this, exp.Order) else exp.Order(this=node.this, expressions=[])
    keys = [
        f"'by_{number}', {'-' if one.args.get('desc') else ''}({generator.sql(one, 'this')})"
        for number, one in enumerate(ordered.expressions, start=1)
    ]
    fields = ", ".join([*keys, f"'value', {generator.sql(ordered, 'this')}"])
    return f"TO_JSON(TRANSFORM(SORT_ARRAY(ARRAY_AGG(NAMED_STRUCT({fields})){where}), one -> one.value))"


def _filter_inside(generator: Any, node: exp.Filter) -> str:
    """The filter belongs to the aggregate, which is wrapped in TO_JSON."""
    if not isinstance(node.this, exp.JSONArrayAgg):
        return str(generator.filter_sql(node))
    aggregate = _json_list if isinstance(generator, DuckDB.Generator) else _sorted_json
    return aggregate(generator, node.this, f" FILTER(WHERE {generator.sql(node.expression, 'this')})")


Transform = Callable[[Any, Any], str]


class _ForDuckDB(DuckDB):
    class Generator(DuckDB.Generator):
        TRANSFORMS: ClassVar[dict[Any, Transform]] = {
            **DuckDB.Generator.TRANSFORMS,
            exp.DataType: _decimal,
            exp.Anonymous: _json_object,
            exp.JSONArrayAgg: _json_list,
            exp.Filter: _filter_inside,
        }


class _ForDatabricks(Databricks):
    class Generator(Databricks.Generator):
        TRANSFORMS: ClassVar[dict[Any, Transform]] = {
            **Databricks.Generator.TRANSFORMS,
            exp.DataType: _decimal,
            exp.WithinGroup: _exact_percentile,
            exp.AtTimeZone: _in_utc,
            exp.Anonymous: _json_object,
            exp.JSONArrayAgg: _sorted_json,
            exp.Filter: _filter_inside,
        }


_RAISE: Final = sqlglot.ErrorLevel.RAISE
DIALECTS: Final[dict[str, type[Postgres] | type[DuckDB] | type[Databricks]]] = {
    "duckdb": _ForDuckDB,
    "databricks": _ForDatabricks,
}
