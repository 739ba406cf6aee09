"""An embedded broker and Postgres, started once per session when a test asks for them; a fresh database per test."""

from collections.abc import Iterator
from itertools import count
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from local_stack.broker import Broker
from local_stack.postgres import SETTINGS, Postgres
from sql.migrate import migrate

_TEMPLATE = "c360_template"
_numbers = count(1)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address (host:port) of a broker that all tests share: use topic names or group names of your own."""
    server = Broker(tmp_path_factory.mktemp("broker") / "broker.log", cluster_id=str(uuid4()))
    yield server.start()
    server.stop()


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an empty database on a server that all tests share; most tests want `database`."""
    folder = tmp_path_factory.mktemp("postgres")
    # What a test leaves behind need not survive the machine.
    server = Postgres(folder, log=folder / "postgres.log", settings={**SETTINGS, "fsync": "off"})
    yield server.start()
    server.stop()


@pytest.fixture(scope="session")
def _template(postgres_url: str) -> str:
    """Name of a migrated database to copy from."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
    migrate(_named(postgres_url, _TEMPLATE))
    return _TEMPLATE


@pytest.fixture
def database(postgres_url: str, _template: str) -> Iterator[str]:
    """URL of a fresh, migrated database for one test."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(_template))
        )
        yield _named(postgres_url, name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _named(url: str, database: str) -> str:
    return f"{url.rpartition('/')[0]}/{database}"
