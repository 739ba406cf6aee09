"""The reference for `benchmarks.api`: one question written by hand; no tokens, limits, errors, positions.

`python -m benchmarks.bare_api PORT`, with DATABASE_URL: Starlette, a psycopg pool, and the same single query.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import sql
from settings import ApiSettings

_QUERY = sql.text("queries/interactions_by_channel.sql").encode()


def create_app(database_url: str) -> Starlette:
    """One route over one pool."""
    pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
        database_url, kwargs={"autocommit": True}, max_size=ApiSettings().pool_size, open=False
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with pool:
            yield

    async def get_interactions(request: Request) -> Response:
        customer_id = request.path_params["customer_id"]
        async with pool.connection() as connection:
            cursor = await connection.execute(_QUERY, {"customer_id": customer_id})
            known, interactions = await cursor.fetchone() or (False, {})
        if not known:
            return JSONResponse({"error": "unknown"}, status_code=404)
        return JSONResponse({"data": {"customer_id": int(customer_id), "interactions": interactions}})

    return Starlette(routes=[Route("/api/v1/interactions/{customer_id}", get_interactions)], lifespan=lifespan)


if __name__ == "__main__":
    uvicorn.run(
        create_app(os.environ["DATABASE_URL"]),
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="error",
    )
