"""Fill schema `shared`: what partners may see, under pseudonyms, in groups of a least size (docs/sharing.md).

The key of the pseudonyms is never told to the database: they are computed here. Whoever is forgotten loses the
pseudonym in the same transaction; a forgetting waits for a refresh that runs, and a refresh for forgettings.
"""

import hmac
import secrets
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import IsolationLevel
from psycopg import sql as query

from sql import text

Connection = psycopg.Connection[tuple[Any, ...]]

ROLE: Final = "partner"
SCHEMA: Final = "shared"

#: Tables of the schema beside `contents`, each with the question that says how many rows it would have, were nothing
#: withheld.
TABLES: Final = {
    "customers": "SELECT count(*) FROM pseudonyms",
    "sales_by_month": (
        "SELECT count(*) FROM (SELECT FROM purchases GROUP BY date_trunc('month', day), category, currency) AS t"
    ),
    "interest_by_type": "SELECT count(*) FROM product_interest",
    "spend_by_segment": (
        "SELECT count(*) FROM (SELECT FROM customer_purchases LEFT JOIN customers USING (customer_id)"
        " GROUP BY segment, country) AS t"
    ),
}

#: Forgettings wait for it. As a lock takes no snapshot, what follows sees all that was forgotten before.
_LOCK: Final = "LOCK TABLE pseudonyms IN SHARE ROW EXCLUSIVE MODE"
_KEYS: Final = "SELECT DISTINCT key_id FROM shared.contents"
_DROP_ALL: Final = "DELETE FROM pseudonyms"
_DROP_GONE: Final = "DELETE FROM pseudonyms WHERE customer_id NOT IN (SELECT customer_id FROM customers)"
#: Those who were forgotten are not shared, not even under a pseudonym.
_NAMELESS: Final = """
    SELECT customer_id FROM customers
    WHERE customer_id !~ '^anonymous-[0-9a-f]{32}$' AND customer_id NOT IN (SELECT customer_id FROM pseudonyms)
"""
_KEEP: Final = "COPY pseudonyms (customer_id, pseudonym) FROM STDIN"
_CONTENTS: Final = (
    "INSERT INTO shared.contents (name, row_count, withheld, group_size, key_id) VALUES (%s, %s, %s, %s, %s)"
)
#: So that one login of a partner can't take the server from all others; it may change the last two for itself.
_LOGIN: Final = """
    CREATE ROLE {name} LOGIN PASSWORD {password} CONNECTION LIMIT 5 IN ROLE partner;
    ALTER ROLE {name} SET default_transaction_read_only = on;
    ALTER ROLE {name} SET statement_timeout = '60s'
"""


class Shared(NamedTuple):
    """One table of the schema, as it was filled."""

    name: str
    rows: int
    withheld: int


class OtherKey(Exception):
    """The pseudonyms that are there were made with another key."""


def refresh(connection: Connection, key: bytes, *, group_size: int, rotate: bool = False) -> list[Shared]:
    """Make the role; fill the schema anew, in one transaction: readers see what was there until it commits.

    Args:
        connection: Not in a transaction; committed here.
        group_size: Fewest customers that a row stands for.
        rotate: Make all pseudonyms anew where the key is another one.
    Raises: OtherKey when the key is another one, and `rotate` was not asked for.
    """
    key_id = hmac.digest(key, b"key_id", "sha256").hex()[:16]
    with connection.transaction():
        connection.execute(text("shared/role.sql").encode())
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    with connection.transaction():
        connection.execute(_LOCK)  # first of all: what is asked after it sees every forgetting that it waited for
        if {known for (known,) in connection.execute(_KEYS)} - {key_id}:
            if not rotate:
                raise OtherKey
            connection.execute(_DROP_ALL)
        connection.execute(_DROP_GONE)
        _keep_pseudonyms(connection, _pseudonyms(key, connection.execute(_NAMELESS).fetchall()))
        connection.execute("DELETE FROM shared.contents")
        shared = [_fill(connection, name, group_size) for name in TABLES]
        for table in shared:
            connection.execute(_CONTENTS, [*table, group_size, key_id])
    return shared


def pseudonym(key: bytes, customer_id: str) -> str:
    """Who a customer is to partners."""
    return hmac.digest(key, customer_id.encode(), "sha256").hex()[:32]


def create_login(connection: Connection, name: str) -> str:
    """Make a role that can log in and read schema `shared`.

    Returns: Its password.
    Raises: psycopg.errors.DuplicateObject.
    """
    password = secrets.token_urlsafe(24)
    with connection.transaction():
        connection.execute(text("shared/role.sql").encode())
        connection.execute(query.SQL(_LOGIN).format(name=query.Identifier(name), password=query.Literal(password)))
    return password


def _pseudonyms(key: bytes, customers: Iterable[tuple[str]]) -> Iterator[tuple[str, str]]:
    return ((customer_id, pseudonym(key, customer_id)) for (customer_id,) in customers)


def _keep_pseudonyms(connection: Connection, rows: Iterable[tuple[str, str]]) -> None:
    with connection.cursor() as cursor, cursor.copy(_KEEP) as copy:
        for row in rows:
            copy.write_row(row)


def _fill(connection: Connection, name: str, group_size: int) -> Shared:
    connection.execute(query.SQL("DELETE FROM {}").format(query.Identifier(SCHEMA, name)))
    rows = connection.execute(text(f"shared/{name}.sql").encode(), {"group_size": group_size}).rowcount
    row = connection.execute(TABLES[name].encode()).fetchone()
    return Shared(name, rows, (row[0] if row else 0) - rows)
