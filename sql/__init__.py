"""The database: migrations (numbered, applied once), views (re-created when their file changes), verification."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

#: The folder of the .sql files.
FOLDER = Path(__file__).parent

#: Advisory lock: shared by every unit of work, exclusive for what moves totals of customers of any partition.
REATTRIBUTION_LOCK = 0xC360_0002

#: For connections that may be idle: the system's own first question after two hours comes too late, as routers and load
#: balancers forget a silent connection after minutes; a server that does not answer for a minute is taken for lost.
KEEPALIVES: Final[Mapping[str, Any]] = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


def text(name: str) -> str:
    """The text of one .sql file, such as `verify/channel_totals.sql`."""
    return (FOLDER / name).read_text(encoding="utf-8")


@cache
def schema() -> str:
    """Digest of the migrations and the totals of this version: whoever has others must not move totals."""
    digest = hashlib.sha256()
    for folder in ("migrations", "totals"):
        for path in sorted((FOLDER / folder).glob("*.sql")):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
