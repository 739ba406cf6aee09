"""Errors as the caller sees them: problem+json (RFC 9457) with a type that can be looked up at `/problems/<type>`.

Endpoints raise the problems below or an error of `events.errors`; nothing of an unexpected exception leaves the
process. `documented` describes the same classes in OpenAPI, so that the two can't differ.
"""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, ClassVar, Final
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi_problem.error import Problem, StatusProblem
from fastapi_problem.handler import ExceptionHandler, new_exception_handler
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.database import QueryTimeout
from events.errors import Unavailable

MEDIA_TYPE: Final = "application/problem+json"
#: Where a type leads: relative, so that it holds under whatever name the API is reached.
TYPE_URI: Final = "/problems/{type}"
#: What a client is asked to wait when the database is away: a restart takes a second or two.
RETRY_LATER: Final = {"Retry-After": "2"}


class ProblemClass(StatusProblem):
    """Base of our problems; the docstring of each is what `/problems/<type>` says."""

    type_: str
    example: ClassVar[str] = ""
    headers_ = None


class InvalidRequest(ProblemClass):
    """A parameter or the body is not as documented: `errors` names each place and reason. Mend them and ask again."""

    type_ = "invalid-request"
    title = "The request is not valid"
    status = 422
    example = "1 thing is not as documented"


class UnknownCustomer(ProblemClass):
    """No event has told anything of this customer: neither who it is nor anything it did."""

    type_ = "unknown-customer"
    title = "Nobody has heard of this customer"
    status = 404
    example = "no event has named customer '99'"


class UnknownCheck(ProblemClass):
    """There is no data-quality check of this name: `GET quality` lists those that there are."""

    type_ = "unknown-check"
    title = "There is no such check"
    status = 404
    example = "there is no check 'nothing': GET quality lists them"


class Unauthenticated(ProblemClass):
    """The request carries no token, or none that is good. Send `Authorization: Bearer`, and a token that
    `c360 token create` has made and nobody has revoked."""

    type_ = "unauthenticated"
    title = "Who asks is not known"
    status = 401
    example = "send the header Authorization: Bearer, with a good token"


class MissingScope(ProblemClass):
    """The token is good but not for this: `detail` names the scope that it lacks. Ask for a token that has it."""

    type_ = "missing-scope"
    title = "The token is not meant for this"
    status = 403
    example = "needs a token with scope read"


class TooManyRequests(ProblemClass):
    """The token was used more often than is allowed. Ask again after the seconds in the header `Retry-After`."""

    type_ = "too-many-requests"
    title = "Too many requests"
    status = 429
    example = "more than 6000 reads within a minute"


class KeyReused(ProblemClass):
    """This Idempotency-Key was sent with another request before. Use a new key for a new request."""

    type_ = "idempotency-key-reused"
    title = "The Idempotency-Key belongs to another request"
    status = 409
    example = "key 'a1' was sent with another request before"


class KeyInUse(ProblemClass):
    """The same request is being answered right now. Ask again after `Retry-After` seconds for what it was answered."""

    type_ = "idempotency-key-in-use"
    title = "The request is under way"
    status = 409
    example = "the request with key 'a1' is under way"


class NotYetIncluded(ProblemClass):
    """The position that the request named is not in the totals yet. Nothing is lost: ask again, or wait longer."""

    type_ = "not-yet-included"
    title = "The totals have not come so far yet"
    status = 504
    example = "not within 5 s"


class BrokerAway(ProblemClass):
    """Kafka can't take events now. Reading goes on; send the same again later, nothing will count twice."""

    type_ = "broker-away"
    title = "The broker is away"
    status = 503
    example = "the broker does not take events now"


class UnknownSource(ProblemClass):
    """The API has no source of this name: a source is a mapping in the folder C360_API_SOURCES."""

    type_ = "unknown-source"
    title = "There is no such source"
    status = 404
    example = "there is no source 'crm'"


class UnknownJob(ProblemClass):
    """No pull has this id, or it ended more than 30 days ago."""

    type_ = "unknown-job"
    title = "There is no such job"
    status = 404
    example = "there is no job 0b2f6a52-9d5c-4a4e-8b52-6a1f0c3f7d11"


class NothingShared(ProblemClass):
    """Nothing was shared with partners yet: `c360 share refresh` does."""

    type_ = "nothing-shared"
    title = "Nothing is shared"
    status = 404
    example = "nothing is shared yet"


