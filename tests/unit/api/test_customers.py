"""Masks, cursors and pages."""

from datetime import UTC

import pytest
from fake_database import FakeDatabase
from fastapi.exceptions import RequestValidationError
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from api.customers.queries import CustomersKey, TimelineKey
from api.kit.masking import mask_address, mask_date, mask_email, mask_name, mask_phone
from api.kit.pages import cut_page, decode_cursor, encode_cursor


def test_masks_leave_little() -> None:
    assert mask_name("Jane") == "J***"
    assert mask_name("") == "***"
    assert mask_email("jane@example.org") == "j***@***"
    assert mask_email("@") == "@***@***"
    assert mask_phone("+49 171 1234567") == "***67"
    assert mask_phone("110") == "***"
    assert mask_address("1 Main Street") == "***"
    assert mask_date("1980-05-17") == "1980-**-**"


@given(st.builds(CustomersKey, st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_a_cursor_brings_back_its_customer(key: CustomersKey) -> None:
    assert decode_cursor(encode_cursor(key), CustomersKey) == key


@given(st.builds(TimelineKey, st.datetimes(timezones=st.just(UTC)), st.uuids()))
def test_a_cursor_brings_back_its_fact(key: TimelineKey) -> None:
    assert decode_cursor(encode_cursor(key), TimelineKey) == key


@pytest.mark.parametrize("cursor", ["x", "WyIxIl", "é", "bnVsbA", "W10", "WzFd", "WyJcdTAwMDAiXQ", "WyIxIiwiMiJd"])
def test_any_other_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(RequestValidationError):
        decode_cursor(cursor, CustomersKey)


@given(st.lists(st.integers(), max_size=5), st.integers(1, 4))
def test_a_page_has_a_cursor_only_when_there_is_more(rows: list[int], limit: int) -> None:
    page, cursor = cut_page(rows[: limit + 1], limit, str)
    assert page == rows[:limit]
    assert cursor == (str(rows[limit - 1]) if len(rows) > limit else None)


@pytest.mark.parametrize(
    "query", ["page=0", "page=x", "page=1000001", "limit=0", "limit=101", "page=1&after=", "after=!", "country="]
)
def test_what_no_page_can_be_is_refused(client: TestClient, fake: FakeDatabase, query: str) -> None:
    assert client.get(f"/api/v1/customers?{query}").status_code == 422
    assert not fake.asked
