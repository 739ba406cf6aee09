"""The OpenAPI document: what FastAPI derives, with problems under their media type and the headers of all answers."""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.errors import MEDIA_TYPE
from api.kit.request_context import HEADER

Json = dict[str, Any]


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
            for status, response in _responses(document):
                _complete(status, response)
            app.openapi_schema = document
        return app.openapi_schema

    # Replacing the method is FastAPI's documented way to extend the document.
    app.openapi = openapi  # type: ignore[method-assign]


def _responses(document: Json) -> Iterator[tuple[str, Json]]:
    for operations in document["paths"].values():
        for operation in operations.values():
            yield from operation["responses"].items()


def _complete(status: str, response: Json) -> None:
    description = "Id of the request in the logs: the one that was sent, or a new one."
    response.setdefault("headers", {})[HEADER] = {"description": description, "schema": {"type": "string"}}
    if status >= "400":
        response["content"] = {MEDIA_TYPE: response["content"]["application/json"]}
