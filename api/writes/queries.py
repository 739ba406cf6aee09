"""Requests that name themselves by a key: published once, however often and however much at once they are sent."""

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from api.database import Database, query_text
from api.errors import KeyInUse, KeyReused
from api.writes.models import Written
from events.errors import Unavailable

_FIND: Final = query_text("write_find")
_BEGIN: Final = query_text("write_begin")
_END: Final = query_text("write_end")
_GIVE_UP: Final = query_text("write_give_up")


@dataclass(frozen=True, slots=True)
class _Kept:
    request_hash: bytes
    answer: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A request that names itself by an Idempotency-Key."""

    token_id: str
    key: str
    request_hash: bytes

    @classmethod
    def of(cls, token_id: str, key: str, *, path: str, body: bytes) -> "Attempt":
        """The attempt that this request is."""
        digest = hashlib.sha256(path.encode() + b"\0" + body).digest()
        return cls(token_id=token_id, key=key, request_hash=digest)

    def parameters(self) -> dict[str, Any]:
        """As the queries take them."""
        return {"token_id": self.token_id, "idempotency_key": self.key, "request_hash": self.request_hash}


async def answer_once(database: Database, attempt: Attempt, publish: Callable[[], Awaitable[Written]]) -> Written:
    """Publish, unless this request was answered before: then give the same answer again.

    Raises: KeyReused when the key was another request's; KeyInUse when the same request is under way right now;
    whatever
        `publish` raises, after which the request may be sent again.
    """
    if not await database.write(_BEGIN, attempt.parameters()):
        return await _answered(database, attempt)
    try:
        written = await publish()
    except BaseException:
        with suppress(Unavailable):  # else it may be begun again in a minute
            await database.write(_GIVE_UP, attempt.parameters())
        raise
    # The events are published: that the answer can't be kept must not look as if they were not. Sent again, they count
    # once by their own ids.
    with suppress(Unavailable):
        await database.write(_END, {**attempt.parameters(), "answer": written.model_dump_json()})
    return written


async def _answered(database: Database, attempt: Attempt) -> Written:
    kept = await database.fetch_one(_FIND, _Kept, attempt.parameters())
    if kept and bytes(kept.request_hash) != attempt.request_hash:
        raise KeyReused(f"key {attempt.key!r} was sent with another request before")
    if kept is None or kept.answer is None:
        raise KeyInUse(f"the request with key {attempt.key!r} is under way", headers={"Retry-After": "1"})
    return Written.model_validate(kept.answer)
