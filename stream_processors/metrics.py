"""Every metric of a processor, by Prometheus' conventions: counted once for each unit of work, after its commit.

How far the topics are processed is for the API's metrics to say: it asks the broker, also while no processor runs.
"""

import logging
from collections import Counter as Tally
from collections.abc import Mapping
from typing import Final

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from events.errors import UsageError

EVENTS: Final = Counter(
    "c360_events_total",
    "What became of consumed events: new, repeated, corrected, withdrawn, rejected or skipped add up to the offsets "
    "consumed. When rejected grows: `c360 rejects` lists them with their reasons.",
    ["topic", "outcome"],
)
UNIT_SECONDS: Final = Histogram(
    "c360_unit_of_work_seconds",
    "Time from the begin of a unit of work to its commit. When it grows: look at Postgres (locks, disk, vacuum).",
    ["topic"],
    buckets=[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
)
UNIT_EVENTS: Final = Histogram(
    "c360_unit_of_work_events",
    "Records in a unit of work: few while the processor keeps up, C360_CHUNK_EVENTS while it catches up.",
    ["topic"],
    buckets=[1, 10, 100, 1_000, 5_000, 10_000, 20_000, 50_000],
)
FAILED_UNITS: Final = Counter(
    "c360_unit_of_work_failures_total",
    "Units of work that were rolled back and tried again, by the error. When it grows steadily: Postgres is away, or "
    "two partitions tell the same facts.",
    ["error"],
)
COMMITTED_AT: Final = Gauge(
    "c360_unit_of_work_last_commit_timestamp_seconds", "When this processor last committed, in seconds since 1970."
)
PARTITIONS: Final = Gauge(
    "c360_partitions_assigned",
    "Partitions that this processor was given. 0 for long: there are more processors than partitions.",
)

logger = logging.getLogger(__name__)


def serve(host: str, port: int) -> None:
    """Answer GET /metrics, in a thread of its own; port 0 is any free one, and the log says which.

    Raises: UsageError when the port is taken.
    """
    try:
        server, _ = start_http_server(port, addr=host)
    except OSError as error:
        raise UsageError(f"can't serve metrics on {host}:{port}: {error}") from error
    logger.info("metrics are served", extra={"url": f"http://{host}:{server.server_port}/metrics"})


def count_unit(topic: str, outcomes: Mapping[int, Tally[str]], *, seconds: float, committed_at: float) -> None:
    """Count one committed unit of work.

    Args:
        outcomes: Per partition, how many records had which outcome.
        committed_at: Seconds since 1970.
    """
    total: Tally[str] = sum(outcomes.values(), Tally())
    for outcome, number in total.items():
        EVENTS.labels(topic, outcome).inc(number)
    UNIT_SECONDS.labels(topic).observe(seconds)
    UNIT_EVENTS.labels(topic).observe(total.total() - total["skipped"])
    COMMITTED_AT.set(committed_at)
