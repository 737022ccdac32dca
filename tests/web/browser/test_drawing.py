"""What the pages look like: names, zones, the night when the clocks change, small screens, dark."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests.web.browser.desk import Desk, Salon

NAMES = {
    "script": "<script>hasRun=1</script><img src=/ onerror=hasRun=1>",
    "right to left": "ليلى الحداد",
    "as long as a name may be": ("Wolfeschlegelsteinhausenbergerdorff" * 6)[:120],
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_any_name_is_drawn_as_it_is_and_within_its_place(
    open_desk: Callable[..., Desk], salon: Salon, name: str
) -> None:
    customer = salon.add_customer(name)
    salon.book("10:00", customer=customer)
    for width in (1280, 390):
        desk = open_desk(salon, viewport={"width": width, "height": 800})
        desk.open_day(salon.day())
        visit = desk.visit(name)
        expect(visit.locator("b")).to_have_text(name)
        visit.click()
        expect(desk.dialog.get_by_role("heading", level=2)).to_have_text(name)
        expect(desk.dialog.locator("blockquote").first).to_contain_text(name)
        assert overflow_px(desk) == 0
        for path in ("people/", f"people/{customer.id}/", "texts/?days=all"):
            desk.open(path)
            expect(desk.page.get_by_text(name, exact=True).first).to_be_visible()
            assert overflow_px(desk) == 0, path
        assert not desk.page.evaluate("window.hasRun")


def overflow_px(desk: Desk) -> int:
    """By how much the page, or the panel in it, is wider than the window."""
    widths: int = desk.page.evaluate(
        """() => {
          const boxes = [...document.querySelectorAll("dialog[open], .sheet-body")];
          const over = boxes.map((box) => box.scrollWidth - box.clientWidth);
          return Math.max(0, document.documentElement.scrollWidth - innerWidth, ...over);
        }"""
    )
    return widths


@pytest.mark.parametrize("browsers_zone", ["America/Los_Angeles", "Pacific/Auckland"])
def test_times_are_the_salons_in_a_browser_elsewhere(
    open_desk: Callable[..., Desk], make_salon: Callable[..., Salon], browsers_zone: str
) -> None:
    salon = make_salon(timezone=zone_by_day())
    salon.book("10:00")
    now = datetime.now(salon.zone)
    desk = open_desk(salon, timezone_id=browsers_zone)
    desk.open_day(salon.day())
    name = salon.customer.full_name
    desk.expect_at(name, "Window", "10:00")
    expect(desk.visit(name)).to_contain_text("10:00–10:45")
    desk.drag_over("Mirror", "12:00", "13:00")
    expect(desk.dialog.get_by_label("Time")).to_have_value("12:00")
    expect(desk.dialog.get_by_label("Date")).to_have_value(str(salon.day()))
    desk.open_day(now.date())
    expect(desk.page.locator(".tag")).to_have_text("Today")
    line = desk.page.locator("#grid .now").first.bounding_box()
    assert line
    minutes_off = abs(line["y"] - desk.spot("Window", f"{now:%H:%M}")[1]) / slot_px(desk) * 15
    assert minutes_off < 3, "the line of the present"


def zone_by_day() -> str:
    """A zone in which it is by day now, so that the present is in the part of the day that is drawn."""
    zones = ("Asia/Tokyo", "America/Denver", "Asia/Dhaka", "Pacific/Honolulu", "America/Sao_Paulo", "Europe/Athens")
    return next(zone for zone in zones if 9 <= datetime.now(ZoneInfo(zone)).hour < 18)


def slot_px(desk: Desk) -> float:
    style = "getComputedStyle(document.querySelector('#grid .ec-main')).getPropertyValue('--ec-slot-height')"
    return float(desk.page.evaluate(style).removesuffix("px"))


@pytest.mark.parametrize("browsers_zone", ["Europe/London", "America/New_York"])
def test_day_on_which_the_clocks_change_is_drawn_by_the_clock(
    open_desk: Callable[..., Desk], make_salon: Callable[..., Salon], browsers_zone: str
) -> None:
    """In London the clocks go from 01:00 to 02:00: two hours from 00:30 end at 03:30."""
    salon, day = make_salon(timezone="Europe/London"), date(2027, 3, 28)
    salon.book("00:30", day=day, minutes=120)
    salon.book("04:30", day=day, customer=salon.other_customer, column_id=2)
    desk = open_desk(salon, timezone_id=browsers_zone)
    desk.open_day(day)
    early, late = salon.customer.full_name, salon.other_customer.full_name
    desk.expect_at(early, "Window", "00:30")
    expect(desk.visit(early)).to_contain_text("00:30–03:30")
    desk.expect_at(late, "Mirror", "04:30")
    expect(desk.visit(late)).to_contain_text("04:30–05:15")
    desk.drag_visit(late, chair="Mirror", begins="04:30", to_chair="Mirror", to="01:30")
    expect(desk.toast).to_contain_text("The clocks change then")
    desk.expect_at(late, "Mirror", "04:30")
    desk.drag_visit(late, chair="Mirror", begins="04:30", to_chair="Mirror", to="02:30")
    desk.confirm_move()
    desk.let_undo_pass()
    times = {row["customer"]: row["appointment_time"] for row in salon.bookings()}
    moved = datetime.fromisoformat(times[salon.other_customer.id])
    assert moved.astimezone(UTC) == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)


def test_phone_shows_a_list_of_each_chair_and_books_in_it(open_desk: Callable[..., Desk], salon: Salon) -> None:
    salon.book("10:00")
    desk = open_desk(salon, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    desk.open_day(salon.day())
    expect(desk.page.locator("#list h2")).to_have_text(["Window", "Mirror"])
    expect(desk.page.locator("#grid")).to_be_hidden()
    expect(desk.page.locator("#list section").nth(1)).to_contain_text("Nothing booked.")
    assert overflow_px(desk) == 0
    desk.page.locator("#new").tap()
    desk.choose_customer(salon.other_customer.full_name)
    desk.dialog.get_by_label("Chair").select_option(label="Mirror")
    box = desk.dialog.bounding_box()
    assert box
    assert (box["x"], box["width"]) == (0, 390)
    assert overflow_px(desk) == 0
    desk.dialog.get_by_role("button", name="Book", exact=True).tap()
    row = desk.page.locator("#list section").nth(1).locator(".visit")
    expect(row).to_contain_text(salon.other_customer.full_name)
    row.tap()
    expect(desk.dialog.get_by_role("heading", level=2)).to_have_text(salon.other_customer.full_name)


def test_dark_is_the_systems_choice(open_desk: Callable[..., Desk], salon: Salon) -> None:
    brightness = {}
    for scheme in ("light", "dark"):
        desk = open_desk(salon, color_scheme=scheme)
        desk.open_day(salon.day())
        colours = desk.page.evaluate(
            """() => [document.body, document.querySelector(".grid")].map((part) => getComputedStyle(part))
              .map((style) => [style.backgroundColor, style.color])"""
        )
        for back, front in colours:
            brightness[scheme, "back"], brightness[scheme, "front"] = lightness(back), lightness(front)
            is_light = lightness(back) > lightness(front)
            assert is_light == (scheme == "light")
    assert brightness["light", "back"] > 200 > 60 > brightness["dark", "back"]


def lightness(colour: str) -> float:
    red, green, blue = map(float, re.findall(r"[\d.]+", colour)[:3])
    return (red + green + blue) / 3


def test_script_that_is_not_ours_does_not_run(desk: Desk, salon: Salon) -> None:
    """The policy that is promised is in force, and what breaks it would be seen by every test here."""
    desk.open_day(salon.day())
    desk.page.evaluate(
        """() => {
          const part = document.createElement("script");
          part.textContent = "window.ran = true";
          document.body.append(part);
        }"""
    )
    assert desk.page.evaluate("window.ran") is None
    assert [complaint for complaint in desk.complaints if "CSP: script-src" in complaint]
    desk.complaints.clear()
