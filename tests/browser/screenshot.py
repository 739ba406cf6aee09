"""`python -m tests.browser.screenshot`: the picture of the README, taken anew while the sample files come in."""

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import async_playwright, expect

from tests.browser.chromium import FLAGS, find_chromium
from tests.browser.site import running_site

_PICTURE = Path(__file__).parents[2] / "docs" / "images" / "dashboard.png"
_SIZE = {"width": 1280, "height": 1080}
#: So long the rate of events goes on to be drawn.
_AFTERWARDS_MS = 6000


async def main() -> None:
    """Open the page over the shop's data, replay the demo's workbooks, and wait until all of it is shown."""
    _PICTURE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_site(Path(folder)) as site:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
            page = await browser.new_page(locale="en-US", viewport=_SIZE, device_scale_factor=1.5)
            await page.goto(site.api.url)
            await page.wait_for_timeout(_AFTERWARDS_MS)
            await asyncio.to_thread(site.replay, "crm_export.xlsx", "contact_center.xlsx")
            await expect(page.locator(".heat tbody tr")).to_have_count(7)
            await page.wait_for_timeout(_AFTERWARDS_MS)
            await page.screenshot(path=_PICTURE)
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
