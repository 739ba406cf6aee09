"""The short way of questions answers as FastAPI's own does, and is taken."""

from typing import Any

import httpx2
import pytest
from fake_database import GOOD_ID, GOOD_TOKEN, FakeDatabase, good_token
from fastapi import APIRouter, BackgroundTasks, FastAPI, Response
from fastapi.routing import APIRoute

from api.access.tokens import Scope
from api.app import create_app
from api.kit.express import Express
from settings import ApiSettings

INTERACTIONS = "/api/v1/interactions"
CASES = [
    (f"{INTERACTIONS}/1", {}),
    (f"{INTERACTIONS}/%201.0%20", {}),
    (f"{INTERACTIONS}/1?product=Sand&from=2020-01-01&to=2020-02-01", {}),
    (f"{INTERACTIONS}/1?from=yesterday", {}),
    (f"{INTERACTIONS}/1?from=2020-02-01&to=2020-01-01", {}),
    (f"{INTERACTIONS}/1?product=", {}),
    (f"{INTERACTIONS}/1?wait=31", {}),
    (f"{INTERACTIONS}/1?wait=0", {"C360-Position": "interactions:0@1"}),
    (f"{INTERACTIONS}/1?wait=0&position=interactions:0@1", {}),
    (f"{INTERACTIONS}/1", {"C360-Position": "nonsense"}),
    (f"{INTERACTIONS}/1", {"Authorization": "Bearer nonsense"}),
    (f"{INTERACTIONS}/1?from=yesterday", {"Authorization": ""}),
    (f"{INTERACTIONS}/1/2", {}),
    ("/api/v1/product-interactions?customer_type=Red&customer_type=Blue", {}),
    ("/api/v1/daily_sales?sort=-revenue&limit=3&currency=EUR", {}),
    ("/api/v1/daily_sales?limit=0", {}),
    ("/api/v1/top_customers", {"X-Request-ID": "mine"}),
    ("/api/v1/product_metrics?sort=nothing", {}),
    ("/api/v1/customers?page=2&limit=3&country=FR", {}),
    ("/api/customers?after=&page=1", {}),
    ("/api/v1/customers/1", {}),
    ("/api/customers/1", {}),
    ("/api/v1/customers/1/timeline?after=nonsense", {}),
]


async def ask(app: FastAPI, path: str, headers: dict[str, str]) -> tuple[int, Any, set[str]]:
    headers = {"Authorization": f"Bearer {GOOD_TOKEN}", **headers}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://api") as client:
        response = await client.get(path, headers=headers)
    body = response.json()
    body.pop("request_id", None)
    return response.status_code, body, set(response.headers)


def app_with(fake: FakeDatabase) -> FastAPI:
    fake.tokens[GOOD_ID] = good_token(Scope.READ)
    app = create_app(ApiSettings(), database_url="postgresql://nowhere")
    app.state.database = fake
    return app


async def test_both_ways_give_the_same_answer(fake: FakeDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    app, plan = app_with(fake), Express._plan
    for path, headers in CASES:
        fake.rows = [{"known": True, "interactions": {"Email": 1}}] if path.startswith(INTERACTIONS) else []
        fake.asked.clear()
        monkeypatch.setattr(Express, "_plan", plan)
        short = await ask(app, path, headers)
        asked = fake.asked[:]
        fake.asked.clear()
        monkeypatch.setattr(Express, "_plan", lambda _, __: None)
        assert await ask(app, path, headers) == short
        assert fake.asked == asked  # with the same parameters


async def test_a_good_question_takes_the_short_way(fake: FakeDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("asked FastAPI")

    app = app_with(fake)
    monkeypatch.setattr(app.router, "app", refuse)
    assert (await ask(app, "/api/v1/top_customers?limit=3", {}))[0] == 200


def test_what_can_not_be_planned_is_refused_at_the_start() -> None:
    router = APIRouter()

    @router.get("/later")
    async def do_later(tasks: BackgroundTasks) -> Response: ...

    @router.get("/blocking")
    def block() -> Response: ...

    @router.get("/model")
    async def answer_a_model() -> dict[str, str]: ...

    for route in router.routes:
        assert isinstance(route, APIRoute)
        with pytest.raises(TypeError, match="plan"):
            Express(router, routes=[("", route)], problem_of=lambda _, error: pytest.fail(str(error)))
