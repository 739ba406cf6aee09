"""The database: migrations (numbered, applied once), views (re-created when their file changes), verification."""

from pathlib import Path

#: The folder of the .sql files.
FOLDER = Path(__file__).parent

#: Advisory lock: shared by every unit of work, exclusive for what moves totals of customers of any partition.
REATTRIBUTION_LOCK = 0xC360_0002


def text(name: str) -> str:
    """The text of one .sql file, such as `verify/channel_totals.sql`."""
    return (FOLDER / name).read_text(encoding="utf-8")
