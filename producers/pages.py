"""Pages of an HTTP API: how to ask for the next one, and the records in each.

Four styles: `page` (page=1, 2, 3), `offset` (offset=0, 100, 200), `cursor` (the answer names the next one) and `link`
(RFC 8288: `Link: <...>; rel="next"`). A page that can't be had now (no answer, 429, 5xx) is asked for again, at growing
intervals or when the server says (`Retry-After`).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, Final, Literal

import httpx2
import stamina
from msgspec import Meta, Struct

from events.errors import Unavailable, UsageError
from producers.sources.json_file import decode_json

#: A larger answer is refused: nobody means it.
_ANSWER_BYTES: Final = 64_000_000

#: The longest wait that a server may ask for.
_LONGEST_WAIT_SECONDS: Final = 120.0

_TRY_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


class Http(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the records of an API are, and how they are asked for: the table `[http]` of a mapping."""

    url: Annotated[str, Meta(pattern=r"^https?://[^\s/]+")]
    style: Literal["page", "offset", "cursor", "link"] = "page"
    #: Path of the array in an answer; empty: the answer is the array.
    records: str = "data"
    #: Records in a page.
    limit: Annotated[int, Meta(ge=1)] = 100
    limit_param: str = "limit"
    page_param: str = "page"
    first_page: int = 1
    offset_param: str = "offset"
    cursor_param: str = "cursor"
    #: Path of the next cursor in an answer.
    cursor: str = "next_cursor"
    #: Path of the number of pages in an answer; where it is not told, the first empty page is behind the last.
    total_pages: str = "total_pages"
    #: Further parameters of each request.
    params: dict[str, str] = {}
    #: Name of the environment variable with the token, sent as `Authorization: Bearer`.
    token_env: str | None = None
    #: Further headers; `$NAME` stands for the environment variable NAME.
    headers: dict[str, str] = {}
    timeout_seconds: Annotated[float, Meta(gt=0, le=600)] = 30
    #: Attempts at one page before the pull ends.
    attempts: Annotated[int, Meta(ge=1, le=20)] = 6


@dataclass(frozen=True, slots=True)
class Page:
    """One answer."""

    #: Counted from 1, whatever the style.
    number: int
    records: list[Any]
    #: Pages in all, where it is told.
    total: int | None


def read_pages(http: Http, environment: Mapping[str, str]) -> Iterator[Page]:
    """Ask for page after page.

    Args:
        environment: Where tokens are.
    Raises: UsageError when the API does not understand us, or we don't understand it; Unavailable when it stays away.
    """
    with httpx2.Client(headers=_headers(http, environment), timeout=http.timeout_seconds) as client:
        where: httpx2.URL | None = httpx2.URL(http.url).copy_merge_params(_first_params(http))
        number, before = 0, None
        while where is not None:
            number += 1
            answer = _Answer(http, where, *_fetch(client, where, http))
            if answer.records and answer.records == before:
                raise UsageError(
                    f"{_shown(where, http)} says the same as the page before: is style = {http.style!r} right?"
                )
            before = answer.records
            yield Page(number, answer.records, answer.total_pages)
            where = answer.next_url(number)


@dataclass(frozen=True, slots=True)
class _Answer:
    http: Http
    url: httpx2.URL
    body: Any
    link: str

    @property
    def records(self) -> list[Any]:
        found = _at(self.body, self.http.records)
        if not isinstance(found, list):
            place = f"{self.http.records!r} of the answer" if self.http.records else "the answer"
            raise UsageError(f"{_shown(self.url, self.http)}: {place} is no array: set `records` under [http]")
        return found

    @property
    def total_pages(self) -> int | None:
        total = _at(self.body, self.http.total_pages)
        return total if isinstance(total, int) else None

    def next_url(self, number: int) -> httpx2.URL | None:
        """Where the next page is; None after the last."""
        http, records = self.http, self.records
        if http.style == "cursor":
            cursor = _at(self.body, http.cursor)
            return self.url.copy_set_param(http.cursor_param, str(cursor)) if cursor else None
        if http.style == "link":
            return self._linked()
        if not records or (self.total_pages is not None and number >= self.total_pages):
            return None
        if http.style == "page":
            return self.url.copy_set_param(http.page_param, str(http.first_page + number))
        offset = int(self.url.params[http.offset_param]) + len(records)
        return self.url.copy_set_param(http.offset_param, str(offset))

    def _linked(self) -> httpx2.URL | None:
        for target, attributes in re.findall(r"<([^>]*)>([^<]*)", self.link):
            if re.search(r'\brel\s*=\s*"?(?:[^"]*\s)?next\b', attributes, re.IGNORECASE):
                url = self.url.join(target)
                if (url.scheme, url.host, url.port) != (self.url.scheme, self.url.host, self.url.port):
                    raise UsageError(f"{self.http.url} continues on another server, {url.host}: it would get our token")
                return url
        return None


