"""`c360 generate`: made-up data that hangs together, to files or straight to the topics."""

import csv
import time
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from c360.commands.replay import kafka_publisher
from c360.output import OUT, print_json
from producers import synthetic
from producers.synthetic import Columns, Plan
from settings import Settings

_Positive = Annotated[int, Parameter(validator=Number(gte=1))]


def generate(
    *,
    events: _Positive = 100_000,
    seed: int = 360,
    start: Annotated[str, Parameter(name="--from")] = "2022-01-01",
    days: _Positive = 3 * 365,
    customers: _Positive | None = None,
    out: Path | None = None,
    data_dir: Path | None = None,
    json: bool = False,
) -> None:
    """Make customers, channels, products, discussions, interactions and purchases; the same seed makes the same.

    Parameters
    ----------
    events: int
        How many facts: three interactions to each purchase.
    seed: int
        Another seed, other data; the ids of facts name it, so that data of two seeds add up.
    start: str
        First day of the facts.
    days: int
        For how many days.
    customers: int
        How many customers; by default one for fifty facts.
    out: Path
        Write CSV files with their mappings into this directory, instead of publishing to the topics.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    json: bool
        Print what was made as JSON.
    """
    plan = Plan(events=events, seed=seed, start=date.fromisoformat(start), days=days, customers=customers)
    began = time.monotonic()
    made = _publish(plan, data_dir) if out is None else write_files(plan, out)
    seconds = time.monotonic() - began
    if json:
        print_json(
            {"events": made, "seconds": round(seconds, 3), "events_per_second": round(sum(made.values()) / seconds)}
        )
        return
    OUT.print(f"{sum(made.values()):,} events in {seconds:.1f} s ({sum(made.values()) / seconds:,.0f} events/s)")
    for stream, count in made.items():
        OUT.print(f"  {count:,} {stream}")


def _publish(plan: Plan, data_dir: Path | None) -> dict[str, int]:
    publisher = kafka_publisher(Settings(), data_dir, client_id="c360-generate")
    made: dict[str, int] = {}
    for batch in synthetic.records(plan):
        publisher.publish_all(batch)
        made[batch.topic] = made.get(batch.topic, 0) + len(batch)
    publisher.finish()
    return made


def write_files(plan: Plan, folder: Path) -> dict[str, int]:
    """Write one CSV file per stream, each with its mapping.

    Returns: Stream to the number of its events.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made: dict[str, int] = {}
    with ExitStack() as files:
        writers: dict[str, Any] = {}
        for part in synthetic.make(plan):
            stream = part.model.topic.name
            if stream not in writers:
                path = folder / f"{stream}.csv"
                writers[stream] = csv.writer(files.enter_context(path.open("w", newline="", encoding="utf-8")))
                writers[stream].writerow(part.columns)
                path.with_suffix(".toml").write_text(_mapping_of(part), encoding="utf-8")
            rows = list(zip(*map(_as_text, part.columns.values()), strict=True))
            writers[stream].writerows(rows)
            made[stream] = made.get(stream, 0) + len(rows)
    return made


def _as_text(column: Any) -> Any:
    return list(map(datetime.isoformat, column)) if column and isinstance(column[0], datetime) else column


def _mapping_of(part: Columns) -> str:
    lines = [f'{name} = "{name}"' for name in part.columns]
    return "\n".join(
        [
            'source = "synthetic"',
            "",
            "[[streams]]",
            f'stream = "{part.model.topic.name}"',
            "",
            "[streams.fields]",
            *lines,
            "",
        ]
    )
