"""The database: migrations (numbered, applied once), views (re-created when their file changes), verification."""

from pathlib import Path

#: The folder of the .sql files.
FOLDER = Path(__file__).parent


def text(name: str) -> str:
    """The text of one .sql file, such as `verify/channel_totals.sql`."""
    return (FOLDER / name).read_text(encoding="utf-8")
