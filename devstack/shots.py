"""`make shots`: the pictures of docs/img/, taken of a fresh demo salon in Chromium."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from playwright.sync_api import Browser, Page, ViewportSize

from devstack import logins
from devstack.browser import chromium
from devstack.paths import CHECKOUT, DATA
from devstack.run import wait_for_quiet
from devstack.stack import Stack, python, running
from twilio_emulator.client import EmulatorClient

SHOTS_DATA = DATA / "shots"
IMAGES = CHECKOUT / "docs" / "img"
ZONE, SUNDAY = ZoneInfo("Europe/London"), 6
DESK, PHONES, PHONE = (
    ViewportSize(width=width, height=height) for width, height in ((1280, 800), (1280, 620), (390, 780))
)
# Of the demo's customers: one who wants no texts any more, and one who answers.
STOPPED, ANSWERS = "+447400123404", "+447400123403"


def shots(given: Mapping[str, str]) -> int:
    """Start the demo, let its texts go out, and write every picture anew."""
    SHOTS_DATA.mkdir(parents=True, exist_ok=True)
    log = SHOTS_DATA / "processes.log"
    with (
        chromium(given) as browser,
        running(SHOTS_DATA, given, what="`make shots`", web=None, twilio=None, fresh=True, log=log) as stack,
    ):
        python(stack.environ, "-m", "devstack.seed")
        wait_for_quiet(stack)
        phones = EmulatorClient(stack.twilio_url)
        phones.reply(ANSWERS, "See you then! Could I come five minutes later?")
        phones.reply(STOPPED, "STOP")
        IMAGES.mkdir(exist_ok=True)
        take(browser, stack)
    for picture in sorted(IMAGES.glob("*.png")):
        print(f"{picture.relative_to(CHECKOUT)}  {picture.stat().st_size / 1000:.0f} kB")
    return 0


def take(browser: Browser, stack: Stack) -> None:
    with browser.new_context(viewport=DESK, locale="en-GB", timezone_id=ZONE.key) as context:
        page = context.new_page()
        _log_in(page, stack)
        day = f"{page.url.split('?')[0]}?date={_full_day()}"
        page.goto(day)
        page.locator("#grid .visit").first.wait_for()
        _save(page, "day")
        _open_answered(page)
        _save(page, "visit")
        page.goto(day)
        _book(page)
        _save(page, "book")
        page.set_viewport_size(PHONE)
        page.goto(day)
        page.locator("#list .visit").first.wait_for()
        _save(page, "phone-size")
    with browser.new_context(viewport=DESK, locale="en-GB", timezone_id=ZONE.key) as context:
        page = context.new_page()
        page.set_viewport_size(PHONES)
        page.goto(stack.twilio_url)
        page.locator("article.phone").first.wait_for()
        _save(page, "phones")
    with browser.new_context(viewport=DESK, locale="en-GB", timezone_id=ZONE.key, color_scheme="dark") as context:
        page = context.new_page()
        _log_in(page, stack)
        page.goto(day)
        page.locator("#grid .visit").first.wait_for()
        _save(page, "day-dark")


def _log_in(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.base_url}/login/")
    page.get_by_label("E-mail").fill(logins.OWNER)
    page.get_by_label("Password").fill(logins.PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/day/")


def _open_answered(page: Page) -> None:
    """The visit whose text was answered: of a customer's several, the one that was texted last."""
    desk = page.url.split("/day/")[0]
    page.goto(f"{desk}/replies/")
    link = page.locator(".story a", has_text="Dev Patel").first.get_attribute("href") or ""
    page.goto(f"{page.url.split('/desk/')[0]}{link}")
    day = page.locator("main time").first.get_attribute("datetime") or ""
    page.goto(f"{desk}/day/?date={day[:10]}")
    page.locator(f"#visit-{link.strip('/').split('/')[-1]}").click()
    page.get_by_text("Could I come").wait_for()


def _book(page: Page) -> None:
    """As far as the texts that would go out."""
    page.keyboard.press("n")
    page.get_by_label("Name or number").fill("Hana")
    page.get_by_role("option", name="Hana Suzuki").click()
    page.locator("#dialog .pick", has_text="Fringe trim").click()
    page.locator("#f-time").fill("15:15")
    page.locator("#foreseen blockquote").nth(1).wait_for()
    page.locator("#foreseen").scroll_into_view_if_needed()
    page.locator(".sheet-body").evaluate("(body) => { body.scrollTop = body.scrollHeight; }")


def _full_day() -> date:
    """The next of the days on which the demo salon is busiest (`devstack.seed`), and is open."""
    today = datetime.now(ZONE).date()
    return next(day for ahead in (3, 6) if (day := today + timedelta(days=ahead)).weekday() != SUNDAY)


def _save(page: Page, name: str) -> None:
    page.wait_for_timeout(400)  # what slides in has arrived
    page.screenshot(path=Path(IMAGES / f"{name}.png"))
