"""Connections that nobody uses for long are still there when somebody does, routers or not: the system asks in time."""

import os
import socket
from typing import Any

from psycopg import AsyncConnection

from api.database import Database
from sql import KEEPALIVES
from stream_processors.catalogue import Catalogue
from stream_processors.engine import Engine


def asked_after_seconds(connection: AsyncConnection[Any]) -> int:
    """After how long a silence the system asks whether the other side is there; 0: never."""
    with socket.socket(fileno=os.dup(connection.fileno())) as its_socket:
        if not its_socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE):
            return 0
        return its_socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)


async def test_of_a_processor(database: str) -> None:
    async with await Engine(database, {}, {}, Catalogue(), most_events=1).connect() as connection:
        assert asked_after_seconds(connection) == KEEPALIVES["keepalives_idle"]


async def test_of_the_api(database: str) -> None:
    async with Database(database, pool_size=1) as pool, pool._pool.connection() as connection:
        assert asked_after_seconds(connection) == KEEPALIVES["keepalives_idle"]
