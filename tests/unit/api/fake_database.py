"""A database that answers what the test says."""

from typing import Any


class FakeDatabase:
    """Answers every question with `rows` (column name to value), or fails with `error`."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.error: Exception | None = None
        self.asked: list[Any] = []

    async def fetch_all(self, _query: bytes, model: type[Any], parameters: Any = None) -> list[Any]:
        self.asked.append(parameters)
        if self.error:
            raise self.error
        return [model(**row) for row in self.rows]

    async def fetch_one(self, query: bytes, model: type[Any], parameters: Any = None) -> Any:
        rows = await self.fetch_all(query, model, parameters)
        return rows[0] if rows else None
