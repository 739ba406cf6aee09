"""The OpenAPI document is complete: ids, examples, problems; and the pages that show it work offline."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    result: dict[str, Any] = client.get("/openapi.json").json()
    return result


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from methods.values()


def test_operation_ids_are_stable_and_unique(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for operation in operations(document)]
    assert len(set(ids)) == len(ids)
    assert {"get_interactions", "list_product_interactions", "get_health", "get_readiness"} <= set(ids)


def test_operations_change_only_on_purpose(document: dict[str, Any], tmp_path: Path) -> None:
    """Generated clients and links of others depend on them."""
    found = sorted(
        f"{method.upper()} {path} {operation['operationId']}"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    )
    renewed = tmp_path / "operations.txt"
    renewed.write_text("\n".join(found) + "\n")
    known = Path(__file__).with_name("operations.txt")
    assert found == known.read_text().splitlines(), (
        f"paths or operation ids of /openapi.json changed; if that is meant, tell of it in CHANGELOG.md and: "
        f"cp {renewed} {known}"
    )


def test_problems_have_their_own_media_type_and_examples(document: dict[str, Any]) -> None:
    for operation in operations(document):
        for status, response in operation["responses"].items():
            assert "X-Request-ID" in response["headers"]
            if status >= "400":
                assert list(response["content"]) == ["application/problem+json"]
                assert response["content"]["application/problem+json"]["examples"]
            if status == "503":
                assert "Retry-After" in response["headers"]


def test_every_answer_has_an_example(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for operation in operations(document):
        good = next(response for status, response in operation["responses"].items() if status < "300")
        if "text/event-stream" in good["content"]:
            assert good["content"]["text/event-stream"]["example"]
            continue
        answer = good["content"]["application/json"]["schema"]
        for alternative in answer.get("anyOf", [answer]):
            reference = alternative["$ref"]
            assert "examples" in schemas[reference.rpartition("/")[2]], reference


def test_no_schema_of_the_framework_is_left(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert not {"HTTPValidationError", "ValidationError"} & set(document["components"]["schemas"])


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_the_pages_ask_nobody_else(client: TestClient, page: str) -> None:
    text = client.get(page).text
    assert "://" not in text
    assert "/static/vendor/" in text


@pytest.mark.parametrize("file", ["swagger-ui-bundle.js", "swagger-ui.css", "redoc.standalone.js"])
def test_what_the_pages_need_is_served(client: TestClient, file: str) -> None:
    assert client.get(f"/static/vendor/{file}").status_code == 200


def test_the_icon_is_served(client: TestClient) -> None:
    assert client.get("/favicon.ico").headers["content-type"] == "image/svg+xml"