class IngestRunning(ProblemClass):
    """The source is being pulled already: follow the job `job_id`, or ask again when it has ended."""

    type_ = "ingest-running"
    title = "The source is being pulled already"
    status = 409
    example = "source 'crm' is being pulled: follow that job, or ask again when it has ended"


class SourceFailed(ProblemClass):
    """The source did not answer as it should. What it gave before is published; pulling again counts nothing twice."""

    type_ = "source-failed"
    title = "The source failed"
    status = 502
    example = "status 500 (2 pages came before and are published; pulling again counts nothing twice)"


class IngestInterrupted(ProblemClass):
    """The API process that pulled the source ended. What came before is published; pull again, nothing counts twice."""

    type_ = "ingest-interrupted"
    title = "The pull was interrupted"
    status = 503
    example = "the API process that ran it ended: pull again, nothing counts twice"


class TooManyIngests(ProblemClass):
    """This API process pulls as many sources as it may. Ask again when one of them has ended."""

    type_ = "too-many-ingests"
    title = "Too many sources are being pulled"
    status = 503
    example = "4 sources are being pulled"


class TooLarge(ProblemClass):
    """The body has more bytes than are accepted. Send it in parts."""

    type_ = "too-large"
    title = "The request is too large"
    status = 413
    example = "send it in parts"


class UnknownPath(ProblemClass):
    """Nothing is served under this path: `/docs` and `/openapi.json` list what is."""

    type_ = "unknown-path"
    title = "Nothing is served here"
    status = 404
    example = "see /docs for what is"


class MethodNotAllowed(ProblemClass):
    """The path is right and the method is not: the header `Allow` lists those that are."""

    type_ = "method-not-allowed"
    title = "The path does not take this method"
    status = 405
    example = "the header Allow lists those that it takes"


class DatabaseAway(ProblemClass):
    """The database can't answer now. Nothing is lost; ask again after the seconds in the header `Retry-After`."""

    type_ = "database-away"
    title = "The database is away"
    status = 503
    example = "the database can't be reached"


class TooSlow(ProblemClass):
    """The database took longer than an answer may. Narrow the question, or ask again when there is less to do."""

    type_ = "query-timeout"
    title = "The answer takes too long"
    status = 503
    example = "the database did not answer within 5 s"


class Overloaded(ProblemClass):
    """As many requests as are allowed at once are being answered. Ask again after the seconds in `Retry-After`."""

    type_ = "overloaded"
    title = "Too many requests at once"
    status = 503
    example = "1,000 requests are being answered"


class NotReady(ProblemClass):
    """The process runs but can't answer yet: `checks` says which condition does not hold."""

    type_ = "not-ready"
    title = "Not ready to answer"
    status = 503
    example = "database: the database can't be reached"


class InternalError(ProblemClass):
    """A fault of the API. The log has the details under the `request_id` of this answer."""

    type_ = "internal-error"
    title = "Something went wrong here"
    status = 500


#: Every type of problem, by the last part of its URI.
PROBLEMS: Final[dict[str, type[ProblemClass]]] = {
    problem.type_: problem
    for problem in (
        InvalidRequest,
        Unauthenticated,
        MissingScope,
        TooManyRequests,
        TooLarge,
        KeyReused,
        KeyInUse,
        BrokerAway,
        IngestRunning,
        SourceFailed,
        IngestInterrupted,
        TooManyIngests,
        NotYetIncluded,
        UnknownCustomer,
        UnknownSource,
        UnknownJob,
        UnknownCheck,
        UnknownPath,
        MethodNotAllowed,
        DatabaseAway,
        TooSlow,
        Overloaded,
        NotReady,
        InternalError,
    )
}


class BrokerUnavailable(Unavailable):
    """Kafka does not take events now."""


#: What is raised on purpose; all else is a fault of ours.
EXPECTED: Final = (Problem, HTTPException, RequestValidationError, Unavailable)


class FieldError(BaseModel):
    """One thing that is wrong with a request."""

    place: str = Field(description="Where it was given: path, query, header, cookie or body.", examples=["query"])
    field: str = Field(description="Its name; inside a body, the path to it.", examples=["from"])
    reason: str = Field(description="What is wrong, or what would be right.", examples=["Input should be a number"])


