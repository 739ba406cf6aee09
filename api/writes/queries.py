"""Answers that are kept for requests that may come again."""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from api.database import Database, query_text
from api.errors import KeyReused
from api.writes.models import Written

_FIND: Final = query_text("write_find")
_KEEP: Final = query_text("write_keep")


@dataclass(frozen=True, slots=True)
class _Kept:
    request_hash: bytes
    answer: dict[str, Any]


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


async def find_answer(database: Database, attempt: Attempt) -> Written | None:
    """What was answered to it before, if anything.

    Raises: KeyReused when that was another request.
    """
    parameters = {"token_id": attempt.token_id, "idempotency_key": attempt.key}
    kept = await database.fetch_one(_FIND, _Kept, parameters)
    if kept is None:
        return None
    if bytes(kept.request_hash) != attempt.request_hash:
        raise KeyReused(f"key {attempt.key!r} was sent with another request before")
    return Written.model_validate(kept.answer)


async def keep_answer(database: Database, attempt: Attempt, answer: Written) -> None:
    """Remember what was answered, for a day."""
    parameters = {
        "token_id": attempt.token_id,
        "idempotency_key": attempt.key,
        "request_hash": attempt.request_hash,
        "answer": answer.model_dump_json(),
    }
    await database.write(_KEEP, parameters)
