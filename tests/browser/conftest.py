"""A browser, and everything that the dashboard stands on: broker, Postgres, processor and API, once per module."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.browser.site import Site, running_site
from tests.browser.visit import Visit, visiting

_ROOT = Path(__file__).parents[2]
_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


def _find_browser() -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "VENV": sys.prefix}
    return subprocess.run([_ROOT / ".ci" / "browser"], env=environment, stdout=subprocess.PIPE, text=True, check=False)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Install the browser, if need be, before the clock of any test runs."""
    if (
        any(item.path.is_relative_to(Path(__file__).parent) for item in session.items)
        and not session.config.option.collectonly
    ):
        _find_browser()


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium or Chrome."""
    found = _find_browser()
    assert found.returncode == 0, "no browser: .ci/browser said above what to do"
    return found.stdout.strip()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """One browser for the tests of a module."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
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
