"""`c360 refresh`: refresh what is derived from the totals, now."""

from collections.abc import Sequence
from pathlib import Path

from rich.markup import escape

from c360.database import Connection, connect
from c360.output import OUT, print_json, table
from c360.target import resolve_target
from events.errors import UsageError
from settings import Settings
from sql.refresh import MONTHLY_REPORT, Run, read_refreshables
from sql.refresh import refresh as refresh_view


def refresh(*views: str, json: bool = False, data_dir: Path | None = None) -> int:
    """Refresh materialized views now, whether anything changed or not; readers see the old rows until each is done.

    `c360 refresher` does it by itself, after changes. Exits with 1 when a view can't be refreshed: it stays as it was.

    Parameters
    ----------
    views: str
        Materialized views such as industry_revenue, category_amounts_wide for the columns of new categories, or
        monthly_report for the report of the last month; none: all of them except the report.
    json: bool
        Print the result as JSON.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    with connect(resolve_target(Settings(), data_dir).database_url) as connection:
        connection.autocommit = True
        runs = [refresh_view(connection, view) for view in _chosen(connection, views)]
    if json:
        print_json(runs)
    else:
        _print(runs)
    return 1 if any(run.reason for run in runs) else 0


def _chosen(connection: Connection, names: Sequence[str]) -> list[str]:
    known = [one.view for one in read_refreshables(connection)]
    for name in names:
        if name not in known:
            raise UsageError(f"there is nothing to refresh named {name!r}: choose from {', '.join(known)}")
    return list(names) or [name for name in known if name != MONTHLY_REPORT]


def _print(runs: Sequence[Run]) -> None:
    shown = table("view", "rows", "seconds", "outcome", numbers=("rows", "seconds"))
    for run in runs:
        rows = "" if run.rows is None else f"{run.rows:,}"
        shown.add_row(run.view, rows, f"{run.seconds:.3f}", escape(run.reason or run.outcome))
    OUT.print(shown)
