"""The API's way to Postgres: pooled, read-only, bounded in time, and back by itself after Postgres was away."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Annotated, Any, Final, Self, TypeVar

import msgspec
import psycopg
from fastapi import Depends, Request
from psycopg import AsyncConnection, errors
from psycopg.rows import class_row
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool

import sql
from events.errors import Unavailable

#: How long a request waits for a connection: long enough for a short queue, short enough to say 503 in time.
CONNECTION_WAIT_SECONDS: Final = 2.0
#: Postgres gives up on a query after this time.
STATEMENT_TIMEOUT_SECONDS: Final = 5.0
#: We give up on Postgres after this time: it is cut off or frozen, or it would have given up itself.
ANSWER_TIMEOUT_SECONDS: Final = STATEMENT_TIMEOUT_SECONDS + 1.0
#: Requests that may wait for a connection; beyond, they are turned away at once.
MOST_WAITING: Final = 1000

_SESSION: Final = b"""
SELECT
    set_config('default_transaction_read_only', 'on', false),
    set_config('statement_timeout', %s, false),
    set_config('timezone', 'UTC', false)
"""

#: Aggregates come as JSON; amounts in them stay exact.
_DECODE_JSON: Final = msgspec.json.Decoder(float_hook=Decimal).decode

Row = TypeVar("Row")
Parameters = Mapping[str, Any]


class QueryTimeout(Unavailable):
    """The question takes longer than an answer may."""


class MissingSchema(Unavailable):
    """The database is not migrated to this version, or not yet."""


class _ConnectionLost(Exception):
    """The connection went away under the query; another one may do."""


class Database:
    """A pool of connections to one database. Opening it succeeds even when Postgres is away."""

    def __init__(self, url: str, *, pool_size: int) -> None:
        self._pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
            url,
            kwargs={"autocommit": True, "application_name": "c360-api", "connect_timeout": 5},
            configure=_configure,
            min_size=1,
            max_size=pool_size,
            max_waiting=MOST_WAITING,
            timeout=CONNECTION_WAIT_SECONDS,
            # The pool doubles its delay between attempts up to this time, then waits for the next request to try
            # again: so short, Postgres is noticed within a second of its return however long it was away.
            reconnect_timeout=1.0,
            open=False,
        )

    async def __aenter__(self) -> Self:
        await self._pool.open(wait=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    async def fetch_all(self, query: bytes, model: type[Row], parameters: Parameters | None = None) -> list[Row]:
        """Ask one question; every row of the answer becomes a `model`.

        Raises: Unavailable when Postgres can't answer now; it is safe to ask again later.
        """
        try:
            return await self._ask(query, model, parameters)
        except _ConnectionLost:
            # Postgres was restarted, and the pool is full of connections to the one before. Reading twice is harmless.
            await self._pool.check()
        try:
            return await self._ask(query, model, parameters)
        except _ConnectionLost as error:
            raise Unavailable("the database closed the connection") from error

    async def fetch_one(self, query: bytes, model: type[Row], parameters: Parameters | None = None) -> Row | None:
        """The first row of the answer, or None. Raises as `fetch_all`."""
        rows = await self.fetch_all(query, model, parameters)
        return rows[0] if rows else None

    async def write(self, query: bytes, parameters: Parameters) -> None:
        """Change what the API itself keeps; never a fact or a total, which are the processors'.

        Raises: as `fetch_all`; it may have been done nevertheless.
        """
        try:
            async with (
                _translated(),
                self._pool.connection() as connection,
                _watched(connection),
                connection.transaction(),
            ):
                await connection.execute(b"SET TRANSACTION READ WRITE")
                await connection.execute(query, parameters)
        except _ConnectionLost as error:
            raise Unavailable("the database closed the connection") from error

    async def _ask(self, query: bytes, model: type[Row], parameters: Parameters | None) -> list[Row]:
        async with _translated(), self._pool.connection() as connection, _watched(connection):
            cursor = connection.cursor(row_factory=class_row(model))
            await cursor.execute(query, parameters)
            return await cursor.fetchall()


def query_text(name: str) -> bytes:
    """The text of `sql/queries/<name>.sql`."""
    return sql.text(f"queries/{name}.sql").encode()


async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


#: For endpoints: the parameter that is the application's database.
DatabaseDependency = Annotated[Database, Depends(_database)]


@asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    """Say what went wrong in our own errors."""
    try:
        yield
    except errors.QueryCanceled as error:
        raise QueryTimeout(f"the database did not answer within {STATEMENT_TIMEOUT_SECONDS:g} s") from error
    except (errors.UndefinedTable, errors.UndefinedColumn) as error:
        raise MissingSchema("the database lacks tables of this version: apply the migrations") from error
    except psycopg.OperationalError as error:
        raise Unavailable("the database can't be reached") from error


async def _configure(connection: AsyncConnection[Any]) -> None:
    set_json_loads(_DECODE_JSON, connection)
    await connection.execute(_SESSION, [f"{STATEMENT_TIMEOUT_SECONDS:g}s"])


@asynccontextmanager
async def _watched(connection: AsyncConnection[Any]) -> AsyncIterator[None]:
    """Bound the time of a query, and tell a lost connection from a refused question."""
    cut = asyncio.get_running_loop().call_later(ANSWER_TIMEOUT_SECONDS, _cut, connection.fileno())
    try:
        yield
    except psycopg.OperationalError as error:
        if asyncio.get_running_loop().time() >= cut.when():
            raise QueryTimeout(f"the database did not answer within {ANSWER_TIMEOUT_SECONDS:g} s") from error
        if connection.broken or isinstance(error, (errors.AdminShutdown, errors.CrashShutdown)):
            await connection.close()
            raise _ConnectionLost from error
        raise
    finally:
        cut.cancel()


def _cut(fileno: int) -> None:
    """End the connection under libpq, which would wait for a frozen or unplugged server without end.

    Cancelling the task instead would first ask that server to cancel the query, and wait again.
    """
    with socket.socket(fileno=os.dup(fileno)) as connection:
        connection.shutdown(socket.SHUT_RDWR)
