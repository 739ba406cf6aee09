"""`c360 rejects`: what was refused, and why; and rows sent again after their mapping was fixed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from cyclopts.validators import Number
from psycopg.rows import class_row
from rich.markup import escape

from c360.commands.replay import kafka_publisher, mapping_beside
from c360.database import connect
from c360.output import OUT, print_json, table
from c360.target import resolve_target
from producers.mapping_file import load_mapping
from producers.publish import DryRun
from producers.retry import RefusedRow, retry
from producers.sources import Location
from settings import Settings

_NEWEST = """
SELECT rejected_at, stream, topic, partition, "offset", source, place, field, reason
FROM rejected_events
ORDER BY rejected_at DESC, topic, partition, "offset" DESC
LIMIT %s
"""


class Reject(msgspec.Struct, frozen=True, kw_only=True):
    """One refusal, as it is listed."""

    rejected_at: datetime
    stream: str
    topic: str
    partition: int
    offset: int
    source: str | None
    place: str | None
    field: str | None
    reason: str

    @property
    def where(self) -> str:
        """The row of the source when it was refused there, else the record."""
        if self.source is not None:
            return f"{self.source}, {self.place}"
        return f"{self.topic}[{self.partition}] offset {self.offset}"


_OF_SOURCE = """
SELECT stream, place, value
FROM rejected_events
WHERE topic = 'rejected_events' AND source = %s
ORDER BY stream, "offset"
"""

rejects = App(name="rejects", help="What was refused, and why.")


@rejects.default
def list_newest(
    *,
    limit: Annotated[int, Parameter(validator=Number(gte=1))] = 20,
    json: bool = False,
    data_dir: Path | None = None,
) -> None:
    """List what was refused, newest first.

    Parameters
    ----------
    limit: int
        List at most so many.
    json: bool
        Print a JSON array.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    target = resolve_target(Settings(), data_dir)
    found, total = newest(target.database_url, limit)
    if json:
        print_json(found)
    else:
        print_rejects(found, total)


@rejects.command(name="replay")
def replay_rejects(
    file: Path,
    /,
    *,
    mapping: Path | None = None,
    dry_run: bool = False,
    json: bool = False,
    data_dir: Path | None = None,
) -> None:
    """Send the refused rows of a file again, after its mapping was fixed; those that are events now count once.

    Parameters
    ----------
    file: Path
        The file that they come from: its name is what counts, it need not be there any more.
    mapping: Path
        The mapping, by default the one beside the file.
    dry_run: bool
        Publish nothing: show what would be published, and what would still be refused.
    json: bool
        Print the counts as JSON.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    rules = load_mapping(mapping or mapping_beside(Location(str(file), "")))
    settings = Settings()
    rows = refused_rows(resolve_target(settings, data_dir).database_url, file.name)
    publisher = DryRun() if dry_run else kafka_publisher(settings, data_dir, client_id="c360-rejects")
    counts = retry(rows, rules, publisher, source=file.name)
    if json:
        print_json({"rows": counts.rows, "published": counts.published, "still_refused": counts.rejected})
        return
    OUT.print(f"{counts.rows:,} refused rows of {file.name}", markup=False)
    for stream, count in counts.published.items():
        OUT.print(f"  {count:,} {stream} {'would be published' if dry_run else 'published'}")
    OUT.print(f"  {counts.rejected:,} still refused{':' if counts.rejected else ''}")
    for rejections in counts.rejections.values():
        OUT.print(f"    {rejections.count:,} such as {rejections.examples[0]}", markup=False)


def refused_rows(url: str, source: str) -> Iterator[RefusedRow]:
    """The rows of a source that were refused before they became events, in the order of the source.

    Raises: Unavailable; RefusedState when the database was not migrated.
    """
    with connect(url) as connection, connection.cursor(name="refused") as cursor:
        for stream, place, value in cursor.execute(_OF_SOURCE, [source]):
            yield RefusedRow(stream, place, msgspec.json.decode(value, type=dict[str, str | None]))


def newest(url: str, limit: int) -> tuple[list[Reject], int]:
    """The latest refusals, and how many there are.

    Raises: Unavailable; RefusedState when the database was not migrated.
    """
    with connect(url) as connection, connection.cursor(row_factory=class_row(Reject)) as cursor:
        found = cursor.execute(_NEWEST, [limit]).fetchall()
        row = connection.execute("SELECT count(*) FROM rejected_events").fetchone()
    return found, row[0] if row else 0


def print_rejects(found: list[Reject], total: int) -> None:
    """Print them for people."""
    if not total:
        OUT.print("Nothing was refused.")
        return
    shown = table("when (UTC)", "stream", "where", "field", "reason")
    for reject in found:
        moment = f"{reject.rejected_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        shown.add_row(moment, *map(escape, (reject.stream, reject.where, reject.field or "-", reject.reason)))
    OUT.print(shown)
    OUT.print(f"the newest {len(found):,} of {total:,} refusals")
