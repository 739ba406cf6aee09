"""The questions to Postgres about schema `shared`."""

from typing import Any, Final

from pydantic import BaseModel

from api.database import Database, query_text
from api.shared.models import SharedContents, SharedTable

_CONTENTS: Final = query_text("shared_contents")
#: Names of our own.
_ROWS: Final = {
    table: f"SELECT to_jsonb(t) AS row FROM shared.{table} AS t ORDER BY t LIMIT %(limit)s OFFSET %(offset)s".encode()  # noqa: S608
    for table in SharedTable
}


class _Row(BaseModel):
    row: dict[str, Any]


async def read_contents(database: Database, table: SharedTable) -> SharedContents | None:
    """How a table was made; None when nothing was shared yet."""
    return await database.fetch_one(_CONTENTS, SharedContents, {"name": table.value})


async def read_shared(database: Database, table: SharedTable, *, page: int, limit: int) -> list[dict[str, Any]]:
    """One page of a table."""
    found = await database.fetch_all(_ROWS[table], _Row, {"limit": limit, "offset": (page - 1) * limit})
    return [one.row for one in found]
