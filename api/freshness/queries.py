"""Freshness of streams and views, from the positions in Postgres and what waits in Kafka."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from api.database import Database, query_text
from api.freshness.models import Freshness, StreamFreshness, ViewFreshness
from api.freshness.waiting import Backlogs
from events import topics

_FRESHNESS: Final = query_text("freshness")

#: Which streams move which running totals.
VIEWS: Final[Mapping[str, Sequence[str]]] = {
    "channel_totals": ("interactions",),
    "topic_totals": ("interactions", "product_discussions"),
    "product_interest": ("interactions", "product_discussions", "customers"),
    "customer_purchases": ("transactions",),
    "category_amounts": ("transactions", "products"),
    "daily_sales": ("transactions",),
    "product_sales": ("transactions",),
    "daily_revenue": ("interactions", "transactions"),
    "segment_changes": ("customers",),
    "channel_activity": ("interactions",),
    "customer_counts": ("customers",),
}


@dataclass(frozen=True, slots=True)
class Place:
    """One partition, as Postgres knows it."""

    topic: str
    partition: int
    next_offset: int
    newest_event_at: datetime | None
    committed_at: datetime
    events: int
    rejected: int


async def read_places(database: Database) -> list[Place]:
    """Every partition that any processor ever claimed."""
    return await database.fetch_all(_FRESHNESS, Place)


def freshness(places: Iterable[Place], backlogs: Backlogs | None, *, now: datetime) -> Freshness:
    """Put both together.

    Args:
        backlogs: None: Kafka is away.
    """
    of_topic = {topic.name: [place for place in places if place.topic == topic.name] for topic in topics.ALL}
    return Freshness(
        streams=[_stream(name, found, backlogs, now) for name, found in of_topic.items()],
        views=[
            ViewFreshness(
                view=view,
                made_of=list(streams),
                **_common(streams, [place for name in streams for place in of_topic[name]], backlogs, now),
            )
            for view, streams in VIEWS.items()
        ],
    )


def lag_seconds(backlogs: Backlogs, names: Iterable[str], *, now: datetime) -> float:
    """How long the oldest event waits in any of these topics; 0 when none does."""
    now_ms = now.astimezone(UTC).timestamp() * 1000
    wanted = set(names)
    waits = [now_ms - one.since_ms for (topic, _), one in backlogs.items() if topic in wanted and one.since_ms]
    return max(0.0, round(max(waits, default=0) / 1000, 3))


def _stream(name: str, places: Sequence[Place], backlogs: Backlogs | None, now: datetime) -> StreamFreshness:
    return StreamFreshness(
        stream=name,
        newest_event_at=max((place.newest_event_at for place in places if place.newest_event_at), default=None),
        events=sum(place.events for place in places),
        rejected=sum(place.rejected for place in places),
        **_common([name], places, backlogs, now),
    )


def _common(names: Sequence[str], places: Sequence[Place], backlogs: Backlogs | None, now: datetime) -> dict[str, Any]:
    committed_at = max((place.committed_at for place in places), default=None)
    return {
        "committed_at": committed_at,
        "age_seconds": max(0.0, round((now - committed_at).total_seconds(), 3)) if committed_at else None,
        "lag_events": None if backlogs is None else _lag_events(backlogs, names),
        "lag_seconds": None if backlogs is None else lag_seconds(backlogs, names, now=now),
    }


def _lag_events(backlogs: Backlogs, names: Sequence[str]) -> int:
    return sum(one.events for (topic, _), one in backlogs.items() if topic in names)
