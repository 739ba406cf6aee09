"""POST events/{stream} and DELETE customers/{id}: what is published, what is refused, what is answered."""

import json
from typing import Any

import pytest
from fake_database import GOOD_ID, FakeBroker, FakeDatabase, good_token
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from api.access.tokens import Scope
from api.errors import BrokerUnavailable
from api.kit.position import includes, read_position, write_position
from events import topics

PATH = "/api/v1/events/interactions"


def event(**fields: Any) -> dict[str, Any]:
    good = {"event_id": "e-1", "customer_id": "1", "channel": "Email", "occurred_at": "2020-02-11T16:10:00Z"}
    return {**good, **fields}


def test_an_event_is_published_and_answered_with_its_position(writer: TestClient, broker: FakeBroker) -> None:
    response = writer.post(PATH, json=event())
    assert response.status_code == 202
    assert response.json() == {"data": {"accepted": 1, "position": "interactions:0@1"}}
    assert response.headers["c360-position"] == "interactions:0@1"
    (record,) = broker.records
    assert (record.topic, record.key) == ("interactions", b"1")
    assert json.loads(record.value or b"") == event()
    assert dict(record.headers)["ce_source"] == f"api/{GOOD_ID}".encode()


def test_a_trace_goes_on_with_the_events(writer: TestClient, broker: FakeBroker) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    writer.post(PATH, json=event(), headers={"traceparent": trace})
    writer.delete("/api/v1/customers/1", headers={"traceparent": trace})
    writer.post(PATH, json=event())
    assert [dict(record.headers).get("traceparent") for record in broker.records] == [
        trace.encode(),
        trace.encode(),
        None,
    ]


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ([event(), event(occurred_at="yesterday"), event(customer_id=" 1 ")], ["1.occurred_at", "2.customer_id"]),
        (event(channel=7), ["channel"]),
        (event(count=0), ["count"]),
        ({"event_id": "e-1"}, [""]),
        ([], [""]),
        ([1], ["0"]),
        ([event()] * 1001, [""]),
    ],
)
def test_all_or_nothing_and_every_bad_event_is_listed(
    writer: TestClient, broker: FakeBroker, body: Any, errors: list[str]
) -> None:
    response = writer.post(PATH, json=body)
    assert response.status_code == 422, response.text
    assert [(error["place"], error["field"]) for error in response.json()["errors"]] == [("body", e) for e in errors]
    assert not broker.records


@pytest.mark.parametrize("body", [b"", b"{", b"[", b"[{]", b"\xff", b"null", b"[" * 100_000])
def test_what_is_no_json_is_refused(writer: TestClient, broker: FakeBroker, body: bytes) -> None:
    assert writer.post(PATH, content=body).status_code == 422
    assert not broker.records


def test_a_large_body_is_refused(writer: TestClient) -> None:
    response = writer.post(PATH, content=b"x" * 1_500_001)
    assert response.status_code == 413
    assert response.json()["type"] == "/problems/too-large"


@pytest.mark.parametrize("topic", topics.STREAMS)
def test_every_stream_takes_events(writer: TestClient, topic: topics.Topic) -> None:
    assert writer.post(f"/api/v1/events/{topic.name}", json={}).json()["type"] == "/problems/invalid-request"


def test_other_streams_do_not_exist(writer: TestClient) -> None:
    assert writer.post("/api/v1/events/rejected_events", json={}).status_code == 404


def test_a_request_that_names_itself_is_published_once(writer: TestClient, broker: FakeBroker) -> None:
    key = {"Idempotency-Key": "a1"}
    first = writer.post(PATH, json=event(), headers=key)
    again = writer.post(PATH, json=event(), headers=key)
    assert (again.status_code, again.json()) == (202, first.json())
    assert len(broker.records) == 1
    other = writer.post(PATH, json=event(channel="Call"), headers=key)
    assert other.status_code == 409
    assert other.json()["type"] == "/problems/idempotency-key-reused"
    assert len(broker.records) == 1


def test_of_the_same_request_twice_at_once_one_is_published(
    writer: TestClient, broker: FakeBroker, fake: FakeDatabase
) -> None:
    key = {"Idempotency-Key": "a1"}
    first = writer.post(PATH, json=event(), headers=key)
    answer = fake.kept["a1"].pop("answer")  # as it is while the first one is under way
    second = writer.post(PATH, json=event(), headers=key)
    assert (second.status_code, second.json()["type"]) == (409, "/problems/idempotency-key-in-use")
    assert second.headers["retry-after"] == "1"
    fake.kept["a1"]["answer"] = answer
    assert writer.post(PATH, json=event(), headers=key).json() == first.json()
    assert len(broker.records) == 1


