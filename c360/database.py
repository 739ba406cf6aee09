"""The border to Postgres: connections whose failures are our own errors."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from events.errors import RefusedState, Unavailable, UsageError

Connection = psycopg.Connection[tuple[Any, ...]]

_CONNECT_SECONDS = 5


@contextmanager
def connect(url: str) -> Iterator[Connection]:
    """A connection in a transaction; committed at the end of the block.

    Raises: what `errors` raises.
    """
    with errors(url), psycopg.connect(url, connect_timeout=_CONNECT_SECONDS) as connection:
        yield connection


@contextmanager
def errors(url: str) -> Iterator[None]:
    """Translate what goes wrong with this database.

    Raises: Unavailable when it can't be reached; RefusedState when it was not migrated; UsageError for a bad URL.
    """
    try:
        yield
    except psycopg.OperationalError as error:
        raise Unavailable(f"Postgres at {address(url)} does not answer: {_first_line(error)}") from error
    except psycopg.errors.UndefinedTable as error:
        raise RefusedState(f"{_first_line(error)}: bring the database up to date with `c360 migrate`") from error
    except psycopg.ProgrammingError as error:
        if error.sqlstate:  # the server's word on a statement of ours: a mistake of the program
            raise
        raise UsageError(f"DATABASE_URL can't be used: {_first_line(error)}") from error


def address(url: str) -> str:
    """Host, port and database of a URL, without its secrets."""
    parts = conninfo_to_dict(url)
    return f"{parts.get('host', 'localhost')}:{parts.get('port', 5432)}/{parts.get('dbname', '')}"


def _first_line(error: psycopg.Error) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0]
