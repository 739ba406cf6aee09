"""For the fault tests: lines that can be cut."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.faults.proxy import Proxy
from tests.faults.stand import Stand


@pytest.fixture
def database_line(stand: Stand) -> Iterator[Proxy]:
    """What processors may reach Postgres through."""
    port = urlsplit(stand.database_url).port
    assert port
    proxy = Proxy(port)
    yield proxy
    proxy.stop()
