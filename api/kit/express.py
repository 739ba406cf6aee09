"""The short way of questions that are in order: parameters are read and functions called as planned at the start.

FastAPI looks for the route and walks the tree of its dependencies anew with every request, which takes longer than the
answer does in Postgres. Here each route of questions has a plan, made once of what FastAPI knows of it: the parameters
to read and check, then the functions to call, each once. Whatever the plan can't read without an error goes FastAPI's
way, which finds out what is wrong and says so: there is one set of rules, and OpenAPI is made from it.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import iscoroutinefunction, signature
from re import Pattern
from typing import Any, Final, get_origin

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import EXPECTED


class Express:
    """ASGI middleware that answers the planned questions itself.

    Args:
        app: Takes everything else.
        routes: Prefix and route of each question: GET without a body, all functions coroutines, the answer a Response.
        problem_of: Makes the answer to an expected exception; others are passed on.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        routes: Iterable[tuple[str, APIRoute]],
        problem_of: Callable[[Request, Exception], Response],
    ) -> None:
        self.app = app
        self.problem_of = problem_of
        self._by_path: dict[str, _Plan] = {}
        self._by_pattern: list[tuple[Pattern[str], _Plan]] = []
        for prefix, route in routes:
            path = prefix + route.path
            if "{" in path:
                self._by_pattern.append((compile_path(path)[0], _Plan(route)))
            else:
                self._by_path[path] = _Plan(route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET" and (plan := self._plan(scope)):
            request = Request(scope, receive)
            values = plan.read(request)
            if values is not None:
                await (await self._answer(plan, request, values))(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _plan(self, scope: Scope) -> "_Plan | None":
        """The plan for this path; the parameters in the path are noted where Starlette notes them."""
        path = scope["path"]
        plan, path_params = self._by_path.get(path), {}
        if plan is None:
            for pattern, candidate in self._by_pattern:
                if match := pattern.match(path):
                    plan, path_params = candidate, match.groupdict()
                    break
        if plan:
            scope.update(path_params=path_params, route=plan.route)
        return plan

    async def _answer(self, plan: "_Plan", request: Request, values: list[dict[str, Any]]) -> Response:
        try:
            return await plan.carry_out(request, values)
        except EXPECTED as error:
            return self.problem_of(request, error)


@dataclass(frozen=True, slots=True)
class _Parameter:
    """One parameter of one function."""

    name: str
    #: Where it is looked up: the attribute of the request.
    place: str
    alias: str
    #: Takes every value that was sent, not the first.
    many: bool
    #: FastAPI's check: gives the value and what is wrong with it.
    validate: Callable[[Any], tuple[Any, Any]]
    required: bool
    #: For all requests the same: no function changes what it is given.
    default: Any

    def read(self, request: Request) -> tuple[Any, bool]:
        """Its value, and whether it is good."""
        sent = getattr(request, self.place)
        value = (sent.getlist(self.alias) or None) if self.many else sent.get(self.alias)
        if value is None:
            return self.default, not self.required
        value, errors = self.validate(value)
        return value, not errors


@dataclass(frozen=True, slots=True)
class _Call:
    """One function to call, after those whose results it takes."""

    function: Callable[..., Awaitable[Any]]
    parameters: tuple[_Parameter, ...]
    #: Name of an argument to the place of the call whose result it is.
    results: Mapping[str, int]
    #: Name of the argument that is the request itself.
    request: str | None


class _Plan:
    """The calls of a route in their order; the last one is the endpoint."""

    def __init__(self, route: APIRoute) -> None:
        answer = signature(route.endpoint).return_annotation
        if not (isinstance(answer, type) and issubclass(answer, Response)):
            raise TypeError(f"a planned endpoint returns a Response: {route.endpoint}")
        self.route = route
        self._calls: list[_Call] = []
        self._places: dict[Any, int] = {}
        self._add(route.dependant)

    def read(self, request: Request) -> list[dict[str, Any]] | None:
        """The parameters of every call; None when one of them is missing or wrong."""
        values = []
        for call in self._calls:
            arguments: dict[str, Any] = {}
            for parameter in call.parameters:
                arguments[parameter.name], good = parameter.read(request)
                if not good:
                    return None
            values.append(arguments)
        return values

    async def carry_out(self, request: Request, values: list[dict[str, Any]]) -> Response:
        """Call the functions; what one raises is the end."""
        results: list[Any] = []
        for call, arguments in zip(self._calls, values, strict=True):
            for name, place in call.results.items():
                arguments[name] = results[place]
            if call.request:
                arguments[call.request] = request
            results.append(await call.function(**arguments))
        answer: Response = results[-1]
        return answer

    def _add(self, dependant: Dependant) -> int:
        """Add a function, after all that it depends on; returns its place."""
        results = {}
        for needed in dependant.dependencies:
            place = self._add(needed)
            if needed.name:
                results[needed.name] = place
        if dependant.call not in self._places:
            self._places[dependant.call] = len(self._calls)
            self._calls.append(_call(dependant, results))
        return self._places[dependant.call]


_PLACES: Final = {"path_params": "path_params", "query_params": "query_params", "header_params": "headers"}
#: What a planned function can't have.
_UNKNOWN: Final = (
    "cookie_params",
    "body_params",
    "websocket_param_name",
    "response_param_name",
    "background_tasks_param_name",
    "security_scopes_param_name",
    "concurrency",
)


def _call(dependant: Dependant, results: Mapping[str, int]) -> _Call:
    function = dependant.call
    assert function is not None
    if unknown := [name for name in _UNKNOWN if getattr(dependant, name)]:
        raise TypeError(f"there is no plan for {unknown}: {function}")
    if not iscoroutinefunction(function) and not iscoroutinefunction(type(function).__call__):
        raise TypeError(f"a plan awaits everything: {function}")
    parameters = [_parameter(field, place) for fields, place in _PLACES.items() for field in getattr(dependant, fields)]
    request = dependant.request_param_name or dependant.http_connection_param_name
    return _Call(function, tuple(parameters), results, request)


def _parameter(field: Any, place: str) -> _Parameter:
    return _Parameter(
        name=field.name,
        place=place,
        alias=field.alias,
        many=get_origin(field.field_info.annotation) is list,
        validate=field.validate,
        required=field.field_info.is_required(),
        default=field.get_default(),
    )
