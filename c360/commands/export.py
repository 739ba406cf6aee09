"""`c360 export`: facts and totals as files, for tools that read those; with personal data."""

from pathlib import Path
from typing import Final

from psycopg import IsolationLevel

from c360.commands.share import print_export
from c360.database import connect
from c360.exports import Format
from c360.exports import export as export_tables
from c360.output import print_json
from c360.target import resolve_target
from settings import Settings

#: Facts, what joins them, and totals: those that are kept in parts summed. Refused events are not data yet.
_TABLES: Final = r"""
    SELECT relname FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relname IN (
        'customers', 'customer_segments', 'channels', 'products', 'product_discussions', 'interactions', 'transactions',
        'interaction_topics', 'purchases'
    )
    UNION
    SELECT regexp_replace(relname, '(_parts)?_from_facts$', '') FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relname LIKE '%\_from\_facts'
    ORDER BY 1
"""


def export(
    *,
    out: Path,
    format: Format = "parquet",  # noqa: A002 -- as it is typed
    json: bool = False,
    data_dir: Path | None = None,
) -> None:
    """Write facts and totals to files, as of one moment, with a manifest.

    They hold personal data; what `c360 share export` writes does not.

    Parameters
    ----------
    out: Path
        The folder, new or empty.
    format: Format
        Kind of the files.
    json: bool
        Print the manifest.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    with connect(resolve_target(Settings(), data_dir).database_url) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        tables = [name for (name,) in connection.execute(_TABLES)]
        manifest = export_tables(connection, tables, out, format)
    if json:
        print_json(manifest)
    else:
        print_export(manifest, out)
