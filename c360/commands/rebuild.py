"""`c360 rebuild`: compute running totals anew from the facts, or everything from the topics."""

import time
from pathlib import Path

from c360.commands.verify import chosen_totals
from c360.database import Connection, connect
from c360.output import OUT, print_json, table
from c360.target import resolve_target
from events.errors import RefusedState, UsageError
from settings import Settings
from sql.forget_everything import forget_everything
from sql.migrate import rebuild as rebuild_total


def rebuild(*views: str, facts: bool = False, json: bool = False, data_dir: Path | None = None) -> int:
    """Compute running totals anew from the stored facts; readers see the old ones until each is done.

    Parameters
    ----------
    views: str
        Tables of running totals, such as channel_totals; none: all of them.
    facts: bool
        Forget the facts, too, and read the topics again from their beginning; processors that run start over.
    json: bool
        Print the result as JSON.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    if facts and views:
        raise UsageError("--facts rebuilds everything: leave the names of views out")
    with connect(resolve_target(Settings(), data_dir).database_url) as connection:
        connection.autocommit = True
        if facts:
            return _start_over(connection)
        results = []
        for name in chosen_totals(connection, views):
            started = time.perf_counter()
            rows = rebuild_total(connection, name)
            results.append({"view": name, "rows": rows, "seconds": round(time.perf_counter() - started, 3)})
    if json:
        print_json(results)
    else:
        shown = table("view", "rows", "seconds", numbers=("rows", "seconds"))
        for result in results:
            shown.add_row(str(result["view"]), f"{result['rows']:,}", str(result["seconds"]))
        OUT.print(shown)
    return 0


def _start_over(connection: Connection) -> int:
    partitions = forget_everything(connection)
    if partitions is None:
        raise RefusedState(
            "some facts were told by topics that have been replaced since (see `c360 adopt`), and would be lost: "
            "replay their sources instead, which counts nothing twice, and rebuild the views alone"
        )
    OUT.print(f"facts and totals forgotten: {partitions} partitions will be read from their beginning")
    return 0
