"""The caller of a request: found out from its bearer token, known to every endpoint that answers with data."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final, Protocol, Self, TypeVar

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.access.limits import RateLimits, RouteClass
from api.access.tokens import Scope, StoredToken, is_genuine, take_apart
from api.database import Database, DatabaseDependency, query_text
from api.errors import MissingScope, Unauthenticated
from api.kit.request_context import add_headers

#: For so long a token that was found good is not looked up again: a revoked one may be accepted meanwhile.
TRUSTED_SECONDS: Final = 2.0

_FIND: Final = query_text("token_find")
_CHALLENGE: Final = 'Bearer realm="c360"'


class Maskable(Protocol):
    """A row with personal data."""

    def masked(self) -> Self:
        """The same without it."""


M = TypeVar("M", bound=Maskable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks."""

    #: Public id of the token; of callers without one, "anonymous".
    token_id: str
    scopes: frozenset[str]

    def may(self, scope: Scope) -> bool:
        """Whether the token has this scope."""
        return scope in self.scopes

    def shown(self, row: M) -> M:
        """What of a row this caller may see."""
        return row if self.may(Scope.PERSONAL_DATA) else row.masked()


#: Whoever asks without a token, where that is allowed.
ANONYMOUS: Final = Caller(token_id="anonymous", scopes=frozenset({Scope.READ}))  # noqa: S106 -- no secret


class Gate:
    """Tells callers by their tokens.

    Args:
        open_reads: Requests without any token may read, with personal data masked.
    """

    def __init__(self, *, open_reads: bool) -> None:
        self._open_reads = open_reads
        self._trusted: dict[str, tuple[float, StoredToken]] = {}
        #: Look-ups under way: however many requests carry the same token at once, the database is asked once.
        self._looking: dict[str, asyncio.Task[StoredToken | None]] = {}

    async def admit(self, database: Database, authorization: str | None, token: str | None) -> Caller:
        """Who asks with this header.

        Args:
            authorization: The whole header; None: none was sent.
            token: What is behind `Bearer`.
        Raises: Unauthenticated; Unavailable.
        """
        if authorization is None and self._open_reads:
            return ANONYMOUS
        parts = take_apart(token or "")
        stored = await self._find(database, parts.token_id) if parts else None
        if parts is None or not is_genuine(parts, stored) or stored is None:
            challenge = _CHALLENGE if authorization is None else f'{_CHALLENGE}, error="invalid_token"'
            raise Unauthenticated(Unauthenticated.example, headers={"WWW-Authenticate": challenge})
        return Caller(token_id=stored.token_id, scopes=frozenset(stored.scopes))

    async def _find(self, database: Database, token_id: str) -> StoredToken | None:
        until, known = self._trusted.get(token_id, (0.0, None))
        if known and time.monotonic() < until:
            return known
        looking = self._looking.get(token_id)
        if looking is None:
            looking = asyncio.create_task(self._look_up(database, token_id))
            self._looking[token_id] = looking
            looking.add_done_callback(lambda _: self._looking.pop(token_id))
        return await asyncio.shield(looking)  # one caller who hangs up does not end it for the others

    async def _look_up(self, database: Database, token_id: str) -> StoredToken | None:
        asked_at = time.monotonic()
        stored = await database.fetch_one(_FIND, StoredToken, {"token_id": token_id})
        self._trusted.pop(token_id, None)
        # Only what exists is kept: nobody can fill the memory with inventions.
        if stored and not stored.revoked:
            self._trusted[token_id] = (asked_at + TRUSTED_SECONDS, stored)
        return stored


_bearer = HTTPBearer(auto_error=False, scheme_name="token", description="Made by `c360 token create`.")


async def _caller(
    request: Request,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    database: DatabaseDependency,
) -> Caller:
    gate: Gate = request.app.state.gate
    return await gate.admit(
        database, request.headers.get("Authorization"), credentials.credentials if credentials else None
    )


def _needs(scope: Scope, route_class: RouteClass) -> Callable[..., Awaitable[Caller]]:
    async def need(request: Request, caller: Annotated[Caller, Depends(_caller)]) -> Caller:
        if not caller.may(scope):
            challenge = f'{_CHALLENGE}, error="insufficient_scope", scope="{scope}"'
            raise MissingScope(f"needs a token with scope {scope}", headers={"WWW-Authenticate": challenge})
        limits: RateLimits = request.app.state.limits
        add_headers(request, limits.count(route_class, _counted_as(request, caller)))
        return caller

    return need


def _counted_as(request: Request, caller: Caller) -> str:
    """Whoever has no token is told apart by address."""
    if caller is ANONYMOUS:
        return f"address {request.client.host if request.client else ''}"
    return caller.token_id


reader: Final = _needs(Scope.READ, "reads")
ingester: Final = _needs(Scope.INGEST, "writes")
administrator: Final = _needs(Scope.ADMIN, "writes")
partner: Final = _needs(Scope.SHARED, "reads")

#: For endpoints: the caller, who has the scope that it is named after.
Reader = Annotated[Caller, Depends(reader)]
Ingester = Annotated[Caller, Depends(ingester)]
Administrator = Annotated[Caller, Depends(administrator)]
