"""The dashboard in headless Chromium, over a real stack: what it shows, and what it does when servers go away."""

import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from playwright.async_api import Locator, Page, expect

from api.access.tokens import Scope
from events.contracts import Interaction
from local_stack import processes
from sql.migrate import migrate
from tests.browser.site import Api, Site, running_api
from tests.browser.visit import PHONE, Visit, barriers, is_too_wide

pytestmark = pytest.mark.asyncio(loop_scope="module")

expect.set_options(timeout=15_000)


@pytest.fixture(scope="module")
def empty(site: Site) -> Iterator[Api]:
    """An API over a database in which nothing ever happened."""
    with site.stand.connect() as connection:
        connection.execute("CREATE DATABASE empty")
    url = f"{site.postgres.url().rpartition('/')[0]}/empty"
    migrate(url)
    with running_api(url, site.folder / "empty.log") as api:
        yield api


@pytest.fixture(scope="module")
def closed(site: Site) -> Iterator[Api]:
    """An API that wants tokens, over the same data."""
    with running_api(site.postgres.url(), site.folder / "closed.log", open_reads=False) as api:
        yield api


def tile(page: Page, label: str) -> Locator:
    """A large number, by what stands above it."""
    return page.locator(".tile", has=page.locator("dt", has_text=re.compile(f"^{label}$"))).locator(".value")


def state(page: Page, label: str) -> Locator:
    """What the strip below the large numbers says, by what stands above it."""
    return page.locator(".strip > div", has=page.locator("dt", has_text=label)).locator("dd").first


def panel(page: Page, title: str) -> Locator:
    return page.get_by_role("region", name=title, exact=True)


def contact(customer_id: str, channel: str, *, product: str | None = None) -> Interaction:
    """A customer is in touch, for the first time in this way."""
    at = datetime(2024, 5, 17, 9, tzinfo=UTC)
    return Interaction(event_id=str(uuid4()), customer_id=customer_id, channel=channel, occurred_at=at, product=product)


async def is_live(page: Page) -> None:
    await expect(page.locator("#pulse")).to_have_text("Live")


async def test_the_first_view_answers_how_much_and_who(site: Site, visit: Visit) -> None:
    page = await visit.open(site.api.url)
    await is_live(page)
    overview = site.api.ask("/api/v1/overview")["data"]
    (sales,) = overview["sales"]
    await expect(tile(page, "Customers")).to_have_text(f"{overview['customers']:,}")
    await expect(tile(page, "Sales")).to_have_text(f"US${sales['revenue']:,.0f}")
    (best, *_) = site.api.ask("/api/v1/top_customers?limit=1")["data"]
    first = panel(page, "Top customers").locator("tbody tr").first
    await expect(first).to_contain_text(best["customer_id"])
    await expect(first).to_contain_text(f"{best['lifetime_value']:,.2f}")
    assert "***" in await first.inner_text()
    chart = panel(page, "Sales per day")
    await expect(chart.locator("canvas")).to_be_visible()
    await expect(chart.locator(".readout")).to_contain_text("30 Dec 2024")
    await expect(state(page, "Refused")).to_contain_text("4")
    await expect(state(page, "Behind")).to_have_text("0 events")
    await expect(state(page, "Last change")).to_contain_text("ago")
    assert await page.title() == "Live Customer 360"
    assert not await is_too_wide(page)


async def test_the_search_opens_the_360(site: Site, visit: Visit) -> None:
    page = await visit.open(site.api.url)
    await is_live(page)
    await page.get_by_label("Find a customer").fill("S0001")
    await page.get_by_role("option", name="S0001").click()
    await expect(page.get_by_role("heading", name="Customer S0001")).to_be_focused()
    await expect(page).to_have_title("Customer S0001 · Live Customer 360")
    customer = site.api.ask("/api/v1/customers/S0001")["data"]
    await expect(tile(page, "Lifetime value")).to_have_text(f"{customer['lifetime_value']:,.2f}")
    await expect(tile(page, "Orders")).to_have_text(str(customer["purchases"]["orders"]))
    profile = panel(page, "Profile")
    await expect(profile).to_contain_text(customer["email"])
    await expect(profile).to_contain_text("Personal data is masked")
    await expect(panel(page, "Purchases by category").locator("tbody tr")).to_have_count(len(customer["categories"]))
    await expect(panel(page, "Revenue per day").locator("canvas")).to_be_visible()
    await expect(panel(page, "Revenue by period")).to_contain_text("This year so far0.00")
    await expect(panel(page, "Revenue by period")).to_contain_text("nothing to compare with")
    likeliest = customer["next_best_category"]
    await expect(panel(page, "Next best category")).to_contain_text(f"Most likely next{likeliest['category']}")
    await expect(panel(page, "Next best category")).to_contain_text(f"After {likeliest['evidence'][0]['category']}")
    timeline = panel(page, "Timeline").locator("li")
    await expect(timeline).to_have_count(10)
    await page.get_by_role("button", name="Show more").click()
    await expect(timeline).to_have_count(40)
    await page.go_back()
    await expect(page.get_by_role("heading", name="Overview")).to_be_focused()
    await expect(panel(page, "Top customers").locator("tbody tr")).to_have_count(10)


