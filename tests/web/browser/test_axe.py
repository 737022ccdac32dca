"""What axe-core, which `make setup` gets from npm, finds on the pages: nothing serious, light or dark."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from devstack.paths import CHECKOUT
from tests.processes import Stack
from tests.web.browser.desk import Desk, Salon

AXE = CHECKOUT / "web" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
COLOURS = ["color-contrast", "link-in-text-block"]
both_schemes = pytest.mark.parametrize("scheme", ["light", "dark"])


def serious(page: Page) -> list[str]:
    """What axe finds on the page that is serious or worse; in the dark, where only colours differ, of these alone."""
    page.evaluate(AXE.read_text())
    is_dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    found = page.evaluate("(rules) => axe.run(rules ? {runOnly: rules} : {})", COLOURS if is_dark else None)
    return [
        f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:200]}"
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


PAGES = {
    "day": "day/?date={day}",
    "empty day": "day/?date={other_day}",
    "customers": "people/",
    "nobody found": "people/?search=zzz",
    "customer": "people/{customer}/",
    "new customer": "people/new/",
    "messages": "texts/?days=all",
    "no messages": "texts/?state=failed",
    "replies": "replies/",
    "settings": "settings/",
    "new service": "settings/services/",
    "hours of a date": "settings/special-hours/",
    "time off": "settings/time-off/",
    "days off": "settings/days-off/",
    "block": "blocks/new/?date={day}",
    "merge": "people/{customer}/merge/",
    "visit": "visits/{visit}/",
    "change": "visits/{visit}/change/",
    "cancel": "visits/{visit}/cancel/",
    "book": "book/?date={day}",
    "nothing here": "nothing-here/",
}


@both_schemes
def test_axe_finds_nothing_serious_on_any_page(
    open_desk: Callable[..., Desk], busy_salon: Salon, scheme: Literal["light", "dark"]
) -> None:
    booking = next(row for row in busy_salon.bookings() if row["status"] == "booked")
    keys = {
        "day": busy_salon.day(),
        "other_day": busy_salon.day(30),
        "customer": booking["customer"],
        "visit": booking["id"],
    }
    desk = open_desk(busy_salon, color_scheme=scheme)
    found = {}
    for name, path in PAGES.items():
        answer = desk.page.goto(f"{desk.root}/{path.format(**keys)}")
        assert answer is not None
        assert answer.status == (404 if name == "nothing here" else 200), name
        if path.startswith("day/"):
            desk.page.locator("#grid .ec-body").wait_for()
        found[name] = serious(desk.page)
    assert {name: faults for name, faults in found.items() if faults} == {}


@both_schemes
def test_axe_finds_nothing_serious_in_what_opens_over_the_day(
    open_desk: Callable[..., Desk], busy_salon: Salon, scheme: Literal["light", "dark"]
) -> None:
    name = "At 09:00"
    found = {}
    desk = open_desk(busy_salon, color_scheme=scheme)
    desk.open_day(busy_salon.day())
    desk.page.keyboard.press("?")
    found["help"] = serious(desk.page)
    desk.page.keyboard.press("Escape")
    desk.visit(name).click()
    desk.dialog.get_by_text("History").click()
    found["visit"] = serious(desk.page)
    desk.page.keyboard.press("Escape")
    desk.drag_over("Mirror", "14:00", "15:00")
    desk.dialog.get_by_label("Name or number").fill("At")
    desk.dialog.get_by_role("option").first.wait_for()
    found["suggestions"] = serious(desk.page)
    desk.choose_customer(name)
    desk.dialog.locator("#foreseen blockquote").first.wait_for()
    found["texts foreseen"] = serious(desk.page)
    desk.dialog.get_by_label("Time").fill("09:15")
    desk.dialog.get_by_label("Chair").select_option(label="Window")
    desk.dialog.locator("#foreseen .error").wait_for()
    found["refused"] = serious(desk.page)
    desk.page.keyboard.press("Escape")
    expect(desk.dialog).to_be_hidden()
    desk.drag_visit(name, chair="Window", begins="09:00", to_chair="Mirror", to="15:00")
    desk.page.locator("#ask[open]").wait_for()
    found["question"] = serious(desk.page)
    desk.confirm_move()
    desk.toast.wait_for()
    found["undo"] = serious(desk.page)
    desk.toast.get_by_role("button", name="Undo").click()
    desk.page.locator("#as-list").click()
    found["list"] = serious(desk.page)
    assert {part: faults for part, faults in found.items() if faults} == {}


@both_schemes
def test_axe_finds_nothing_serious_before_the_login_and_on_the_phones(
    chromium: Browser, stack: Stack, busy_salon: Salon, scheme: Literal["light", "dark"]
) -> None:
    with chromium.new_context(color_scheme=scheme, base_url=stack.base_url) as context:
        page = context.new_page()
        page.goto("/login/")
        assert serious(page) == []
        page.goto(stack.environ["TWILIO_BASE_URL"])
        page.locator("article.phone").first.wait_for()
        assert serious(page) == []
