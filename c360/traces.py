"""Look for what was known of one person, in every column of every table.

What tells a person from others (id, email, phone, address, account, full name) is looked for by itself; what many have
in common (a first name, a birthday, an occupation, a balance) counts where two of them stand in one row. Rows of
`customers` that are about others are passed over: two people may share an address, or be called the same.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Final

import msgspec
from psycopg import sql
from psycopg.rows import dict_row

from c360.database import Connection

#: These belong to one person alone.
_TELLING: Final = ("email", "phone", "address", "account_id")
_COMMON: Final = ("first_name", "last_name", "date_of_birth", "occupation", "account_balance")
#: Shorter ones stand anywhere, and count among those that many have in common.
_SHORTEST: Final = 5

#: Types of columns that can hold any of it.
_SEARCHED: Final = ("text", "character varying", "json", "jsonb", "bytea", "date", "numeric", "text[]")
#: Attributes whose value has a type; in columns of it nothing else is looked for.
_OF_TYPE: Final = {"date": "date_of_birth", "numeric": "account_balance"}

_TABLES: Final = """
    SELECT n.nspname, c.relname, json_object_agg(a.attname, format_type(a.atttypid, NULL) ORDER BY a.attnum)
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relkind IN ('r', 'm') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    GROUP BY n.nspname, c.relname
    ORDER BY n.nspname, c.relname
"""
_ABOUT_OTHERS: Final = sql.SQL("customer_id <> {} AND customer_id !~ '^anonymous-[0-9a-f]{{32}}$'")


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for: name of the attribute to its value, as Postgres prints it."""

    customer_id: str
    telling: dict[str, str]
    common: dict[str, str]

    @property
    def attributes(self) -> list[str]:
        """Names of all that is looked for."""
        return ["customer_id", *self.telling, *self.common]


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """Something of the person in a table."""

    table: str
    column: str
    attribute: str
    rows: int


def read_person(connection: Connection, customer_id: str) -> Person:
    """What the database says of a customer now; nothing but the id of one whom only facts have named."""
    columns = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in (*_TELLING, *_COMMON))
    question = sql.SQL("SELECT {} FROM customers WHERE customer_id = %s").format(columns)
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(question, [customer_id]).fetchone() or {}
    known = {name: value.strip() for name, value in row.items() if value and value.strip()}
    telling = {name: known[name] for name in _TELLING if len(known.get(name, "")) >= _SHORTEST}
    if "first_name" in known and "last_name" in known:
        telling["full name"] = f"{known['first_name']} {known['last_name']}"
    return Person(
        customer_id=customer_id,
        telling=telling,
        common={name: value for name, value in known.items() if name not in telling and len(value) > 1},
    )


def traces(connection: Connection, person: Person) -> list[Trace]:
    """Every place where something of the person stands."""
    found: list[Trace] = []
    for schema, table, columns in connection.execute(_TABLES).fetchall():
        found += _Search(schema, table, columns, person).traces(connection)
    return found


def refresh_copies(connection: Connection, found: Iterable[Trace]) -> None:
    """Refresh the materialized views among the places."""
    views = {name for (name,) in connection.execute("SELECT matviewname FROM pg_matviews WHERE schemaname = 'public'")}
    for view in sorted(views & {trace.table for trace in found}):
        connection.execute(sql.SQL("REFRESH MATERIALIZED VIEW {}").format(sql.Identifier(view)))


def drop_refused(connection: Connection, person: Person) -> int:
    """Take away refused records and rows that tell of the person without the id, which the tombstone left there."""
    columns = {
        "key": "bytea",
        "value": "bytea",
        "headers": "jsonb",
        "source": "text",
        "place": "text",
        "reason": "text",
    }
    condition = _Search("public", "rejected_events", columns, person).condition()
    return connection.execute(sql.SQL("DELETE FROM rejected_events WHERE {}").format(condition)).rowcount


