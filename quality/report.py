"""The report: one HTML file to mail, print or open from a disk; no script, nothing from elsewhere, no personal data."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from jinja2 import Environment, PackageLoader, StrictUndefined

from quality.checks import Check
from quality.runs import Result, Run, keepable


def render_report(
    checks: Sequence[Check], runs: Sequence[Run], history: Mapping[str, Sequence[Run]], *, now: datetime | None = None
) -> str:
    """Make the page.

    Args:
        runs: One for each of the checks, in their order.
        history: Earlier runs by the name of the check, newest first.
        now: What the page is dated with.
    """
    environment = Environment(
        loader=PackageLoader("quality"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    rows = [
        {
            "check": check,
            "run": run,
            "examples": keepable(run.examples, check),
            "before": list(reversed(history.get(check.name, ()))),
        }
        for check, run in sorted(zip(checks, runs, strict=True), key=_worst_first)
    ]
    return environment.get_template("report.html").render(
        rows=rows,
        now=now or datetime.now(UTC),
        alarming=sum(run.alarming for run in runs),
        passed=sum(run.result is Result.PASSED for run in runs),
    )


def _worst_first(row: tuple[Check, Run]) -> tuple[bool, bool, str]:
    check, run = row
    return not run.alarming, run.result is Result.PASSED, check.name
