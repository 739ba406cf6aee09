"""Connections on an event loop of their own, so that hypothesis may run thousands of examples on one database."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import uvloop
from psycopg import AsyncConnection

from stream_processors import binary, members
from tests.properties.world import Ground


@pytest.fixture
def ground(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    """A migrated database, and a loop with connections to it as units of work have them."""
    monkeypatch.setattr(members, "WORTH_ALL", 2)  # examples are small
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        connections = [runner.run(_connect(database)) for _ in range(3)]
        yield Ground(database, runner, connections)
        for connection in connections:
            runner.run(connection.close())


async def _connect(url: str) -> AsyncConnection[Any]:
    connection = await AsyncConnection.connect(url, autocommit=True, options="-c TimeZone=UTC -c jit=off")
    binary.register(connection)
    return connection
