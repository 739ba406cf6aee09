"""ETags: strong, of the body, and a 304 for whoever has it already."""

import pytest
from fake_database import GOOD_ID, GOOD_TOKEN, FakeDatabase, good_token
from starlette.testclient import TestClient

from api.access.tokens import Scope

PATH = "/api/v1/interactions/1"
HEADERS = {"Authorization": f"Bearer {GOOD_TOKEN}"}


@pytest.fixture(autouse=True)
def counts(fake: FakeDatabase) -> None:
    fake.rows = [{"known": True, "interactions": {"Email": 1}}]


def test_an_answer_that_is_known_is_not_sent_again(client: TestClient) -> None:
    client.app.state.positions.current = {("interactions", 0): 43}  # type: ignore[attr-defined]
    first = client.get(PATH)
    tag = first.headers["etag"]
    assert tag.startswith('"')
    assert (first.headers["vary"], first.headers["cache-control"]) == ("Authorization", "private, no-cache")
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = client.get(PATH, headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert (again.headers["etag"], again.headers["vary"]) == (tag, "Authorization")
        assert "content-type" not in again.headers


def test_another_answer_has_another_tag(client: TestClient, fake: FakeDatabase) -> None:
    tag = client.get(PATH).headers["etag"]
    fake.rows = [{"known": True, "interactions": {"Email": 2}}]
    changed = client.get(PATH, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag
    assert client.get(PATH, headers={"If-None-Match": tag[:-2] + '"'}).status_code == 200


def test_masked_and_unmasked_are_not_the_same(closed: TestClient, fake: FakeDatabase) -> None:
    row = dict.fromkeys(("first_name", "last_name", "customer_type", "segment", "country"), "Jane")
    money = dict.fromkeys(("lifetime_value", "orders", "units", "average_order", "candidates", "least"), 1)
    days = dict.fromkeys(("first_purchase_date", "last_purchase_date"), "2020-01-01")
    fake.rows = [{"customer_id": "1", **row, **money, **days}]
    tags = []
    for scopes in ([Scope.READ], [Scope.READ, Scope.PERSONAL_DATA]):
        fake.tokens[GOOD_ID] = good_token(*scopes)
        closed.app.state.gate._trusted.clear()  # type: ignore[attr-defined]
        tags.append(closed.get("/api/v1/top_customers", headers=HEADERS).headers["etag"])
    assert tags[0] != tags[1]


def test_what_depends_on_the_clock_has_no_tag_and_problems_are_not_kept(client: TestClient) -> None:
    assert "etag" not in client.get("/health").headers
    problem = client.get("/api/v1/nothing")
    assert problem.headers["cache-control"] == "no-store"
    assert "etag" not in problem.headers
