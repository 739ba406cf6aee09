"""The one place where the API is put together: settings, database, subjects, errors.

A request goes through RequestContext (its id, its log line), then to the endpoint of a subject, which asks Postgres
through `database`; whatever is raised becomes problem+json in `errors`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import APIRouter, FastAPI
from starlette.staticfiles import StaticFiles

from api.customers import endpoints as customers
from api.database import Database
from api.errors import add_error_handling
from api.health import endpoints as health
from api.interactions import endpoints as interactions
from api.kit.openapi import describe, operation_id, unversioned_operation_id
from api.kit.request_context import RequestContext
from api.pages import endpoints as pages
from api.product_interest import endpoints as product_interest
from settings import ApiSettings

PREFIX: Final = "/api/v1"
#: Where the batch systems answered.
UNVERSIONED: Final = "/api"

_DESCRIPTION: Final = """
What customers do, live: totals are current to the last event that was committed, usually tens of milliseconds old.

Errors are `application/problem+json` (RFC 9457); their `type` leads to what they mean. Every answer carries
`X-Request-ID`: the one that was sent, or a new one.
"""


def create_app(settings: ApiSettings, *, database_url: str) -> FastAPI:
    """Put the application together; nothing is connected before it starts, and it starts without Postgres too.

    Args:
        database_url: postgresql://user:password@host:port/database
    """
    app = FastAPI(
        title=pages.TITLE,
        version=health.VERSION,
        description=_DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=operation_id,
    )
    app.state.database = Database(database_url, pool_size=settings.pool_size)
    _add_subjects(app)
    app.mount("/static", StaticFiles(directory=pages.STATIC))
    app.add_middleware(RequestContext, problem_of=add_error_handling(app))
    describe(app)
    return app


def _add_subjects(app: FastAPI) -> None:
    versioned = APIRouter(prefix=PREFIX)
    versioned.include_router(interactions.router)
    versioned.include_router(product_interest.router)
    versioned.include_router(customers.router)
    versioned.include_router(customers.timeline_router)
    app.include_router(versioned)
    for known_of_old in (health.router, customers.router):
        app.include_router(known_of_old, prefix=UNVERSIONED, generate_unique_id_function=unversioned_operation_id)
    app.include_router(health.router)
    app.include_router(health.ready_router)
    app.include_router(pages.router)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    database: Database = app.state.database
    async with database:
        yield
