"""The graph of this application and its database, read anew when it is older than a while."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import psycopg

from api.database import MissingSchema
from events.errors import Unavailable
from lineage.graph import Endpoint, Graph
from lineage.reading import read_graph
from quality.checks import Check

#: Reading takes Postgres half a second, and little of it ever changes.
_GOOD_SECONDS: Final = 30.0
_SESSION: Final = "-c statement_timeout=5s -c lock_timeout=1s -c TimeZone=UTC"


class Lineage:
    """The graph, asked of the database at most once in a while, however many ask for it."""

    def __init__(self, database_url: str, endpoints: Callable[[], Sequence[Endpoint]], checks: Iterable[Check]) -> None:
        self._url = database_url
        self._endpoints = endpoints
        self._checks = list(checks)
        self._known: tuple[float, Graph] | None = None
        self._lock = asyncio.Lock()

    async def graph(self) -> Graph:
        """What there is.

        Raises: Unavailable when Postgres can't answer now.
        """
        async with self._lock:
            if self._known is None or time.monotonic() - self._known[0] > _GOOD_SECONDS:
                self._known = time.monotonic(), await asyncio.to_thread(self._read)
            return self._known[1]

    def _read(self) -> Graph:
        try:
            with psycopg.connect(
                self._url, connect_timeout=2, application_name="c360-api-lineage", options=_SESSION
            ) as connection:
                return read_graph(connection, self._endpoints(), self._checks)
        except psycopg.OperationalError as error:
            raise Unavailable("the database can't be reached") from error
        except psycopg.errors.UndefinedTable as error:
            raise MissingSchema("the database lacks tables of this version: apply the migrations") from error
