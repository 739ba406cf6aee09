"""What freshness looks like in an answer."""

from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

Age = Annotated[float | None, Field(description="Seconds since `committed_at`; null: nothing was ever committed.")]
Committed = Annotated[datetime | None, Field(description="When a unit of work last changed it.")]
LagEvents = Annotated[
    int | None, Field(description="Events in Kafka that are not in it yet, of all partitions; null: Kafka is away.")
]
LagSeconds = Annotated[
    float | None, Field(description="How long the oldest of those waits, 0 where none does; null: Kafka is away.")
]


class StreamFreshness(BaseModel):
    """One stream, all partitions together."""

    stream: str
    newest_event_at: datetime | None = Field(
        description="When the newest event that is in the totals was written to its topic."
    )
    committed_at: Committed
    age_seconds: Age
    lag_events: LagEvents
    lag_seconds: LagSeconds
    events: int = Field(description="Events read so far, whatever became of them.")
    rejected: int = Field(description="Those of them that were refused.")


class ViewFreshness(BaseModel):
    """One running total: as fresh as the streams that it is made of."""

    view: str
    made_of: list[str] = Field(description="The streams whose events move it.")
    committed_at: Committed
    age_seconds: Age
    lag_events: LagEvents
    lag_seconds: LagSeconds


class Freshness(BaseModel):
    """All streams and views."""

    streams: list[StreamFreshness]
    views: list[ViewFreshness]


_EXAMPLE: Final[dict[str, Any]] = {
    "committed_at": "2020-02-11T16:10:00.052Z",
    "age_seconds": 0.42,
    "lag_events": 3,
    "lag_seconds": 0.018,
}


class FreshnessAnswer(BaseModel):
    """Answer of `GET freshness`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "data": {
                        "streams": [
                            {
                                "stream": "interactions",
                                "newest_event_at": "2020-02-11T16:10:00Z",
                                **_EXAMPLE,
                                "events": 41530,
                                "rejected": 396,
                            }
                        ],
                        "views": [{"view": "channel_totals", "made_of": ["interactions"], **_EXAMPLE}],
                    }
                }
            ]
        }
    )

    data: Freshness