class ProblemBody(BaseModel):
    """What every answer of 400 and above looks like (RFC 9457)."""

    model_config = ConfigDict(title="Problem", extra="allow")

    type: str = Field(description="Which problem it is, as a URI reference that can be looked up.")
    title: str = Field(description="The type in words, always the same.")
    status: int = Field(description="The HTTP status.")
    instance: str = Field(description="The path that was asked.")
    request_id: str = Field(description="What the log lines of this request carry; the same as header X-Request-ID.")
    detail: str | None = Field(None, description="What happened this time.")


class InvalidRequestBody(ProblemBody):
    """A problem with the list of what is wrong."""

    model_config = ConfigDict(title="InvalidRequest", extra="allow")

    errors: list[FieldError] = Field(description="Each thing that is wrong.")


def documented(*problems: type[ProblemClass]) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of an endpoint that may raise these."""
    responses: dict[int | str, dict[str, Any]] = {}
    for problem in problems:
        response = responses.setdefault(problem.status, _response(problem))
        response["content"]["application/json"]["examples"][problem.type_] = {"value": _example(problem)}
    return responses


def add_error_handling(app: FastAPI) -> ExceptionHandler:
    """Answer every error of this application with problem+json; returns what does so."""
    handler = new_exception_handler(
        handlers={QueryTimeout: _too_slow, BrokerUnavailable: _broker_away, Unavailable: _away},
        http_exception_handler=_http_exception,
        request_validation_handler=_invalid,
        unhandled_wrappers={"default": InternalError},
        post_hooks=[_complete],
        documentation_uri_template=TYPE_URI,
    )
    for kind in EXPECTED:
        app.add_exception_handler(kind, handler)
    return handler


def _away(_handler: ExceptionHandler, _request: Request, error: Unavailable) -> Problem:
    return DatabaseAway(str(error), headers=RETRY_LATER)


def _broker_away(_handler: ExceptionHandler, _request: Request, error: BrokerUnavailable) -> Problem:
    return BrokerAway(str(error), headers=RETRY_LATER)


def _too_slow(_handler: ExceptionHandler, _request: Request, error: QueryTimeout) -> Problem:
    return TooSlow(str(error), headers=RETRY_LATER)


def _http_exception(_handler: ExceptionHandler, _request: Request, error: HTTPException) -> Problem:
    """Errors of the framework itself: an unknown path, a method that a path does not take."""
    known: dict[int, type[ProblemClass]] = {404: UnknownPath, 405: MethodNotAllowed, 413: TooLarge}
    headers = dict(error.headers or {})
    if problem := known.get(error.status_code):
        return problem(problem.example, headers=headers)
    title = HTTPStatus(error.status_code).phrase
    return Problem(title, type_=title.lower().replace(" ", "-"), status=error.status_code, headers=headers)


def _invalid(_handler: ExceptionHandler, _request: Request, error: RequestValidationError) -> Problem:
    errors = [_field_error(found["loc"], found["msg"]).model_dump() for found in error.errors()]
    count = f"{len(errors)} things are" if len(errors) > 1 else "1 thing is"
    return InvalidRequest(f"{count} not as documented", errors=errors)


def _field_error(place: Sequence[int | str], reason: str) -> FieldError:
    first, *rest = place
    return FieldError(place=str(first), field=".".join(map(str, rest)), reason=reason.removeprefix("Value error, "))


def _complete(content: dict[str, Any], request: Request, response: Response) -> tuple[dict[str, Any], Response]:
    """Add what every problem carries, and take away what an unexpected exception said."""
    if response.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
        content.pop("detail", None)
    content |= {"instance": quote(request.scope["path"]), "request_id": request.state.request_id}
    response.body = json.dumps(content, separators=(",", ":")).encode()
    return content, response


def _response(problem: type[ProblemClass]) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if problem.status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        headers["Retry-After"] = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
    if problem.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        headers["WWW-Authenticate"] = {"description": "What would be accepted.", "schema": {"type": "string"}}
    return {
        "model": InvalidRequestBody if problem is InvalidRequest else ProblemBody,
        "description": HTTPStatus(problem.status).phrase,
        "headers": headers,
        "content": {"application/json": {"examples": {}}},
    }


def _example(problem: type[ProblemClass]) -> dict[str, Any]:
    example = problem(problem.example).marshal(uri=TYPE_URI)
    example |= {"instance": "/api/v1/interactions/99", "request_id": "3f0c9d7c5b0e4a8f9d1f5f1f6b0a7c11"}
    if problem is InvalidRequest:
        wrong = FieldError(place="query", field="from", reason="expected a date (2020-03-01)")
        example["errors"] = [wrong.model_dump()]
    return example
