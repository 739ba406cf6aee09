"""`python -m tests.integration.adding_a_view URL`: migrate a database that has facts, and go on with the stream.

Run by test_adding_a_view in a tree with one view more; prints what it saw as JSON.
"""

import asyncio
import sys
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace
from psycopg import AsyncConnection

from sql import migrate
from stream_processors import binary, views
from tests.integration.test_adding_a_view import BEFORE, TOLD
from tests.properties.world import PARTITIONS, World

_ALL = {partition: [2, 100] for partition in range(PARTITIONS)}


async def main(url: str) -> dict[str, Any]:
    """Bring the database up to date; tell, correct, withdraw and forget: totals stay those of the facts."""
    applied = migrate.migrate(url)
    connection = await AsyncConnection.connect(url, autocommit=True, options="-c TimeZone=UTC")
    binary.register(connection)
    world = World(url, connection, cached_rows=3, most_events=100, forgotten="anonymous")
    await world.resume()
    await world.check_stored()
    filled = await _rows(connection)
    for event in (
        replace(BEFORE[1], count=3, revenue=Decimal("0.25")),
        replace(BEFORE[2], channel="Email"),
        replace(TOLD, event_id="e", channel="Call", count=5, revenue=Decimal(-1)),
        replace(TOLD, event_id="f", channel="Fax"),
    ):
        world.tell(event)
    for gone in ("d", "f"):
        world.withdraw("interactions", "1", gone)
    world.withdraw("customers", "1")
    for name in ("interactions", "customers"):
        await world.commit("first", name, _ALL, cut_after=7)
        await world.check_stored()
    kept = await _rows(connection)
    await connection.close()
    return {"code": views.__file__, "applied": applied, "filled": filled, "kept": kept}


async def _rows(connection: AsyncConnection[Any]) -> list[tuple[Any, ...]]:
    return await (await connection.execute("SELECT * FROM channel_revenue ORDER BY 1, 2, 3")).fetchall()


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(main(sys.argv[1]))))
