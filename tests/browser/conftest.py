"""A browser, and everything that the dashboard stands on: broker, Postgres, processor and API, once per module."""

from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.browser.chromium import FLAGS, find_chromium
from tests.browser.site import Site, running_site
from tests.browser.visit import Visit, visiting

_HERE = Path(__file__).parent


def pytest_collection_finish(session: pytest.Session) -> None:
    """Install the browser, if need be, before the clock of any test runs."""
    wanted = any(item.path.is_relative_to(_HERE) for item in session.items)
    if wanted and not session.config.option.collectonly:
        with suppress(AssertionError):  # the fixture fails in its place
            find_chromium()


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium or Chrome."""
    return find_chromium()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """One browser for the tests of a module."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def visit(browser: Browser) -> AsyncIterator[Visit]:
    """Opens pages; fails the test for whatever the browser had to complain of."""
    async with visiting(browser) as visit:
        yield visit


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The whole stack, with the shop's customers, products and orders."""
    with running_site(tmp_path_factory.mktemp("site")) as site:
        yield site
