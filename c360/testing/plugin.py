"""A pytest plugin: a broker, a database, a processor and an API for tests. `pytest_plugins = ["c360.testing.plugin"]`

pytest --broker=embedded|kafka|container --database=embedded|container chooses what they run on (docs/testing.md).
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Final, get_args

import httpx2
import psycopg
import pytest
from psycopg import sql

from api.access.tokens import Scope, create_token
from c360.testing.programs import Api, Processor
from c360.testing.servers import PARTITIONS, BrokerKind, Brokers, BrokerServer, DatabaseKind, new_database_server
from events import admin
from sql.migrate import migrate

_TEMPLATE: Final = "c360_template"
_numbers = count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Which servers the fixtures start."""
    group = parser.getgroup("c360", "Live Customer 360")
    group.addoption("--broker", choices=get_args(BrokerKind), default="embedded", help="what tests use as Kafka")
    group.addoption("--database", choices=get_args(DatabaseKind), default="embedded", help="what runs Postgres")


@pytest.fixture(scope="session")
def brokers(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    """Where brokers come from."""
    brokers = Brokers(pytestconfig.getoption("--broker"), lambda: tmp_path_factory.mktemp("broker"))
    yield brokers
    brokers.end()


@pytest.fixture
def broker_server(brokers: Brokers) -> Iterator[BrokerServer]:
    """A broker without topics that a test may stop, kill and freeze."""
    with brokers.one() as server:
        yield server


@pytest.fixture
def broker(broker_server: BrokerServer) -> str:
    """Address (host:port) of a broker with empty topics."""
    config = {"bootstrap.servers": broker_server.address}
    admin.create_topics(config, partitions=PARTITIONS, replication_factor=1)
    return broker_server.address


@pytest.fixture(scope="session")
def postgres_url(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an empty database on a server that all tests share; most tests want `database`."""
    server = new_database_server(pytestconfig.getoption("--database"), tmp_path_factory.mktemp("postgres"))
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture(scope="session")
def _template(postgres_url: str) -> str:
    """Name of a migrated database to copy from."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
    migrate(_named(postgres_url, _TEMPLATE))
    return _TEMPLATE


@pytest.fixture
def database(postgres_url: str, _template: str) -> Iterator[str]:
    """URL of a fresh, migrated database."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(_template))
        )
        yield _named(postgres_url, name)
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def processor(broker: str, database: str, tmp_path: Path) -> Iterator[Processor]:
    """A running processor that moves the totals of `database` by the events of `broker`."""
    processor = Processor(broker, database, tmp_path / "processor.log")
    yield processor
    processor.close()


@pytest.fixture
def api(broker: str, database: str, tmp_path: Path) -> Iterator[httpx2.Client]:
    """A client of a running API, at /api/v1, with a token that may do everything."""
    with psycopg.connect(database) as connection:
        token = create_token(connection, "tests", list(Scope))
    api = Api(broker, database, tmp_path / "api.log")
    try:
        api.wait_until_it_answers()
        with httpx2.Client(base_url=f"{api.url}/api/v1", headers={"Authorization": f"Bearer {token}"}) as client:
            yield client
    finally:
        api.close()


def _named(url: str, database: str) -> str:
    return f"{url.rpartition('/')[0]}/{database}"
