"""Bring a database to the current schema: numbered migrations by yoyo, then every view whose file has changed."""

import hashlib

import psycopg
from yoyo import get_backend, read_migrations
from yoyo.migrations import MigrationList

from sql import FOLDER

#: One runner at a time re-creates views; yoyo has a lock of its own for the migrations.
_VIEWS_LOCK = 0xC360_0001

#: Created in this order: a view may read those before it.
VIEWS = ("product_interest", "interaction_topics")


def migrate(url: str) -> list[str]:
    """Apply what is missing; safe to run twice, or by two runners at once.

    Args:
        url: postgresql://user:password@host:port/database
    Returns: Names of the migrations and views that were applied, in order; empty when all was current.
    Raises: psycopg.Error or yoyo's errors when a file fails; what that file did is rolled back.
    """
    return [*_apply_migrations(url), *_apply_views(url)]


def pending(url: str) -> list[str]:
    """Names of the migrations that the database still lacks."""
    with get_backend(_yoyo_url(url)) as backend:
        return [migration.id for migration in backend.to_apply(_migrations())]


def _apply_migrations(url: str) -> list[str]:
    with get_backend(_yoyo_url(url)) as backend, backend.lock():
        missing = backend.to_apply(_migrations())
        backend.apply_migrations(missing)
        return [migration.id for migration in missing]


def _apply_views(url: str) -> list[str]:
    applied = []
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_VIEWS_LOCK])
        connection.execute("CREATE TABLE IF NOT EXISTS view_files (name text PRIMARY KEY, sha256 text NOT NULL)")
        current = dict(connection.execute("SELECT name, sha256 FROM view_files").fetchall())
        for name in VIEWS:
            text = (FOLDER / "views" / f"{name}.sql").read_bytes()
            digest = hashlib.sha256(text).hexdigest()
            if current.get(name) != digest:
                connection.execute(text)
                connection.execute(
                    "INSERT INTO view_files VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET sha256 = excluded.sha256",
                    [name, digest],
                )
                applied.append(f"views/{name}")
    return applied


def _migrations() -> MigrationList:
    return read_migrations(str(FOLDER / "migrations"))


def _yoyo_url(url: str) -> str:
    """Name the driver as yoyo wants it; `postgres://` is accepted too."""
    return "postgresql+psycopg://" + url.split("://", 1)[1]
