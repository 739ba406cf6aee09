"""Pulling from APIs of all four styles, from those that stumble, and from those that die in the middle."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import stamina

from events.errors import Unavailable, UsageError
from producers.mapping import Mapping
from producers.pull import PullSummary, named_source, only_source, pull
from tests.unit.producers.conftest import Collector

PEOPLE = [{"id": number, "name": f"N{number}"} for number in range(1, 26)]
Answer = tuple[int, dict[str, str], Any]
Serve = Callable[[Callable[[dict[str, str], dict[str, str], int], Answer]], str]


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=6, cap=True):
        yield


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server; it answers what a function of (parameters, headers, how-manieth request) gives."""
    servers = []

    def start(answer: Callable[[dict[str, str], dict[str, str], int], Answer]) -> str:
        requests: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                requests.append(self.path)
                parameters = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, extra, body = answer(parameters, headers, len(requests))
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for name, value in extra.items():
                    self.send_header(name, value)
                if "Content-Length" not in extra:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/people"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def source(mapping: Callable[[str], Mapping]) -> Callable[..., Mapping]:
    """A mapping of an API."""

    def make(url: str, **http: Any) -> Mapping:
        table = "\n".join(f"{name} = {toml(value)}" for name, value in {"url": url, **http}.items())
        return mapping(
            f'source = "api"\n[http]\n{table}\n[[streams]]\nstream = "customers"\n'
            'fields = { customer_id = "id", first_name = "name" }\n'
        )

    return make


