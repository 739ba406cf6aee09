"""`c360 rejects`: what was refused, and why."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from cyclopts.validators import Number
from psycopg.rows import class_row
from rich.markup import escape

from c360.database import connect
from c360.output import OUT, print_json, table
from c360.target import resolve_target
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


def rejects(
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
