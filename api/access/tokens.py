"""Bearer tokens: `c360_<public id>_<secret>`. The database holds the id and a hash of the secret.

The secret is 32 random bytes, so a plain hash is enough: there is nothing to guess that a slow one would protect.
What is done to tokens (create, list, revoke) is done here by the command line; requests are checked in `callers`.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

import psycopg
from psycopg.rows import class_row

from api.database import query_text
from events.errors import UsageError

_FORM: Final = re.compile(r"c360_([0-9a-f]{12})_([0-9a-f]{64})")
_CREATE: Final = query_text("token_create")
_LIST: Final = query_text("token_list")
_REVOKE: Final = query_text("token_revoke")
_FIND: Final = query_text("token_find")

#: Compared with when there is no such token, so that this takes as long as when there is one.
_NOBODYS_HASH: Final = hashlib.sha256(b"").digest()

Connection = psycopg.Connection[tuple[Any, ...]]


class Scope(StrEnum):
    """What a token may do; each stands for itself, none contains another."""

    READ = "read"
    INGEST = "ingest"
    PERSONAL_DATA = "personal-data"
    SHARED = "shared"
    ADMIN = "admin"


class TokenParts(NamedTuple):
    """A token taken apart."""

    token_id: str
    secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredToken:
    """A token as the database knows it."""

    token_id: str
    name: str
    hash: bytes
    scopes: list[str]
    revoked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedToken:
    """A token as people may see it."""

    token_id: str
    name: str
    scopes: list[str]
    created_at: datetime
    revoked_at: datetime | None


def take_apart(token: str) -> TokenParts | None:
    """Id and secret of a token; None when it does not have the form of one."""
    match = _FORM.fullmatch(token)
    return TokenParts(match[1], match[2]) if match else None


def is_genuine(parts: TokenParts, stored: StoredToken | None) -> bool:
    """Whether the secret is the right one and the token not revoked; in the same time for every reason why not."""
    matches = hmac.compare_digest(_hash(parts.secret), bytes(stored.hash) if stored else _NOBODYS_HASH)
    return matches and stored is not None and not stored.revoked


def create_token(connection: Connection, name: str, scopes: Collection[Scope]) -> str:
    """Make a token; what is returned can't be had again.

    Raises: UsageError when a token of that name exists that is not revoked.
    """
    token_id, secret = secrets.token_hex(6), secrets.token_hex(32)
    parameters = {"token_id": token_id, "name": name, "hash": _hash(secret), "scopes": sorted(map(str, scopes))}
    try:
        connection.execute(_CREATE, parameters)
    except psycopg.errors.UniqueViolation as error:
        raise UsageError(f"there is a token named {name!r}: revoke it first, or choose another name") from error
    return f"c360_{token_id}_{secret}"


def list_tokens(connection: Connection) -> list[ListedToken]:
    """All tokens, those that are revoked too, newest first."""
    return connection.cursor(row_factory=class_row(ListedToken)).execute(_LIST).fetchall()


def revoke_token(connection: Connection, name_or_id: str) -> bool:
    """Make a token worthless; False when there is none of that name or id."""
    return connection.execute(_REVOKE, {"name_or_id": name_or_id}).rowcount > 0


def keep_or_create_token(connection: Connection, name: str, scopes: Collection[Scope], kept: str | None) -> str:
    """The token that was kept, if it is still good, else a new one in its place."""
    parts = take_apart(kept or "")
    if parts and kept:
        cursor = connection.cursor(row_factory=class_row(StoredToken))
        if is_genuine(parts, cursor.execute(_FIND, {"token_id": parts.token_id}).fetchone()):
            return kept
    revoke_token(connection, name)
    return create_token(connection, name, scopes)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