def toml(value: object) -> str:
    """A text, a number, or a flat table."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f'"{name}" = {json.dumps(inner)}' for name, inner in value.items()) + " }"
    return json.dumps(value)


def pulled(mapping: Mapping, **options: Any) -> tuple[PullSummary, list[str]]:
    collector = Collector()
    summary = pull(mapping, collector, **options)
    assert collector.finished
    assert summary.rows == sum(summary.published.values()) + summary.rejected
    return summary, [event.key for event in collector.events.get("customers", [])]


def by_page(parameters: dict[str, str], *_: object) -> Answer:
    page, limit = int(parameters["page"]), int(parameters["limit"])
    total = -(-len(PEOPLE) // limit)
    return 200, {}, {"data": PEOPLE[(page - 1) * limit : page * limit], "total_pages": total}


EVERYBODY = [str(person["id"]) for person in PEOPLE]


def test_pages(serve: Serve, source: Callable[..., Mapping]) -> None:
    summary, customers = pulled(source(serve(by_page), limit=10))
    assert (summary.pages, summary.rows, summary.complete, summary.failure) == (3, 25, True, None)
    assert customers == EVERYBODY


def test_pages_that_are_shorter_than_asked_for_and_of_unknown_number(
    serve: Serve, source: Callable[..., Mapping]
) -> None:
    def answer(parameters: dict[str, str], *_: object) -> Answer:
        page = int(parameters["p"])
        return 200, {}, PEOPLE[page * 7 : page * 7 + 7]

    url = serve(answer)
    summary, customers = pulled(source(url, records="", page_param="p", first_page=0, params={"active": "yes"}))
    assert customers == EVERYBODY
    assert summary.pages == 5, "the last one, empty, is how the end is seen"


def test_offsets(serve: Serve, source: Callable[..., Mapping]) -> None:
    def answer(parameters: dict[str, str], *_: object) -> Answer:
        start = int(parameters["skip"])
        return 200, {}, {"result": {"items": PEOPLE[start : start + min(int(parameters["top"]), 8)]}}

    url = serve(answer)
    api = source(url, style="offset", offset_param="skip", limit_param="top", records="result.items")
    assert pulled(api)[1] == EVERYBODY


def test_cursors(serve: Serve, source: Callable[..., Mapping]) -> None:
    def answer(parameters: dict[str, str], *_: object) -> Answer:
        start = int(parameters.get("after", "0"))
        more = str(start + 10) if start + 10 < len(PEOPLE) else None
        return 200, {}, {"data": PEOPLE[start : start + 10], "paging": {"next": more}}

    assert pulled(source(serve(answer), style="cursor", cursor_param="after", cursor="paging.next"))[1] == EVERYBODY


def test_links(serve: Serve, source: Callable[..., Mapping]) -> None:
    def answer(parameters: dict[str, str], *_: object) -> Answer:
        start = int(parameters.get("start", "0"))
        link = f'<?start=0>; rel="first", </people?start={start + 10}>; rel="next last"'
        return 200, {"Link": link} if start < 20 else {}, {"data": PEOPLE[start : start + 10]}

    assert pulled(source(serve(answer), style="link"))[1] == EVERYBODY


def test_a_link_to_another_server_is_not_followed(serve: Serve, source: Callable[..., Mapping]) -> None:
    url = serve(lambda *_: (200, {"Link": '<http://elsewhere.example/>; rel="next"'}, {"data": PEOPLE}))
    summary, customers = pulled(source(url, style="link"))
    assert "another server" in str(summary.failure)
    assert customers == EVERYBODY


@pytest.mark.parametrize(
    "stumble", [(429, {"Retry-After": "0"}, {}), (503, {}, {}), (200, {"Content-Length": "9"}, {})]
)
def test_a_server_that_stumbles(serve: Serve, source: Callable[..., Mapping], stumble: Answer) -> None:
    def answer(parameters: dict[str, str], _: object, number: int) -> Answer:
        return by_page(parameters) if number % 3 == 0 else stumble

    summary, customers = pulled(source(serve(answer), limit=10))
    assert customers == EVERYBODY
    assert summary.complete


def test_a_server_that_dies_in_the_middle(serve: Serve, source: Callable[..., Mapping]) -> None:
    alive = False

    def answer(parameters: dict[str, str], *_: object) -> Answer:
        return by_page(parameters) if parameters["page"] != "3" or alive else (500, {}, {})

    api = source(serve(answer), limit=10)
    summary, customers = pulled(api)
    assert (summary.pages, summary.rows, summary.complete) == (2, 20, False)
    assert isinstance(summary.failure, Unavailable)
    assert "page=3" in str(summary.failure)
    assert "status 500 (2 pages came before and are published; pulling again counts nothing twice)" in str(
        summary.failure
    )
    assert customers == EVERYBODY[:20]
    alive = True
    assert pulled(api)[1] == EVERYBODY


def test_nobody_there(source: Callable[..., Mapping]) -> None:
    summary, _ = pulled(source("http://127.0.0.1:1/people", attempts=2))
    assert isinstance(summary.failure, Unavailable)
    assert "nothing came before" in str(summary.failure)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((401, {}, {}), "answers 401: is the token right"),
        ((404, {}, {}), "answers 404, not 200"),
        ((302, {"Location": "http://elsewhere.example/"}, {}), "answers 302, not 200"),
        ((200, {}, b"<html>"), "does not answer with JSON"),
        ((200, {}, {"people": []}), "'data' of the answer is no array: set `records`"),
        ((200, {}, {"data": PEOPLE}), "says the same as the page before: is style = 'page' right"),
    ],
)
def test_apis_that_are_not_understood(
    serve: Serve, source: Callable[..., Mapping], answer: Answer, message: str
) -> None:
    summary, _ = pulled(source(serve(lambda *_: answer)))
    assert isinstance(summary.failure, UsageError)
    assert message in str(summary.failure)


def test_secrets_come_from_the_environment(serve: Serve, source: Callable[..., Mapping]) -> None:
    def answer(parameters: dict[str, str], headers: dict[str, str], _: int) -> Answer:
        known = headers.get("authorization") == "Bearer s3cret" and headers.get("x-key") == "k"
        return by_page(parameters) if known else (403, {}, {})

    api = source(serve(answer), token_env="CRM_TOKEN", headers={"X-Key": "$CRM_KEY"})  # noqa: S106
    environment = {"CRM_TOKEN": "s3cret", "CRM_KEY": "k"}
    assert pulled(api, environment=environment)[1] == EVERYBODY
    summary, _ = pulled(api, environment={})
    assert "set the environment variable CRM_KEY" in str(summary.failure)


def test_records_that_are_none_are_rejected(serve: Serve, source: Callable[..., Mapping]) -> None:
    url = serve(lambda *_: (200, {}, {"data": [{"id": 1}, 7, {"name": "nobody"}, {}], "total_pages": 1}))
    summary, customers = pulled(source(url))
    assert (summary.rows, summary.rejected, customers) == (3, 2, ["1"])
    examples = [example for rejection in summary.rejections.values() for example in rejection.examples]
    assert examples == [
        "page 1, record 2: it is JSON, but not an object: expected {...}",
        "page 1, record 3: the cell is empty",
    ]


def test_a_wish_to_stop_and_progress(serve: Serve, source: Callable[..., Mapping]) -> None:
    told: list[object] = []
    summary, customers = pulled(source(serve(by_page), limit=10), on_progress=told.append, stop=lambda: len(told) == 2)
    assert (summary.complete, summary.failure, len(customers)) == (False, None, 20)


def test_named_sources(tmp_path: Path, mapping: Callable[[], Mapping]) -> None:
    mapping()
    assert named_source(tmp_path, "mapping") == tmp_path / "mapping.toml"
    for name in ("none", "../mapping", "", "a/b", ".."):
        with pytest.raises(UsageError, match="there is no source"):
            named_source(tmp_path, name)


def test_the_only_source(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no source"):
        only_source(tmp_path)
    (tmp_path / "file.toml").write_text('source = "file"\n')
    (tmp_path / "broken.toml").write_text("[http\n")
    (tmp_path / "crm.toml").write_text('[http]\nurl = "http://crm"\n')
    assert only_source(tmp_path) == "crm"
    (tmp_path / "shop.toml").write_text("[http]\n")
    with pytest.raises(UsageError, match="name one of the sources: crm, shop"):
        only_source(tmp_path)


def test_what_a_mapping_keeps_secret_is_not_told(serve: Serve, source: Callable[..., Mapping]) -> None:
    url = serve(lambda *_: (404, {}, {})).replace("//", "//user:secret@")
    summary, _ = pulled(source(url, params={"key": "secret"}))
    assert "?limit=100&page=1 answers 404" in str(summary.failure)
    assert "secret" not in str(summary.failure)


def test_a_mapping_without_an_api(mapping: Callable[[], Mapping]) -> None:
    with pytest.raises(UsageError, match=r"names no API: give it a table \[http\]"):
        pull(mapping(), Collector())
