"""Bring a database to the current schema: numbered migrations, then every definition whose file has changed.

Definitions are the files of relations/ (views that join facts), totals/ (a table for a running total, beside it the
question that it answers, asked of the facts) and analytics/ (materialized views over both, and functions). A total that
is new is filled from the facts at once, and so is a materialized view.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql as query
from yoyo import get_backend, read_migrations

from sql import FOLDER, REATTRIBUTION_LOCK, schema
from sql.refresh import REFRESH_LOCK, refresh_new

#: One runner at a time: another one waits. Postgres frees it however the runner ends.
_RUNNER_LOCK = 0xC360_0001

_NOTE = """
    INSERT INTO _yoyo_migration (migration_hash, migration_id, applied_at_utc)
    VALUES (%s, %s, now() AT TIME ZONE 'UTC')
"""

_TOTALS = r"""
    SELECT table_name FROM information_schema.views
    WHERE table_schema = current_schema() AND table_name LIKE '%\_from\_facts' ORDER BY table_name
"""

Connection = psycopg.Connection[tuple[Any, ...]]


def migrate(url: str) -> list[str]:
    """Apply what is missing; safe to run twice, or by two runners at once.

    Args:
        url: postgresql://user:password@host:port/database
    Returns: Names of the migrations and definitions that were applied, in order; empty when all was current.
    Raises: psycopg.Error or yoyo's errors when a file fails; what that file did is rolled back.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_RUNNER_LOCK])
        if _schema_of(connection) == schema():
            return _apply_definitions(connection)  # views that join facts may have changed
        return _bring_up_to_date(connection, url)


def pending(url: str) -> list[str]:
    """Names of the migrations that the database still lacks."""
    with get_backend(_yoyo_url(url)) as backend:
        return [migration.id for migration in backend.to_apply(_migrations())]


def totals(connection: Connection) -> list[str]:
    """The tables that hold running totals; `<table>_from_facts` is the question that each answers."""
    return [name.removesuffix("_from_facts") for (name,) in connection.execute(_TOTALS).fetchall()]


def rebuild(connection: Connection, total: str) -> int:
    """Compute a running total anew from the facts, in one transaction that units of work wait for.

    Readers see the old rows until it commits.
    Returns: Number of rows.
    """
    table, question = query.Identifier(total), query.Identifier(f"{total}_from_facts")
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [REATTRIBUTION_LOCK])
        connection.execute(query.SQL("DELETE FROM {}").format(table))
        cursor = connection.execute(query.SQL("INSERT INTO {} SELECT * FROM {}").format(table, question))
        connection.execute("UPDATE reattribution SET epoch = epoch + 1")
        return cursor.rowcount


def _bring_up_to_date(connection: Connection, url: str) -> list[str]:
    """Stop older processors, change what is to change, and let those of this version write."""
    if _schema_of(connection) is not None:
        _set_schema(connection, "being migrated")
    applied = [*_apply_migrations(connection, url), *_apply_definitions(connection)]
    _set_schema(connection, schema())
    return applied


def _schema_of(connection: Connection) -> str | None:
    """What the database was brought to; None for a new one, and before this was kept."""
    kept = connection.execute(
        "SELECT true FROM information_schema.columns "
        "WHERE (table_schema, table_name, column_name) = (current_schema(), 'reattribution', 'schema')"
    ).fetchone()
    row = connection.execute("SELECT schema FROM reattribution").fetchone() if kept else None
    return row[0] if row else None


def _set_schema(connection: Connection, to: str) -> None:
    """Once this commits, no unit of work of another version is under way, and none begins."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [REATTRIBUTION_LOCK])
        connection.execute("UPDATE reattribution SET schema = %s", [to])


def _apply_migrations(connection: Connection, url: str) -> list[str]:
    """Apply what is missing, each migration together with the note that it was applied.

    yoyo knows which and in what order; its own way to apply them would leave a migration without its note when the
    process is killed in between, and its lock would outlive that process.
    """
    with get_backend(_yoyo_url(url)) as backend:
        missing = backend.to_apply(_migrations())
        for migration in missing:
            with connection.transaction():
                connection.execute(Path(migration.path).read_bytes())
                connection.execute(_NOTE, [migration.hash, migration.id])
    return [migration.id for migration in missing]


def _apply_definitions(connection: Connection) -> list[str]:
    with connection.transaction():
        # What is replaced below may be what a refresher is at; it would wait for us, and we for it.
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [REFRESH_LOCK])
        connection.execute("CREATE TABLE IF NOT EXISTS definitions (name text PRIMARY KEY, sha256 text NOT NULL)")
        connection.execute(
            "COMMENT ON TABLE definitions IS 'Which version of each file of relations, totals and analytics is here.';"
            "COMMENT ON COLUMN definitions.name IS 'Folder and name of the file.';"
            "COMMENT ON COLUMN definitions.sha256 IS 'Of the file as it was applied.'"
        )
        current: dict[str, str] = dict(connection.execute("SELECT name, sha256 FROM definitions").fetchall())
        applied = [
            name for name, path in _definitions() if _apply_definition(connection, name, path, current.get(name))
        ]
        refresh_new(connection)
        return applied


def _definitions() -> Iterator[tuple[str, Path]]:
    """Files in order: totals may read relations, analytics may read both."""
    for folder in ("relations", "totals", "analytics"):
        for path in sorted((FOLDER / folder).glob("*.sql")):
            yield f"{folder}/{path.stem}", path


def _apply_definition(connection: Connection, name: str, path: Path, applied: str | None) -> bool:
    text = path.read_bytes()
    digest = hashlib.sha256(text).hexdigest()
    if applied == digest:
        return False
    before = set(totals(connection))
    connection.execute(text)
    for total in set(totals(connection)) - before:
        rebuild(connection, total)
    connection.execute(
        "INSERT INTO definitions VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET sha256 = excluded.sha256",
        [name, digest],
    )
    return True


def _migrations() -> Any:
    return read_migrations(str(FOLDER / "migrations"))


def _yoyo_url(url: str) -> str:
    """Name the driver as yoyo wants it; `postgres://` is accepted too."""
    return "postgresql+psycopg://" + url.partition("://")[2]
