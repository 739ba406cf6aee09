"""One Postgres for all tests; a database, a broker and processors of its own for each of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import stand as stands
from tests.faults.stand import Stand
from tests.integration.conftest import _template, database, postgres_url

__all__ = ["_template", "database", "postgres_url", "stand"]


@pytest.fixture
def stand(tmp_path: Path, database: str) -> Iterator[Stand]:
    """A broker with fresh topics, a fresh database, no processors yet."""
    with stands.running(tmp_path, database) as stand:
        yield stand
