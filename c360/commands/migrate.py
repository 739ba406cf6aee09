"""`c360 migrate`: bring the database to the current schema."""

from pathlib import Path

from c360.database import address, errors
from c360.output import OUT
from c360.target import resolve_target
from settings import Settings
from sql.migrate import migrate as apply_migrations


def migrate(*, data_dir: Path | None = None) -> None:
    """Apply the migrations and views that the database lacks; safe to run twice, or by two at once.

    Parameters
    ----------
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    url = resolve_target(Settings(), data_dir).database_url
    with errors(url):
        applied = apply_migrations(url)
    for name in applied:
        OUT.print(f"applied {name}")
    OUT.print(f"{address(url)} is up to date", markup=False)
