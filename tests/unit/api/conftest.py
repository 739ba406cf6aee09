"""The API over a database that answers what the test says."""

import pytest
from fake_database import GOOD_ID, GOOD_TOKEN, FakeBroker, FakeDatabase, good_token
from starlette.testclient import TestClient

from api.access.tokens import Scope
from api.app import create_app
from settings import ApiSettings


@pytest.fixture
def fake() -> FakeDatabase:
    return FakeDatabase()


@pytest.fixture
def client(fake: FakeDatabase) -> TestClient:
    """A client of an API where everybody may read."""
    return _client(fake, ApiSettings(open_reads=True))


@pytest.fixture
def closed(fake: FakeDatabase) -> TestClient:
    """A client of an API that wants tokens."""
    return _client(fake, ApiSettings())


@pytest.fixture
def broker() -> FakeBroker:
    return FakeBroker()


@pytest.fixture
def writer(fake: FakeDatabase, broker: FakeBroker) -> TestClient:
    """A client that may write."""
    client = _client(fake, ApiSettings(body_bytes=1_500_000))
    client.app.state.broker = broker  # type: ignore[attr-defined]
    fake.tokens[GOOD_ID] = good_token(Scope.INGEST, Scope.ADMIN, Scope.READ)
    client.headers["Authorization"] = f"Bearer {GOOD_TOKEN}"
    return client


@pytest.fixture
def hurried(fake: FakeDatabase) -> TestClient:
    """A client of an API where everybody may read three times a minute, and nothing large be sent."""
    return _client(fake, ApiSettings(open_reads=True, reads_per_minute=3, body_bytes=1000))


def _client(fake: FakeDatabase, settings: ApiSettings) -> TestClient:
    app = create_app(settings, database_url="postgresql://nowhere")
    app.state.database = fake
    # Not entered: the lifespan would open the real pool.
    return TestClient(app)
