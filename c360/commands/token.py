"""`c360 token`: who may use the API, and for what."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.markup import escape

from api.access.tokens import ListedToken, Scope, create_token, list_tokens, revoke_token
from c360.database import connect
from c360.output import ERR, OUT, print_json, table
from c360.target import resolve_target
from events.errors import UsageError
from settings import Settings

token = App(name="token", help="Tokens for the API: make, list and revoke them.")

#: Longer ones are mistakes, such as a token in the place of a name.
_LONGEST_NAME = 60


@token.command
def create(
    name: str,
    /,
    *,
    scope: Annotated[list[Scope], Parameter(negative=())] = [Scope.READ],  # noqa: B006 -- read only
    data_dir: Path | None = None,
) -> None:
    """Make a token and print it: this once, as only its hash is stored.

    Parameters
    ----------
    name: str
        Who or what will use it.
    scope: list[Scope]
        What it may do; may be repeated.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise UsageError(f"{name[:_LONGEST_NAME]!r} is no name: expected 1 to {_LONGEST_NAME} printable characters")
    with connect(resolve_target(Settings(), data_dir).database_url) as connection:
        made = create_token(connection, name.strip(), set(scope))
    OUT.out(made, highlight=False)
    ERR.print("Keep it now: it can't be shown again. Send it as: Authorization: Bearer TOKEN", markup=False)


@token.command(name="list")
def list_all(*, json: bool = False, data_dir: Path | None = None) -> None:
    """List all tokens, newest first: their ids, names and scopes, never their secrets.

    Parameters
    ----------
    json: bool
        Print a JSON array.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    with connect(resolve_target(Settings(), data_dir).database_url) as connection:
        found = list_tokens(connection)
    if json:
        print_json(found)
    else:
        _print(found)


@token.command
def revoke(name: str, /, *, data_dir: Path | None = None) -> None:
    """Make a token worthless; running APIs notice within 2 seconds.

    Parameters
    ----------
    name: str
        Name or id of the token.
    data_dir: Path
        Work with the stack that runs in this data directory, not with what the environment names.
    """
    with connect(resolve_target(Settings(), data_dir).database_url) as connection:
        if not revoke_token(connection, name):
            raise UsageError(f"there is no token {name!r} that could be revoked: see `c360 token list`")
    OUT.print(f"revoked {name}", markup=False)


def _print(found: list[ListedToken]) -> None:
    if not found:
        OUT.print("There are no tokens: make one with `c360 token create NAME --scope read`.")
        return
    shown = table("id", "name", "scopes", "made (UTC)", "revoked (UTC)")
    for one in found:
        revoked = f"{one.revoked_at:%Y-%m-%d %H:%M}" if one.revoked_at else ""
        shown.add_row(one.token_id, escape(one.name), " ".join(one.scopes), f"{one.created_at:%Y-%m-%d %H:%M}", revoked)
    OUT.print(shown)
