"""The API over a database that answers what the test says."""

import pytest
from fake_database import FakeDatabase
from starlette.testclient import TestClient

from api.app import create_app
from settings import ApiSettings


@pytest.fixture
def fake() -> FakeDatabase:
    return FakeDatabase()


@pytest.fixture
def client(fake: FakeDatabase) -> TestClient:
    app = create_app(ApiSettings(), database_url="postgresql://nowhere")
    app.state.database = fake
    # Not entered: the lifespan would open the real pool.
    return TestClient(app)
