"""The state of what is refreshed, for /metrics; read when it is asked for."""

from typing import Final

from prometheus_client import Gauge

from api.database import Database, query_text
from events.errors import Unavailable
from sql.refresh import Refreshable

VIEW_AGE_SECONDS: Final = Gauge(
    "c360_view_age_seconds", "Time since a materialized view was refreshed; grows while nothing changes, too.", ["view"]
)
VIEW_REFRESH_SECONDS: Final = Gauge(
    "c360_view_refresh_seconds", "How long the last refresh of a view took, done or failed.", ["view"]
)
VIEW_REFRESH_FAILED: Final = Gauge(
    "c360_view_refresh_failed", "1: the last refresh of a view failed, and it is the one before.", ["view"]
)
_ALL: Final = (VIEW_AGE_SECONDS, VIEW_REFRESH_SECONDS, VIEW_REFRESH_FAILED)

_REFRESHES: Final = query_text("refreshes")


async def measure_views(database: Database) -> None:
    """Set the gauges; without a database that answers there are none."""
    for gauge in _ALL:
        gauge.clear()
    try:
        views = await database.fetch_all(_REFRESHES, Refreshable)
    except Unavailable:
        return
    for view in views:
        if view.seconds is not None:
            VIEW_REFRESH_SECONDS.labels(view.view).set(view.seconds)
            VIEW_REFRESH_FAILED.labels(view.view).set(view.outcome == "failed")
        if view.age_seconds is not None:
            VIEW_AGE_SECONDS.labels(view.view).set(view.age_seconds)
