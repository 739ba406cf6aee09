"""A database and a broker that do what the test says, and a token that is good."""

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from api.access.tokens import Scope, StoredToken
from events.encoding import Record

GOOD_ID, _SECRET = "0123456789ab", "5e" * 32
GOOD_TOKEN = f"c360_{GOOD_ID}_{_SECRET}"


def good_token(*scopes: Scope, revoked: bool = False) -> StoredToken:
    """What a database knows of GOOD_TOKEN."""
    digest = hashlib.sha256(_SECRET.encode()).digest()
    return StoredToken(token_id=GOOD_ID, name="test", hash=digest, scopes=[*scopes], revoked=revoked)


class FakeBroker:
    """Takes every record, or fails with `error`."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.error: Exception | None = None

    async def publish(self, records: Sequence[Record]) -> dict[tuple[str, int], int]:
        if self.error:
            raise self.error
        self.records += records
        return {(records[0].topic, 0): len(self.records)}


class FakeDatabase:
    """Answers every question with `rows` (column name to value), or fails with `error`."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.error: Exception | None = None
        self.asked: list[Any] = []
        #: The tokens that it knows, by their public ids, and how often it was asked for one.
        self.tokens: dict[str, StoredToken] = {}
        self.token_lookups = 0
        #: Answers that were kept, by the keys of their requests.
        self.kept: dict[str, dict[str, Any]] = {}

    async def fetch_all(self, _query: bytes, model: type[Any], parameters: Any = None) -> list[Any]:
        if model is StoredToken:
            self.token_lookups += 1
            return [token] if (token := self.tokens.get(parameters["token_id"])) else []
        if "idempotency_key" in (parameters or ()):
            kept = self.kept.get(parameters["idempotency_key"])
            answer = kept and kept.get("answer")
            return [model(kept["request_hash"], msgspec.json.decode(answer) if answer else None)] if kept else []
        self.asked.append(parameters)
        if self.error:
            raise self.error
        return [model(**row) for row in self.rows]

    async def fetch_one(self, query: bytes, model: type[Any], parameters: Any = None) -> Any:
        rows = await self.fetch_all(query, model, parameters)
        return rows[0] if rows else None

    async def write(self, query: bytes, parameters: Any) -> int:
        key = parameters["idempotency_key"]
        if query.startswith(b"-- Begin"):
            if key in self.kept:
                return 0
            self.kept[key] = parameters
        elif query.startswith(b"-- Forget"):
            del self.kept[key]
        else:
            self.kept[key] |= parameters
        return 1
