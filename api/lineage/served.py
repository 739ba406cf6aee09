"""Which queries each endpoint asks: found by following its code, from name to name, to the texts of sql/queries."""

from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

import sql
from lineage.graph import Endpoint


def endpoints_of(app: FastAPI, *, prefix: str) -> list[Endpoint]:
    """The documented endpoints under this path.

    What every endpoint asks before it begins (the token, the position) is not told of each.
    """
    texts = _query_texts()
    return [
        Endpoint(
            name=str(route.name),
            path=f"{'|'.join(sorted(route.methods or ()))} {route.path}",
            meaning=_meaning(route),
            queries=tuple(sorted(_queries_of(route.endpoint, texts))),
        )
        for route in iter_route_contexts(app.routes)
        if isinstance(route.original_route, APIRoute) and route.include_in_schema and str(route.path).startswith(prefix)
    ]


def _meaning(route: RouteContext) -> str:
    """Its summary and its description; empty where one of them is missing."""
    return f"{route.summary}. {route.description}" if route.summary and route.description else ""


def _query_texts() -> dict[bytes, str]:
    folder = sql.FOLDER / "queries"
    return {path.read_bytes(): str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.sql")}


def _queries_of(endpoint: Any, texts: dict[bytes, str]) -> set[str]:
    found: set[str] = set()
    seen: set[object] = set()
    waiting = [endpoint]
    while waiting:
        function = waiting.pop()
        for value in _named_by(function):
            if isinstance(value, bytes) and value in texts:
                found.add(texts[value])
            elif isinstance(value, FunctionType) and value.__module__.startswith("api.") and value not in seen:
                seen.add(value)
                waiting.append(value)
    return found


def _named_by(function: FunctionType) -> Iterator[object]:
    """The values of the global names in the code of a function, those in collections one by one."""
    for name in _names(function.__code__):
        value = function.__globals__.get(name)
        if isinstance(value, dict):
            yield from value.values()
        elif isinstance(value, tuple | list):
            yield from value
        else:
            yield value


def _names(code: CodeType) -> Iterator[str]:
    """The names in a piece of code, and in the functions and comprehensions within it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