@dataclass(frozen=True, slots=True)
class _Search:
    """Of one table.

    Args:
        columns: Name to type.
    """

    schema: str
    table: str
    columns: Mapping[str, str]
    person: Person

    def traces(self, connection: Connection) -> Iterator[Trace]:
        """What is in it, counted by column and attribute."""
        places = [(column, name) for column in self._searched() for name in self.person.attributes]
        if not places:
            return
        counts = [sql.SQL("count(*) FILTER (WHERE {})").format(self._stands(*place)) for place in places]
        question = sql.SQL("SELECT {} FROM {} WHERE {}").format(
            sql.SQL(", ").join(counts), sql.Identifier(self.schema, self.table), self.condition()
        )
        shown = self.table if self.schema == "public" else f"{self.schema}.{self.table}"
        for (column, attribute), rows in zip(places, connection.execute(question).fetchone() or (), strict=True):
            if rows:
                yield Trace(table=shown, column=column, attribute=attribute, rows=rows)

    def condition(self) -> sql.Composable:
        """Rows that tell of the person."""
        telling = [self._anywhere(name) for name in ("customer_id", *self.person.telling)]
        common = [sql.SQL("{}::int").format(self._anywhere(name)) for name in self.person.common]
        if common:
            telling.append(sql.SQL("({}) >= 2").format(sql.SQL(" + ").join(common)))
        if self.table == "customers" and self.schema == "public":
            return sql.SQL("({}) AND NOT ({})").format(
                _any_of(telling), _ABOUT_OTHERS.format(sql.Literal(self.person.customer_id))
            )
        return _any_of(telling)

    def _searched(self) -> list[str]:
        return [column for column, kind in self.columns.items() if kind in _SEARCHED]

    def _anywhere(self, attribute: str) -> sql.Composable:
        return _any_of([self._stands(column, attribute) for column in self._searched()])

    def _stands(self, column: str, attribute: str) -> sql.Composable:
        """Whether an attribute stands in a column: false rather than null."""
        kind, value = self.columns[column], self._value(attribute)
        place = sql.Identifier(column)
        if attribute == "customer_id" and column == "customer_id":
            return sql.SQL("{} = {}").format(place, sql.Literal(value))
        if kind in _OF_TYPE:
            is_it = sql.SQL("coalesce({}::text = {}, false)").format(place, sql.Literal(value))
            return is_it if _OF_TYPE[kind] == attribute else sql.SQL("false")
        if attribute == "customer_id" and column == "key":
            return sql.SQL("coalesce({} = convert_to({}, 'UTF8'), false)").format(place, sql.Literal(value))
        text = sql.SQL("encode({}, 'escape')" if kind == "bytea" else "{}::text").format(place)
        pattern = _id_pattern(value) if attribute == "customer_id" else _pattern(value)
        return sql.SQL("coalesce({} ~* {}, false)").format(text, sql.Literal(pattern))

    def _value(self, attribute: str) -> str:
        return {"customer_id": self.person.customer_id, **self.person.telling, **self.person.common}[attribute]


def _any_of(conditions: Iterable[sql.Composable]) -> sql.Composable:
    return sql.SQL("({})").format(sql.SQL(" OR ").join([*conditions] or [sql.SQL("false")]))


def _pattern(value: str) -> str:
    """A regular expression for a value that stands by itself, however it was encoded."""
    return rf"(?<![[:alnum:]])(?:{'|'.join(_variants(value))})(?![[:alnum:]])"


def _id_pattern(customer_id: str) -> str:
    """A regular expression for an id; one that could be any number or word only where it is said to be a customer's."""
    if len(customer_id) >= _SHORTEST and not customer_id.isdigit():
        return _pattern(customer_id)
    return rf'"customer_id"\s*:\s*"?\s*(?:{"|".join(_variants(customer_id))})\s*[",}}]'


def _variants(value: str) -> list[str]:
    """As text, in JSON with escapes, in HTML, and each as Postgres prints bytes; as regular expressions."""
    texts = {value, json.dumps(value)[1:-1], escape(value)}
    return sorted(re.sub(r"(\W)", r"\\\1", text) for text in texts | set(map(_printed, texts)))


def _printed(text: str) -> str:
    """What encode(…, 'escape') makes of it."""
    return "".join(chr(byte) if byte < 128 else f"\\{byte:03o}" for byte in text.replace("\\", "\\\\").encode())
