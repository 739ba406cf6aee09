"""The dashboard's page and its own questions: what is sent along, what is asked of the database, what is hidden."""

import re
from typing import Any

import pytest
from fake_database import GOOD_ID, GOOD_TOKEN, FakeDatabase, good_token
from starlette.testclient import TestClient

from api.access.tokens import Scope

_FOUND: dict[str, Any] = {
    "customer_id": "1",
    "first_name": "Jane",
    "last_name": "Doe",
    "customer_type": "Red",
    "segment": None,
    "country": "FR",
}


def test_the_page_may_load_nothing_but_our_own_files(client: TestClient) -> None:
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "://" not in page.text
    assert not re.search(r"<script(?![^>]*src=)|<style|style=|\son\w+=", page.text)


def test_everything_that_the_page_names_is_served_and_asked_for_anew(client: TestClient) -> None:
    files = re.findall(r'(?:src|href)="(static/[^"]+)"', client.get("/").text)
    assert files
    for file in files:
        answer = client.get(f"/{file}")
        assert answer.status_code == 200, file
        assert answer.headers["cache-control"] == "no-cache"
        again = client.get(f"/{file}", headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304


def test_names_are_searched_only_for_who_may_see_them(closed: TestClient, fake: FakeDatabase) -> None:
    fake.rows = [_FOUND]
    for scopes, name in (([Scope.READ], "J***"), ([Scope.READ, Scope.PERSONAL_DATA], "Jane")):
        fake.tokens[GOOD_ID] = good_token(*scopes)
        closed.app.state.gate._trusted.clear()  # type: ignore[attr-defined]
        answer = closed.get("/api/v1/search?q=Doe", headers={"Authorization": f"Bearer {GOOD_TOKEN}"})
        assert answer.json()["data"][0]["first_name"] == name
    assert [asked["names"] for asked in fake.asked] == [False, True]


def test_ids_are_searched_in_their_canonical_form(client: TestClient, fake: FakeDatabase) -> None:
    client.get("/api/v1/search?q=%2011.0%20&limit=3")
    assert fake.asked == [{"customer_id": "11", "term": "11.0", "names": False, "most": 3}]


@pytest.mark.parametrize("query", ["", "?q=", "?q=%20", "?q=1&limit=101", "?q=%00"])
def test_a_search_for_nothing_is_refused(client: TestClient, query: str) -> None:
    assert client.get(f"/api/v1/search{query}").status_code == 422


def test_days_of_a_customer_nobody_knows_are_a_404(client: TestClient, fake: FakeDatabase) -> None:
    assert client.get("/api/v1/customers/9/daily_revenue").status_code == 404
    assert fake.asked == [{"customer_id": "9", "most": 100}, {"customer_id": "9"}]