async def test_a_customer_nobody_knows_appears_with_the_first_event(site: Site, visit: Visit) -> None:
    page = await visit.open(f"{site.api.url}/#/customers/4")
    await expect(page.get_by_text("No event has named customer 4 yet")).to_be_visible()
    overview = await visit.open(site.api.url)
    await is_live(overview)
    await overview.evaluate("window.sameDocument = true")
    before = int((await tile(overview, "Events").inner_text()).replace(",", ""))
    site.replay("crm_export.xlsx")
    await expect(tile(page, "Interactions")).to_have_text("2")
    await expect(panel(page, "Timeline").locator("li")).to_have_count(2)
    # The overview, too, without being loaded again.
    await expect(tile(overview, "Interactions")).to_have_text("4")
    await expect(tile(overview, "Events")).to_have_text(f"{before + 12:,}")
    await expect(panel(overview, "Interactions by channel").locator("tbody tr")).to_have_count(3)
    await expect(overview.locator(".tile .up").first).to_contain_text("+4")
    site.tell(contact("1", "Chat", product="Sand"))
    await expect(panel(overview, "Interactions by channel").locator("tbody tr")).to_have_count(4)
    await expect(panel(overview, "Product interest by customer type")).to_contain_text("Sand")
    assert await overview.evaluate("window.sameDocument")


async def test_without_a_mouse(site: Site, visit: Visit) -> None:
    page = await visit.open(site.api.url)
    await is_live(page)
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    await page.keyboard.press("/")
    await expect(page.get_by_label("Find a customer")).to_be_focused()
    await page.keyboard.type("S000")
    await expect(page.get_by_role("option")).to_have_count(8)
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Customer S0002")).to_be_focused()
    await expect(panel(page, "Revenue per day").locator("canvas")).to_be_visible()
    readout = panel(page, "Revenue per day").locator(".readout b")
    newest = await readout.inner_text()
    await panel(page, "Revenue per day").get_by_role("group", name="Arrow keys").focus()
    await page.keyboard.press("ArrowLeft")
    await expect(readout).not_to_have_text(newest)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(panel(page, "Revenue per day").get_by_role("table")).to_be_visible()
    await page.get_by_role("link", name="← Overview").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Overview")).to_be_focused()


async def test_on_a_phone_nothing_is_too_wide(site: Site, visit: Visit) -> None:
    page = await visit.open(site.api.url, viewport=PHONE, is_mobile=True, has_touch=True)
    await expect(panel(page, "Top customers").locator("tbody tr")).to_have_count(10)
    assert not await is_too_wide(page)
    await panel(page, "Top customers").get_by_role("link").first.tap()
    await expect(panel(page, "Timeline").locator("li")).to_have_count(10)
    assert not await is_too_wide(page)


async def test_dark_when_the_system_is_and_when_the_switch_says_so(site: Site, visit: Visit) -> None:
    page = await visit.open(site.api.url, color_scheme="dark")
    body = page.locator("body")
    await expect(body).to_have_css("background-color", "rgb(13, 17, 23)")
    await page.get_by_role("button", name="Switch to light").click()
    await expect(body).to_have_css("background-color", "rgb(245, 246, 248)")
    await page.reload()
    await expect(body).to_have_css("background-color", "rgb(245, 246, 248)")
    await page.get_by_role("button", name="Switch to dark").click()
    await expect(body).to_have_css("background-color", "rgb(13, 17, 23)")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_nothing_keeps_anybody_from_using_it(site: Site, visit: Visit, theme: str) -> None:
    page = await visit.open(site.api.url, color_scheme=theme, reduced_motion="reduce")
    await expect(panel(page, "Top customers").locator("tbody tr")).to_have_count(10)
    await expect(panel(page, "Sales per day").locator("canvas")).to_be_visible()
    assert not await barriers(page)
    await page.goto(f"{site.api.url}/#/customers/S0001")
    await expect(panel(page, "Timeline").locator("li")).to_have_count(10)
    await page.get_by_label("Find a customer").fill("S00")
    await expect(page.get_by_role("option")).to_have_count(8)
    assert not await barriers(page)