def test_a_request_that_failed_may_be_sent_again(writer: TestClient, broker: FakeBroker) -> None:
    key = {"Idempotency-Key": "a1"}
    broker.error = BrokerUnavailable("the broker does not take events now")
    assert writer.post(PATH, json=event(), headers=key).status_code == 503
    broker.error = None
    assert writer.post(PATH, json=event(), headers=key).status_code == 202


def test_the_broker_away_is_503(writer: TestClient, broker: FakeBroker) -> None:
    broker.error = BrokerUnavailable("the broker does not take events now")
    response = writer.post(PATH, json=event())
    assert response.status_code == 503
    assert response.json()["type"] == "/problems/broker-away"
    assert int(response.headers["retry-after"]) > 0


def test_an_api_without_a_broker_reads_only(client: TestClient, writer: TestClient) -> None:
    client.headers["Authorization"] = writer.headers["Authorization"]
    assert client.post(PATH, json=event()).json()["type"] == "/problems/broker-away"
    assert client.get("/api/v1/product-interactions").status_code == 200


def test_forgetting_publishes_the_tombstone(writer: TestClient, broker: FakeBroker) -> None:
    response = writer.delete("/api/v1/customers/%201.0")
    assert (response.status_code, response.json()["data"]["accepted"]) == (202, 1)
    assert (broker.records[0].topic, broker.records[0].key, broker.records[0].value) == ("customers", b"1", None)


@pytest.mark.parametrize(
    ("request_line", "scope"),
    [(("POST", PATH), Scope.INGEST), (("DELETE", "/api/v1/customers/1"), Scope.ADMIN)],
)
def test_writing_needs_its_own_scope(
    writer: TestClient, fake: FakeDatabase, broker: FakeBroker, request_line: tuple[str, str], scope: Scope
) -> None:
    fake.tokens[GOOD_ID] = good_token(*(other for other in Scope if other != scope))
    response = writer.request(*request_line, json=event())
    assert response.status_code == 403
    assert f'scope="{scope}"' in response.headers["www-authenticate"]
    assert not broker.records


@pytest.mark.parametrize(
    "request_with",
    [
        {"headers": {"C360-Position": "interactions:0@1"}, "params": {"wait": "0.05"}},
        {"params": {"position": "interactions:0@1", "wait": "0.05"}},
    ],
)
def test_a_position_that_is_not_reached_is_504(
    client: TestClient, fake: FakeDatabase, request_with: dict[str, Any]
) -> None:
    response = client.get("/api/v1/product-interactions", **request_with)
    assert response.status_code == 504
    assert response.json()["type"] == "/problems/not-yet-included"
    assert not fake.asked


def test_a_position_that_is_reached_is_answered_at_once(client: TestClient) -> None:
    client.app.state.positions.current = {("interactions", 0): 1}  # type: ignore[attr-defined]
    path = "/api/v1/product-interactions"
    assert client.get(path, params={"position": "interactions:0@1"}).status_code == 200


@pytest.mark.parametrize("token", ["x", "interactions:0", "interactions:0@", "a:1@2,", "a:1@2;b:1@2", "", "a:1@2\n"])
def test_what_is_no_position_is_refused(client: TestClient, token: str) -> None:
    assert client.get("/api/v1/product-interactions", params={"position": token}).status_code == 422


POSITIONS = st.dictionaries(
    st.tuples(st.sampled_from([topic.name for topic in topics.ALL]), st.integers(0, 999)),
    st.integers(0, 10**18 - 1),
    min_size=1,
)


@given(POSITIONS)
def test_a_token_brings_back_its_position(position: dict[tuple[str, int], int]) -> None:
    assert read_position(write_position(position)) == position


@given(POSITIONS, POSITIONS)
def test_a_position_includes_what_is_before_it(
    one: dict[tuple[str, int], int], other: dict[tuple[str, int], int]
) -> None:
    both = {place: max(one.get(place, 0), other.get(place, 0)) for place in one.keys() | other.keys()}
    assert includes(both, one)
    assert includes(both, other)
    assert includes(one, other) == (both == {**dict.fromkeys(other, 0), **one})
