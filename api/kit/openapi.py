"""The OpenAPI document: what FastAPI derives, with problems under their media type and the headers of all answers."""

from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.errors import MEDIA_TYPE
from api.kit.request_context import HEADER

Json = dict[str, Any]

#: Left out where no limit is set, and of 401, before the caller is known.
_RATE_LIMITS: Final[Json] = {
    "RateLimit-Policy": {
        "description": "What is allowed: q requests of this class in w seconds.",
        "schema": {"type": "string", "examples": ['"reads";q=6000;w=60']},
    },
    "RateLimit": {
        "description": "What is left: r requests; the next one comes free in t seconds.",
        "schema": {"type": "string", "examples": ['"reads";r=5999;t=1']},
    },
}


def operation_id(route: APIRoute) -> str:
    """Operation ids are the names of the endpoint functions: clients generated from the document stay the same."""
    return route.name


def unversioned_operation_id(route: APIRoute) -> str:
    """The same endpoint under a batch system's path."""
    return f"{route.name}_unversioned"


def describe(app: FastAPI) -> None:
    """Make `app.openapi()` say what the application really answers."""
    derive = app.openapi

    def openapi() -> Json:
        if app.openapi_schema is None:
            document = derive()
            for operation in _operations(document):
                for status, response in operation["responses"].items():
                    _complete(status, response)
                    if "security" in operation:
                        response["headers"] |= _RATE_LIMITS
            app.openapi_schema = document
        return app.openapi_schema

    # Replacing the method is FastAPI's documented way to extend the document.
    app.openapi = openapi  # type: ignore[method-assign]


def _operations(document: Json) -> Iterator[Json]:
    for operations in document["paths"].values():
        yield from operations.values()


def _complete(status: str, response: Json) -> None:
    description = "Id of the request in the logs: the one that was sent, or a new one."
    response.setdefault("headers", {})[HEADER] = {"description": description, "schema": {"type": "string"}}
    if status >= "400":
        response["content"] = {MEDIA_TYPE: response["content"]["application/json"]}
