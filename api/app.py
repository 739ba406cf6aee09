"""The one place where the API is put together: settings, database, subjects, errors.

A request goes through RequestContext (its id, its log line), then, by Express where it can, to the endpoint of a
subject, which gets to know the caller through `access` and asks Postgres through `database`; whatever is raised becomes
problem+json in `errors`.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from api import metrics
from api.access.callers import Gate
from api.access.limits import RateLimits
from api.analytics import endpoints as analytics
from api.broker import Broker
from api.customers import endpoints as customers
from api.dashboard import endpoints as dashboard
from api.database import Database
from api.errors import (
    MissingScope,
    NotYetIncluded,
    Overloaded,
    TooManyRequests,
    Unauthenticated,
    add_error_handling,
    documented,
)
from api.freshness import endpoints as freshness
from api.freshness.waiting import Waiting
from api.health import endpoints as health
from api.ingest import endpoints as ingest
from api.ingest.runs import Ingests
from api.interactions import endpoints as interactions
from api.kit.answers import NOT_MODIFIED
from api.kit.express import Express
from api.kit.openapi import describe, operation_id, unversioned_operation_id
from api.kit.pages import Rows
from api.kit.request_context import RequestContext
from api.lineage import endpoints as lineage
from api.lineage.reading import Lineage
from api.lineage.served import endpoints_of
from api.live import endpoints as live
from api.live.feeds import Feeds
from api.pages import endpoints as pages
from api.positions import Positions
from api.product_interest import endpoints as product_interest
from api.quality import endpoints as quality
from api.sales import endpoints as sales
from api.sales.by_value import Reached
from api.shared import endpoints as shared
from api.writes import endpoints as writes
from quality.library import load_checks
from quality.watch import Watch
from settings import ApiSettings, QualitySettings

#: What every question for data may be answered with.
_REFUSALS: Final = documented(Unauthenticated, MissingScope, TooManyRequests, Overloaded)

_OF_QUESTIONS: Final = {**NOT_MODIFIED, **documented(NotYetIncluded)}

PREFIX: Final = "/api/v1"
#: Where the batch systems answered.
UNVERSIONED: Final = "/api"

_DESCRIPTION: Final = """
What customers do, live: totals are current to the last event that was committed, usually tens of milliseconds old.

Questions for data need `Authorization: Bearer` with a token of scope `read`; personal data comes masked unless the
token has the scope `personal-data`, too.

Errors are `application/problem+json` (RFC 9457); their `type` leads to what they mean. Every answer carries
`X-Request-ID`: the one that was sent, or a new one.
"""


def create_app(
    settings: ApiSettings,
    *,
    database_url: str,
    kafka: Mapping[str, str] | None = None,
    checks: QualitySettings | None = None,
) -> FastAPI:
    """Put the application together; nothing is connected before it starts, and it starts without Postgres too.

    Args:
        database_url: postgresql://user:password@host:port/database
        kafka: The broker as `settings.KafkaSettings.librdkafka` gives it; None: nothing can be written.
        checks: When and how the data-quality checks are asked; None: ours are known, and never asked.
    Raises: UsageError when the user's own checks can't be used.
    """
    app = FastAPI(
        title=pages.TITLE,
        version=health.VERSION,
        description=_DESCRIPTION,
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=operation_id,
        # RequestContext counts, logs and traces requests; looking whether FastAPI should do it, too, takes its time.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.database = Database(database_url, pool_size=settings.pool_size, query_seconds=settings.query_seconds)
    app.state.positions = Positions(database_url)
    app.state.waiting = Waiting(kafka)
    app.state.ready_lag_seconds = settings.ready_lag_seconds
    app.state.feeds = Feeds(app.state.positions, most=settings.subscribers)
    app.state.slow_seconds = settings.slow_seconds
    app.state.reached = Reached()
    app.state.broker = Broker(kafka)
    app.state.ingests = Ingests(settings.sources, kafka)
    checks = checks or QualitySettings(check_every_seconds=0)
    app.state.watch = Watch(database_url, load_checks(checks.checks), checks)
    app.state.lineage = Lineage(
        database_url, partial(endpoints_of, app, prefix=PREFIX), app.state.watch.checks.values()
    )
    app.state.body_bytes = settings.body_bytes
    app.state.rows = Rows(usual=settings.list_rows, most=settings.most_list_rows, most_small=settings.most_small_rows)
    app.state.gate = Gate(open_reads=settings.open_reads)
    app.state.limits = RateLimits(
        reads_per_minute=settings.reads_per_minute, writes_per_minute=settings.writes_per_minute
    )
    questions = _add_subjects(app)
    app.mount("/static", pages.Files(directory=pages.STATIC))
    problem_of = add_error_handling(app)
    # The one that is added last is asked first.
    app.add_middleware(Express, routes=questions, problem_of=problem_of)
    app.add_middleware(RequestContext, problem_of=problem_of, most_in_flight=settings.requests_in_flight)
    describe(app)
    return app


def _add_subjects(app: FastAPI) -> list[tuple[str, APIRoute]]:
    """Returns the routes of questions, with the prefixes of their paths."""
    versioned = APIRouter(prefix=PREFIX, responses=_REFUSALS)
    questions = (
        interactions.router,
        product_interest.router,
        customers.router,
        customers.timeline_router,
        sales.router,
        dashboard.router,
        analytics.router,
    )
    for router in questions:
        versioned.include_router(router, responses=_OF_QUESTIONS)
    versioned.include_router(freshness.router, responses=documented(NotYetIncluded))
    versioned.include_router(quality.router)
    versioned.include_router(lineage.router)
    versioned.include_router(live.router)
    versioned.include_router(writes.router)
    versioned.include_router(ingest.router)
    versioned.include_router(shared.router)
    app.include_router(versioned)
    as_of_old = APIRouter(prefix=UNVERSIONED, generate_unique_id_function=unversioned_operation_id)
    as_of_old.include_router(health.router)
    as_of_old.include_router(customers.router, responses={**_REFUSALS, **_OF_QUESTIONS})
    as_of_old.include_router(ingest.router, responses=_REFUSALS)
    app.include_router(as_of_old)
    app.include_router(health.router)
    app.include_router(health.ready_router)
    app.include_router(metrics.router)
    app.include_router(pages.router)
    app.include_router(dashboard.page_router)
    found = [(PREFIX, route) for router in questions for route in router.routes]
    found += [(UNVERSIONED, route) for route in customers.router.routes]
    return [(prefix, route) for prefix, route in found if isinstance(route, APIRoute)]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    database: Database = app.state.database
    positions: Positions = app.state.positions
    broker: Broker = app.state.broker
    feeds: Feeds = app.state.feeds
    ingests: Ingests = app.state.ingests
    watch: Watch = app.state.watch
    async with database, positions.following(), watch.watching():
        yield
        await feeds.close()
        await ingests.stop()
    broker.close()
