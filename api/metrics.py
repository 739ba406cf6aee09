"""Every metric of the API, by Prometheus' conventions; they are counted where things happen, and served at /metrics."""

from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import Final

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

from api.analytics.metrics import measure_views
from api.freshness.queries import freshness, lag_seconds, read_places
from api.freshness.waiting import Waiting
from api.positions import Positions
from events.errors import Unavailable
from quality.runs import Result
from quality.watch import Watch

REQUESTS: Final = Counter(
    "c360_api_requests_total",
    "Answered requests; operation is the operationId of /openapi.json, empty for pages and unknown paths.",
    ["operation", "method", "status"],
)
REQUEST_SECONDS: Final = Histogram(
    "c360_api_request_seconds",
    "Time from the request to the end of its answer; streams count when they end.",
    ["operation"],
    # Looking up a total takes a millisecond or two; a query is ended after five seconds.
    buckets=[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
)
IN_FLIGHT: Final = Gauge("c360_api_requests_in_flight", "Requests that are being answered; streams until they begin.")
SUBSCRIBERS: Final = Gauge("c360_api_subscribers", "Streams of GET live that are open.")
SLOW_SUBSCRIBERS: Final = Counter(
    "c360_api_slow_subscribers_total", "Streams of GET live that were ended because their client did not take events."
)
TOTALS_AGE_SECONDS: Final = Gauge(
    "c360_totals_age_seconds", "Time since a unit of work last committed; NaN while that is not known."
)
NEXT_OFFSET: Final = Gauge(
    "c360_totals_next_offset", "First offset that is not yet in the totals.", ["topic", "partition"]
)
LAG_EVENTS: Final = Gauge(
    "c360_lag_events",
    "Events in Kafka that are not in the totals yet; absent while Kafka is away. When it grows: add processors, or see "
    "whether one runs.",
    ["topic", "partition"],
)
LAG_SECONDS: Final = Gauge(
    "c360_lag_seconds", "How long the oldest of those waits, 0 when none does; absent while Kafka is away.", ["topic"]
)
NEWEST_EVENT: Final = Gauge(
    "c360_newest_event_timestamp_seconds",
    "When the newest event that is in the totals was written to its topic. When it stands still: does anybody publish?",
    ["topic"],
)
LAST_COMMIT: Final = Gauge(
    "c360_last_commit_timestamp_seconds", "When a unit of work last changed the totals by this topic.", ["topic"]
)

CHECK_FAILED: Final = Gauge(
    "c360_check_failed", "1 while a data-quality check does not pass, or can't be answered; else 0.", ["check", "level"]
)
CHECK_OFFENDERS: Final = Gauge(
    "c360_check_offenders", "Rows that a data-quality check finds wrong; NaN while that is not known.", ["check"]
)
CHECK_AT: Final = Gauge(
    "c360_check_last_run_timestamp_seconds",
    "When a data-quality check was last asked, by any process.",
    ["check"],
)

router = APIRouter()


def count_request(*, operation: str | None, method: str, status: int, seconds: float) -> None:
    """Count one answered request."""
    requests, request_seconds = _of(operation or "", method, status)
    requests.inc()
    request_seconds.observe(seconds)


@cache
def _of(operation: str, method: str, status: int) -> tuple[Counter, Histogram]:
    """Finding these by their labels takes as long as counting."""
    return REQUESTS.labels(operation, method, str(status)), REQUEST_SECONDS.labels(operation)


@router.get("/metrics", include_in_schema=False)
async def get_metrics(request: Request) -> Response:
    positions: Positions = request.app.state.positions
    age = positions.age_seconds
    TOTALS_AGE_SECONDS.set(float("nan") if age is None else age)
    for (topic, partition), offset in positions.current.items():
        NEXT_OFFSET.labels(topic, str(partition)).set(offset)
    await _measure_freshness(request)
    watch: Watch = request.app.state.watch
    for run in watch.latest.values():
        CHECK_FAILED.labels(run.check, run.level).set(run.result is not Result.PASSED)
        CHECK_OFFENDERS.labels(run.check).set(float("nan") if run.offenders is None else run.offenders)
        CHECK_AT.labels(run.check).set(run.started_at.timestamp())
    await measure_views(request.app.state.database)
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _measure_freshness(request: Request) -> None:
    """What Postgres or Kafka does not tell now is left out, rather than told as it was."""
    for gauge in (LAG_EVENTS, LAG_SECONDS, NEWEST_EVENT, LAST_COMMIT):
        gauge.clear()
    with suppress(Unavailable):
        places = await read_places(request.app.state.database)
        for stream in freshness(places, None, now=datetime.now(UTC)).streams:
            if stream.newest_event_at:
                NEWEST_EVENT.labels(stream.stream).set(stream.newest_event_at.timestamp())
            if stream.committed_at:
                LAST_COMMIT.labels(stream.stream).set(stream.committed_at.timestamp())
    with suppress(Unavailable):
        waiting: Waiting = request.app.state.waiting
        backlogs = await waiting.behind(request.app.state.positions.current)
        for (topic, partition), backlog in backlogs.items():
            LAG_EVENTS.labels(topic, str(partition)).set(backlog.events)
            LAG_SECONDS.labels(topic).set(lag_seconds(backlogs, [topic], now=datetime.now(UTC)))
