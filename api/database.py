"""The API's way to Postgres: pooled, read-only, bounded in time, and back by itself after Postgres was away."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
#: So long after its own time limit we give up on Postgres: it is cut off or frozen, or would have given up itself.
_GRACE_SECONDS: Final = 1.0

_SESSION: Final = b"""
SELECT
    set_config('default_transaction_read_only', 'on', false),
    set_config('statement_timeout', %s, false),
    set_config('timezone', 'UTC', false)
"""

#: Aggregates come as JSON; amounts in them stay exact.
_DECODE_JSON: Final = msgspec.json.Decoder(float_hook=Decimal).decode

Row = TypeVar("Row")
T = TypeVar("T")
Parameters = Mapping[str, Any]


class QueryTimeout(Unavailable):
    """The question takes longer than an answer may."""


class MissingSchema(Unavailable):
    """The database is not migrated to this version, or not yet."""


class _ConnectionLost(Exception):
    """The connection went away under the query; another one may do."""


class Database:
    """A pool of connections to one database. Opening it succeeds even when Postgres is away.

    Args:
        url: postgresql://user:password@host:port/database
        pool_size: Most connections.
        query_seconds: Postgres gives up on a query after this time.
    """

    def __init__(self, url: str, *, pool_size: int, query_seconds: float = 5.0) -> None:
        self._query_seconds = query_seconds
        self._pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
            url,
            kwargs={"autocommit": True, "application_name": "c360-api", "connect_timeout": 5, **sql.KEEPALIVES},
            configure=self._configure,
            min_size=1,
            max_size=pool_size,
            timeout=CONNECTION_WAIT_SECONDS,
            # The pool doubles its delay between attempts up to this time, then waits for the next request to try
            # again: so short, Postgres is noticed within a second of its return however long it was away.
            reconnect_timeout=1.0,
            open=False,
        )
        # Requests queue here, and not in the pool, whose queue takes ten times as long to go through.
        self._free = asyncio.Semaphore(pool_size)

    async def __aenter__(self) -> Self:
        await self._pool.open(wait=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    async def fetch_all(self, query: bytes, model: type[Row], parameters: Parameters | None = None) -> list[Row]:
        """Ask one question; every row of the answer becomes a `model`.

        Raises: Unavailable when Postgres can't answer now; it is safe to ask again later.
        """

        async def read(connection: AsyncConnection[Any]) -> list[Row]:
            cursor = connection.cursor(row_factory=class_row(model))
            await cursor.execute(query, parameters)
            return await cursor.fetchall()

        return await self._read(read)

    async def fetch_each(self, query: bytes, model: type[Row], parameters: Sequence[Parameters]) -> list[list[Row]]:
        """Ask the same for each of these, on one connection without waiting in between. Raises as `fetch_all`."""

        async def read(connection: AsyncConnection[Any]) -> list[list[Row]]:
            cursor = connection.cursor(row_factory=class_row(model))
            await cursor.executemany(query, parameters, returning=True)
            return [await answer.fetchall() async for answer in cursor.results()]

        return await self._read(read)

    async def fetch_one(self, query: bytes, model: type[Row], parameters: Parameters | None = None) -> Row | None:
        """The first row of the answer, or None. Raises as `fetch_all`."""
        rows = await self.fetch_all(query, model, parameters)
        return rows[0] if rows else None

    async def write(self, query: bytes, parameters: Parameters) -> int:
        """Change what the API itself keeps; never a fact or a total, which are the processors'.

        Returns: How many rows changed.
        Raises: as `fetch_all`; it may have been done nevertheless.
        """

        async def change(connection: AsyncConnection[Any]) -> int:
            async with connection.transaction():
                await connection.execute(b"SET TRANSACTION READ WRITE")
                return (await connection.execute(query, parameters)).rowcount

        try:
            return await self._with_connection(change)
        except _ConnectionLost as error:
            raise Unavailable("the database closed the connection") from error

    async def _read(self, work: Callable[[AsyncConnection[Any]], Awaitable[T]]) -> T:
        try:
            return await self._with_connection(work)
        except _ConnectionLost:
            # Postgres was restarted, and the pool is full of connections to the one before. Reading twice is harmless.
            await self._pool.check()
        try:
            return await self._with_connection(work)
        except _ConnectionLost as error:
            raise Unavailable("the database closed the connection") from error

    async def _with_connection(self, work: Callable[[AsyncConnection[Any]], Awaitable[T]]) -> T:
        """Do something with a connection of the pool, within bounded time; what goes wrong is said in our own errors.

        One try statement, not the context managers of the pool and of our own that say the same: they took as long as
        the query.
        """
        loop = asyncio.get_running_loop()
        cut: asyncio.TimerHandle | None = None
        connection: AsyncConnection[Any] | None = None
        await self._queue()
        try:
            connection = await self._pool.getconn()
            cut = loop.call_later(self._query_seconds + _GRACE_SECONDS, _cut, connection)
            return await work(connection)
        except psycopg.Error as error:
            was_cut = cut is not None and loop.time() >= cut.when()
            if connection is not None and _was_lost(connection, error) and not was_cut:
                await connection.close()
                raise _ConnectionLost from error
            if told := _told(error, query_seconds=self._query_seconds, was_cut=was_cut):
                raise told from error
            raise
        finally:
            if cut is not None:
                cut.cancel()
            if connection is not None:
                await self._pool.putconn(connection)
            self._free.release()

    async def _configure(self, connection: AsyncConnection[Any]) -> None:
        set_json_loads(_DECODE_JSON, connection)
        await connection.execute(_SESSION, [f"{self._query_seconds:g}s"])

    async def _queue(self) -> None:
        try:
            async with asyncio.timeout(CONNECTION_WAIT_SECONDS):
                await self._free.acquire()
        except TimeoutError as error:
            raise Unavailable(f"no connection came free within {CONNECTION_WAIT_SECONDS:g} s") from error


def query_text(name: str) -> bytes:
    """The text of `sql/queries/<name>.sql`."""
    return sql.text(f"queries/{name}.sql").encode()


async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


#: For endpoints: the parameter that is the application's database.
DatabaseDependency = Annotated[Database, Depends(_database)]


def _told(error: psycopg.Error, *, query_seconds: float, was_cut: bool) -> Unavailable | None:
    """What to say of an error of psycopg; None of those that are our own fault."""
    if was_cut or isinstance(error, errors.QueryCanceled):
        return QueryTimeout(f"the database did not answer within {query_seconds:g} s")
    if isinstance(error, (errors.UndefinedTable, errors.UndefinedColumn)):
        return MissingSchema("the database lacks tables of this version: apply the migrations")
    if isinstance(error, psycopg.OperationalError):
        return Unavailable("the database can't be reached")
    return None


def _was_lost(connection: AsyncConnection[Any], error: psycopg.Error) -> bool:
    """Whether the connection is gone, rather than the question refused."""
    return isinstance(error, psycopg.OperationalError) and (
        connection.broken or isinstance(error, (errors.AdminShutdown, errors.CrashShutdown))
    )


def _cut(connection: AsyncConnection[Any]) -> None:
    """End the connection under libpq, which would wait for a frozen or unplugged server without end.

    Cancelling the task instead would first ask that server to cancel the query, and wait again.
    """
    with socket.socket(fileno=os.dup(connection.fileno())) as its_socket:
        its_socket.shutdown(socket.SHUT_RDWR)
