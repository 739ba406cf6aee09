"""The page docs/metrics.md: every metric of API and processor, from the code that counts it."""

from collections.abc import Iterator, Sequence
from types import ModuleType

from prometheus_client.metrics import MetricWrapperBase

import api.analytics.metrics
import api.metrics
import stream_processors.metrics

_HEAD = """# Metrics

`GET /metrics` of the API (open, like `/health`), and of each processor that has a port for it (`C360_METRICS_PORT`;
`c360 up` gives its processors free ones, their logs say which). Prometheus' text format. No label names a customer.
Counters are those of one process since its start; what was ever read is in `GET /api/v1/freshness`.

A dashboard for Grafana: `monitoring/grafana/live_customer_360.json`. Alerts for Prometheus, each with what to do:
`monitoring/prometheus/alerts.yml`, [runbooks](runbooks.md).

This page is made from the code by `make docs`.
"""


#: Whose metrics there are, and the modules that define them.
PARTS = {"The API": (api.metrics, api.analytics.metrics), "A processor": (stream_processors.metrics,)}


def page() -> str:
    """The page."""
    return "\n".join([_HEAD, *(line for title, modules in PARTS.items() for line in _table(title, modules))])


def metrics_of(module: ModuleType) -> Iterator[MetricWrapperBase]:
    """The metrics that a module defines."""
    return (value for value in vars(module).values() if isinstance(value, MetricWrapperBase))


def full_name(metric: MetricWrapperBase) -> str:
    """As it is served: counters end in _total."""
    family = next(iter(metric.describe()))
    return f"{family.name}_total" if family.type == "counter" else family.name


def _table(title: str, modules: Sequence[ModuleType]) -> list[str]:
    lines = [f"## {title}\n", "| metric | kind | labels | meaning |", "|---|---|---|---|"]
    for metric in (one for module in modules for one in metrics_of(module)):
        family = next(iter(metric.describe()))
        labels = ", ".join(metric._labelnames)  # no other way to ask for them
        lines.append(f"| `{full_name(metric)}` | {family.type} | {labels} | {family.documentation} |")
    return [*lines, ""]


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 -- `make docs` writes it to a file