async def test_an_empty_database_is_said_to_be_empty(empty: Api, visit: Visit) -> None:
    page = await visit.open(empty.url)
    await is_live(page)
    await expect(tile(page, "Customers")).to_have_text("0")
    await expect(panel(page, "Interactions by channel")).to_contain_text("No channel yet")
    await expect(panel(page, "Sales per day")).to_contain_text("Nothing was sold yet")
    await expect(panel(page, "Product interest by customer type")).to_contain_text(
        "Nobody has talked about a product yet"
    )
    await expect(panel(page, "Top customers")).to_contain_text("Nobody has bought anything yet")
    await page.get_by_label("Find a customer").fill("1")
    await expect(page.get_by_text("No customer has an id that begins so.")).to_be_visible()
    assert not await barriers(page)


async def test_a_closed_api_asks_for_a_token(site: Site, closed: Api, visit: Visit) -> None:
    visit.answers_may_fail = True
    page = await visit.open(f"{closed.url}/#/customers/S0001")
    dialog = page.get_by_role("dialog", name="This server asks for a token")
    field = dialog.get_by_label("Token")
    await expect(field).to_be_focused()
    assert not await barriers(page)
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_visible()
    await field.fill("no token at all")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("alert")).to_contain_text("This is no token")
    await field.fill(f"c360_{'0' * 12}_{'0' * 64}")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("alert")).to_contain_text("not accepted")
    await field.fill(site.token("writer", Scope.INGEST))
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("alert")).to_contain_text("may not read")
    token = site.token("reader", Scope.READ, Scope.PERSONAL_DATA)
    await field.fill(token)
    await page.keyboard.press("Enter")
    await is_live(page)
    visit.answers_may_fail = False
    await expect(panel(page, "Profile").get_by_text("Personal data is masked")).to_be_hidden()
    assert "***" not in await panel(page, "Profile").inner_text()
    assert token in await page.evaluate("JSON.stringify(sessionStorage)")
    assert token not in await page.evaluate("JSON.stringify(localStorage) + document.cookie")
    await page.reload()
    await is_live(page)
    visit.answers_may_fail = True
    await page.get_by_role("button", name="Sign out").click()
    await expect(dialog).to_be_visible()
    assert await page.evaluate("sessionStorage.length") == 0


async def test_the_api_goes_away_and_comes_back(site: Site, visit: Visit) -> None:
    page = await visit.open(site.api.url)
    await is_live(page)
    await expect(panel(page, "Top customers").locator("tbody tr")).to_have_count(10)
    visit.answers_may_fail = True
    site.api.kill()
    banner = page.locator("#banner")
    await expect(banner).to_contain_text("Disconnected since")
    await expect(banner).to_contain_text("The server does not answer")
    await expect(page.locator("#announcer")).to_contain_text("Disconnected")
    await expect(page.locator("#pulse")).to_have_text("Disconnected")
    assert not await barriers(page)
    # What was there can still be read.
    await expect(panel(page, "Top customers").locator("tbody tr")).to_have_count(10)
    events = int((await tile(page, "Events").inner_text()).replace(",", ""))
    site.tell(contact("3", "Call"))
    site.api.start()
    await is_live(page)
    await expect(banner).to_be_hidden()
    await expect(page.locator("#announcer")).to_contain_text("Connected again")
    await expect(tile(page, "Events")).to_have_text(f"{events + 1:,}")


async def test_postgres_goes_away_and_comes_back(site: Site, visit: Visit) -> None:
    visit.answers_may_fail = True
    before = await visit.open(site.api.url)
    await is_live(before)
    await expect(panel(before, "Sales per day")).to_contain_text("30 Dec 2024")  # the line lives before the panels do
    assert site.postgres.process
    processes.stop(site.postgres.process, signal.SIGQUIT, seconds=10)
    meanwhile = await visit.open(site.api.url)
    sales = panel(meanwhile, "Sales per day")
    await expect(sales.get_by_role("alert")).to_contain_text("The database is away")
    await expect(sales.get_by_role("button", name="Try again")).to_be_visible()
    await expect(panel(meanwhile, "Interactions by channel").get_by_role("alert")).to_be_visible()
    await expect(panel(before, "Sales per day")).to_contain_text("30 Dec 2024")
    for page in (before, meanwhile):
        await expect(page.locator("#banner")).to_contain_text("The database is away")
    site.postgres.start()
    for page in (before, meanwhile):
        await is_live(page)
        await expect(panel(page, "Sales per day").locator("canvas")).to_be_visible()
        await expect(panel(page, "Interactions by channel").get_by_role("alert")).to_have_count(0)
        await expect(page.locator(".stale")).to_have_count(0)
