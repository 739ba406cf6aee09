"""`c360 share`: what partners may see, without personal data (docs/sharing.md)."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import psycopg
from cyclopts import App, Parameter
from psycopg import IsolationLevel

from c360.database import Connection, address, connect
from c360.exports import ExportManifest, Format, export
from c360.output import ERR, OUT, print_json, table
from c360.target import resolve_target
from events.errors import RefusedState, UsageError
from settings import Settings
from sql import sharing

share = App(name="share", help="Share data with partners, without personal data.")

_TABLES: Final = "SELECT name FROM shared.contents ORDER BY name"
_CONTENTS: Final = f"{sharing.SCHEMA}.contents"


@share.command
def refresh(
    *, rotate: Annotated[bool, Parameter(negative=())] = False, json: bool = False, data_dir: Path | None = None
) -> None:
    """Fill schema `shared` anew, and make the role `partner` that may read it and nothing else.

    Parameters
    ----------
    rotate: bool
        C360_SHARING_KEY is a new one: give every customer another pseudonym, which can't be joined with the one before.
    json: bool
        Print the result as JSON.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    settings = Settings()
    if settings.sharing.key is None:
        raise UsageError("no key is set for the pseudonyms: set C360_SHARING_KEY, such as `openssl rand -hex 32` gives")
    key = settings.sharing.key.get_secret_value().encode()
    group_size = settings.sharing.group_size
    with connect(resolve_target(settings, data_dir).database_url) as connection, _privileges():
        try:
            shared = sharing.refresh(connection, key, group_size=group_size, rotate=rotate)
        except sharing.OtherKey:
            raise RefusedState(
                "the pseudonyms were made with another C360_SHARING_KEY: set that one, or give everybody new ones "
                "with `c360 share refresh --rotate`"
            ) from None
    if json:
        print_json([one._asdict() for one in shared])
    else:
        _print(shared, group_size)


@share.command
def grant(name: str, /, *, data_dir: Path | None = None) -> None:
    """Make a login for a partner that may read schema `shared`, and print its password: this once.

    Parameters
    ----------
    name: str
        Name of the role; `DROP ROLE` takes it away.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    url = resolve_target(Settings(), data_dir).database_url
    with connect(url) as connection, _privileges():
        try:
            password = sharing.create_login(connection, name)
        except psycopg.errors.DuplicateObject:
            raise UsageError(f"there is a role {name!r} already: choose another name") from None
    OUT.out(password, highlight=False)
    ERR.print(f"Keep it now: the password of {name} at {address(url)} can't be shown again.", markup=False)


@share.command(name="export")
def export_shared(
    *,
    out: Path,
    format: Format = "parquet",  # noqa: A002 -- as it is typed
    json: bool = False,
    data_dir: Path | None = None,
) -> None:
    """Write what is shared to files, with a manifest.

    They are read as role `partner`: what it may not see can't get into them.

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
    with connect(resolve_target(Settings(), data_dir).database_url) as connection, _privileges():
        manifest = export_as_partner(connection, out, format)
    if json:
        print_json(manifest)
    else:
        print_export(manifest, out)


def export_as_partner(connection: Connection, folder: Path, form: Format) -> ExportManifest:
    """Raises: RefusedState when nothing was shared yet; UsageError."""
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    tables = [f"{sharing.SCHEMA}.{name}" for (name,) in connection.execute(_TABLES)]
    if not tables:
        raise RefusedState("nothing is shared yet: `c360 share refresh` first")
    connection.execute("SET LOCAL ROLE partner")
    return export(connection, [_CONTENTS, *tables], folder, form)


def print_export(manifest: ExportManifest, folder: Path) -> None:
    """Print for people what was exported."""
    shown = table("table", "file", "rows", numbers=("rows",))
    for one in manifest.tables:
        shown.add_row(one.table, one.file, f"{one.rows:,}")
    OUT.print(shown)
    OUT.print(f"as of {manifest.exported_at:%Y-%m-%d %H:%M} UTC in {folder}, listed in manifest.json", markup=False)


@contextmanager
def _privileges() -> Iterator[None]:
    """Raises: RefusedState when the role that we log in as may not make roles."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise RefusedState(
            f"{str(error).splitlines()[0]}: let somebody with CREATEROLE run sql/shared/role.sql, or this command"
        ) from error


def _print(shared: list[sharing.Shared], group_size: int) -> None:
    shown = table("table", "rows", "withheld", numbers=("rows", "withheld"))
    for one in shared:
        shown.add_row(one.name, f"{one.rows:,}", f"{one.withheld:,}")
    OUT.print(shown)
    OUT.print(f"No row stands for fewer than {group_size} customers, or tells one from fewer than {group_size}.")
