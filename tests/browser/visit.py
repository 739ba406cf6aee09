"""Looking at the dashboard with a browser, and taking note of everything that it complains of."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request

DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}

_AXE = Path(__file__).parent / "vendor" / "axe.min.js"
#: The browser's own words for an answer of 400 and above, or none; no page can keep it from saying so.
_UNANSWERED = re.compile(r"Failed to load resource")


class Visit:
    """Opens pages, one reader each."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        #: Set by tests in which servers are away or refuse.
        self.answers_may_fail = False
        self.complaints: list[str] = []
        self._hosts: set[str] = set()

    async def open(self, url: str, **options: Any) -> Page:
        """A page of a fresh reader, in English."""
        self._hosts.add(urlsplit(url).netloc)
        context = await self._browser.new_context(**{"locale": "en-GB", "viewport": DESKTOP, **options})
        self._contexts.append(context)
        page = await context.new_page()
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        page.on("request", self._on_request)
        page.on("requestfailed", self._on_failure)
        await page.goto(url)
        return page

    async def close(self) -> None:
        """Close all pages."""
        for context in self._contexts:
            await context.close()

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not (self.answers_may_fail and _UNANSWERED.search(message.text)):
            self.complaints.append(f"{message.type}: {message.text}")

    def _on_request(self, request: Request) -> None:
        if urlsplit(request.url).netloc not in self._hosts:
            self.complaints.append(f"asked somebody else: {request.url}")

    def _on_failure(self, request: Request) -> None:
        # What the page itself gives up, such as the live connection when another page is opened, is no failure.
        if request.failure != "net::ERR_ABORTED" and not self.answers_may_fail:
            self.complaints.append(f"{request.failure}: {request.url}")


@asynccontextmanager
async def visiting(browser: Browser) -> AsyncIterator[Visit]:
    """Visits until the end of the block; whatever was complained of fails the test."""
    visit = Visit(browser)
    try:
        yield visit
        assert not visit.complaints
    finally:
        await visit.close()


async def barriers(page: Page) -> list[str]:
    """What axe-core finds that keeps people from using the page."""
    # Not as a script of the page, whose policy allows only its own.
    await page.evaluate(_AXE.read_text(encoding="utf-8"))
    result = await page.evaluate("axe.run()")
    return [
        f"{found['id']}: {found['help']} {[(node['html'], node['failureSummary']) for node in found['nodes']]}"
        for found in result["violations"]
    ]


async def is_too_wide(page: Page) -> bool:
    """Whether one has to scroll sideways."""
    return bool(await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