def _first_params(http: Http) -> dict[str, str]:
    params = {**http.params, http.limit_param: str(http.limit)}
    if http.style == "page":
        params[http.page_param] = str(http.first_page)
    if http.style == "offset":
        params[http.offset_param] = "0"
    return params


def _headers(http: Http, environment: Mapping[str, str]) -> dict[str, str]:
    def value(text: str) -> str:
        if text.startswith("$"):
            if text[1:] not in environment:
                raise UsageError(f"{http.url} needs a secret: set the environment variable {text[1:]}")
            return environment[text[1:]]
        return text

    headers = {"Accept": "application/json", **{name: value(text) for name, text in http.headers.items()}}
    return {**headers, "Authorization": f"Bearer {value(f'${http.token_env}')}"} if http.token_env else headers


class _TryAgain(Exception):
    """No answer, or one that asks for patience."""

    def __init__(self, reason: str, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


def _patience(error: Exception) -> bool | float:
    """What stamina asks: whether to try again, or when."""
    if not isinstance(error, _TryAgain):
        return False
    return True if error.wait_seconds is None else error.wait_seconds


def _shown(url: httpx2.URL, http: Http) -> str:
    """A URL as messages tell it: without a password and the parameters of the mapping, which may hold a key."""
    for name in http.params:
        url = url.copy_remove_param(name)
    return str(url.copy_with(username=None, password=None))


def _fetch(client: httpx2.Client, url: httpx2.URL, http: Http) -> tuple[Any, str]:
    """One page: its body, and its `Link` header."""
    shown = _shown(url, http)
    try:
        for attempt in stamina.retry_context(on=_patience, attempts=http.attempts, timeout=None, wait_max=30.0):
            with attempt:
                return _fetch_once(client, url, shown)
    except _TryAgain as error:
        raise Unavailable(f"{shown} could not be read in {http.attempts} attempts: {error}") from error
    raise AssertionError("unreachable: the last attempt returns or raises")


def _fetch_once(client: httpx2.Client, url: httpx2.URL, shown: str) -> tuple[Any, str]:
    try:
        with client.stream("GET", url) as response:
            _refuse(response, shown)
            content = _bounded(response.iter_bytes, shown)
            link = ", ".join(response.headers.get_list("link"))
    except (httpx2.TransportError, httpx2.DecodingError) as error:
        raise _TryAgain(str(error) or type(error).__name__) from error
    try:
        return decode_json(content), link
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{shown} does not answer with JSON: {error}") from error


def _refuse(response: httpx2.Response, shown: str) -> None:
    status = response.status_code
    if status in _TRY_AGAIN:
        raise _TryAgain(f"status {status}", _wait_seconds(response.headers.get("retry-after")))
    if status in {401, 403}:
        raise UsageError(f"{shown} answers {status}: is the token right? (token_env or headers under [http])")
    if status != 200:
        raise UsageError(f"{shown} answers {status}, not 200")


def _bounded(blocks: Callable[[], Iterator[bytes]], shown: str) -> bytes:
    content = bytearray()
    for block in blocks():
        content += block
        if len(content) > _ANSWER_BYTES:
            raise UsageError(f"{shown} answers with more than {_ANSWER_BYTES:,} bytes: ask for fewer records a page")
    return bytes(content)


def _wait_seconds(retry_after: str | None) -> float | None:
    """Seconds, or a moment (RFC 9110 section 10.2.3)."""
    if not retry_after:
        return None
    try:
        wait = float(retry_after)
    except ValueError:
        try:
            wait = (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(wait, 0.01), _LONGEST_WAIT_SECONDS)


def _at(body: Any, path: str) -> Any:
    """What stands in a document at a path of names; None when there is nothing."""
    for name in path.split(".") if path else ():
        body = body.get(name) if isinstance(body, dict) else None
    return body
