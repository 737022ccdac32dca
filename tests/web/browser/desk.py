"""What staff do in a browser, in the words of the tests."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, expect

from tests.processes import BookingApi, SeededCustomer, SeededSalon, Stack

CHAIRS = ("Window", "Mirror")
# Others' changes are asked for every five seconds, a move is held back for six.
FOLLOWS_MS, SENT_MS = 9_000, 14_000
HELD_BACK_MS = 7_000
_phone_numbers = itertools.count(1)
# Of our policy's; told to the test as an error of the page's.
REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
  console.error(`CSP: ${violatedDirective} ${blockedURI}`);
});
"""
# Where times of a chair are on the screen, all of them in sight at once, by the grid's own measures.
SPOTS = """
([chair, ...times]) => {
  const body = document.querySelector("#grid .ec-body"), main = document.querySelector("#grid .ec-main");
  const head = [...document.querySelectorAll("#grid .ec-col-head")].find((cell) => cell.textContent.trim() === chair);
  const first = document.querySelector("#grid .ec-sidebar time").textContent.split(":").map(Number);
  const slot = parseFloat(getComputedStyle(main).getPropertyValue("--ec-slot-height"));
  const tops = times.map((minutes) => ((minutes - first[0] * 60) / 15) * slot), box = head.getBoundingClientRect();
  const seen = main.clientHeight - document.querySelector("#grid .ec-header").offsetHeight;
  const top = Math.min(...tops), bottom = Math.max(...tops);
  if (top < main.scrollTop + 20 || bottom > main.scrollTop + seen - 80) main.scrollTop = top - 40;
  return tops.map((y) => [box.left + box.width / 2, body.getBoundingClientRect().top + y]);
}
"""


@dataclass(frozen=True)
class Salon:
    """A salon with two named chairs, where nobody has said when they work."""

    seeded: SeededSalon
    staff: Staff
    zone: ZoneInfo

    @property
    def id(self) -> int:
        return self.seeded.id

    @property
    def api(self) -> BookingApi:
        return self.staff.api

    @property
    def customer(self) -> SeededCustomer:
        return self.seeded.customers[0]

    @property
    def other_customer(self) -> SeededCustomer:
        return self.seeded.customers[1]

    def day(self, days_ahead: int = 3) -> date:
        """A day of the salon, by its own clock."""
        return datetime.now(self.zone).date() + timedelta(days=days_ahead)

    def at(self, clock: str, day: date | None = None) -> datetime:
        return datetime.fromisoformat(f"{day or self.day()}T{clock}").replace(tzinfo=self.zone)

    def book(self, clock: str, *, customer: SeededCustomer | None = None, minutes: int = 45, **fields: Any) -> Any:
        """Book over the API, at the first chair unless ``column_id`` says otherwise."""
        starts_at = self.at(clock, fields.pop("day", None))
        ends_at = (starts_at.astimezone(UTC) + timedelta(minutes=minutes)).isoformat()
        fields = {"column_id": 1, "end_time": ends_at, **fields}
        return self.api.book(self.seeded, customer or self.customer, starts_at, **fields)

    def add_customer(self, full_name: str) -> SeededCustomer:
        number = f"+447401{next(_phone_numbers):06}"
        body = {"full_name": full_name, "phone_number": number, "salon_ids": [self.id]}
        made = self.api.call("POST", "/customers/", **body)
        return SeededCustomer(made["id"], made["full_name"], made["phone_number"])

    def bookings(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api.call("GET", f"/appointments/?salon={self.id}")["results"]
        return found


class Staff:
    """The owner of ``seeded`` salons, in as many windows as a test wants."""

    def __init__(self, chromium: Browser, stack: Stack, seeded: Sequence[SeededSalon]) -> None:
        self._chromium, self.stack, self._seeded = chromium, stack, iter(seeded)
        login = seeded[0].owner
        self.api = stack.login(login)
        with chromium.new_context() as context:
            page = context.new_page()
            page.goto(f"{stack.base_url}/login/")
            page.get_by_label("E-mail").fill(login.email)
            page.get_by_label("Password").fill(login.password)
            page.get_by_role("button", name="Log in").click()
            page.wait_for_url("**/day/")
            self.session = context.storage_state()

    def next_salon(self, timezone: str = "Europe/London", **fields: Any) -> Salon:
        seeded = next(self._seeded)
        self.api.call("PATCH", f"/salons/{seeded.id}/", timezone=timezone, **fields)
        for number, name in enumerate(CHAIRS, 1):
            self.api.call("POST", "/chairs/", salon=seeded.id, column_id=number, name=name, position=number)
        return Salon(seeded, self, ZoneInfo(timezone))

    def window(self, salon: Salon, **options: Any) -> Desk:
        options = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", "reduced_motion": "reduce", **options}
        context = self._chromium.new_context(storage_state=self.session, **options)
        return Desk(context, self.stack, salon.id)


def busy(staff: Staff) -> Salon:
    """A salon with all that its pages draw in ways of its own."""
    salon = staff.next_salon()
    owner, weekday = salon.seeded.owner.user_id, salon.day().weekday()
    service = {"name": "Cut", "duration_minutes": 45, "price": "48.00", "colour": "#0f766e"}
    staff.api.call("POST", "/services/", salon=salon.id, **service)
    hours = {"user": owner, "weekday": weekday, "opens": "09:00", "closes": "17:00"}
    staff.api.call("POST", "/working-hours/", salon=salon.id, **hours)
    for clock, act in {"09:00": "", "10:00": "arrive", "11:00": "start", "12:00": "cancel"}.items():
        booking = salon.book(clock, customer=salon.add_customer(f"At {clock}"))
        if act:
            staff.api.call("POST", f"/appointments/{booking['id']}/{act}/")
    return salon


class Desk:
    """A browser window at a salon's desk."""

    def __init__(self, context: BrowserContext, stack: Stack, salon_id: int) -> None:
        self._context, self._stack = context, stack
        self.root = f"{stack.base_url}/desk/{salon_id}"
        self.complaints: list[str] = []
        context.set_default_timeout(10_000)
        context.add_init_script(REPORT_VIOLATIONS)
        self.page = self._watched(context.new_page(), stack.base_url)

    def close(self) -> None:
        self._context.close()

    def _watched(self, page: Page, origin: str) -> Page:
        """Errors, refused parts and requests to anybody else are noted in ``complaints``."""

        def note_console(message: ConsoleMessage) -> None:
            # What the page asks and is told no is seen by the test itself.
            if message.type == "error" and not re.search("status of 4(04|09|22)", message.text):
                self.complaints.append(f"{page.url}: {message.text}")

        def note_request(request: Request) -> None:
            asked = urlsplit(request.url)
            if asked.scheme in ("http", "https") and f"{asked.scheme}://{asked.netloc}" != origin:
                self.complaints.append(f"{page.url} asked {request.url}")

        page.on("console", note_console)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))
        page.on("request", note_request)
        return page

    # --- Going somewhere ----------------------------------------------------------------------------

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.root}/{path}")
        return self.page

    def open_day(self, day: date) -> Page:
        return self.open(f"day/?date={day}")

    def phone(self, customer: SeededCustomer) -> Phone:
        """The customer's phone, on the local Twilio's page, in a tab of its own."""
        url = self._stack.environ["TWILIO_BASE_URL"]
        page = self._watched(self._context.new_page(), url)
        page.goto(f"{url}/")
        page.get_by_placeholder("Find a number").fill(customer.phone_number)
        return Phone(page.locator("article.phone").filter(has_text=customer.phone_number))

    # --- The day ------------------------------------------------------------------------------------

    @property
    def dialog(self) -> Locator:
        return self.page.locator("#dialog")

    @property
    def toast(self) -> Locator:
        return self.page.locator("#toasts .toast")

    def visit(self, name: str) -> Locator:
        """A customer's block, in the grid or in the list."""
        return self.page.locator(".visit:visible").filter(has_text=name)

    def badge(self, name: str) -> Locator:
        return self.visit(name).locator(".pip")

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down()
        mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=4)
        mouse.move(*end, steps=4)
        mouse.up()

    def spot(self, chair: str, clock: str) -> tuple[float, float]:
        """The pixel at which a time begins at a chair."""
        return self.spots(chair, clock)[0]

    def spots(self, chair: str, *clocks: str) -> list[tuple[float, float]]:
        minutes = [int(clock[:2]) * 60 + int(clock[3:]) for clock in clocks]
        return [(x, y) for x, y in self.page.evaluate(SPOTS, [chair, *minutes])]

    def drag_over(self, chair: str, begins: str, ends: str) -> None:
        """Draw a new visit into an empty part of the day."""
        self.page.locator("#grid .ec-body").wait_for()
        (x, top), (_, bottom) = self.spots(chair, begins, ends)
        self.drag((x, top + 2), (x, bottom - 2))

    def drag_visit(self, name: str, *, chair: str, begins: str, to_chair: str, to: str) -> None:
        """Take hold of a visit a little below its beginning, and let it go so that it begins at ``to``."""
        self.visit(name).wait_for()
        (x, top), _ = self.spots(chair, begins, to)
        to_x, to_top = self.spots(to_chair, begins, to)[1]
        self.drag((x, top + 6), (to_x, to_top + 6))

    def drag_end(self, name: str, *, chair: str, to: str) -> None:
        """Pull the lower edge of a visit down or up to ``to``."""
        self.visit(name).wait_for()
        x, bottom = self.spot(chair, to)
        box = self.visit(name).bounding_box()
        assert box
        self.drag((x, box["y"] + box["height"] - 3), (x, bottom - 3))

    def expect_at(self, name: str, chair: str, clock: str) -> None:
        """The visit is drawn where that time of that chair is, to the pixel."""
        self.visit(name).wait_for()

        def is_there() -> bool:
            x, y = self.spot(chair, clock)
            box = self.visit(name).bounding_box()
            return box is not None and abs(box["y"] - y) < 2 and box["x"] < x < box["x"] + box["width"]

        give_up_at = time.monotonic() + 5
        while not is_there():
            assert time.monotonic() < give_up_at, f"{name} is not at {clock} of {chair}"
            self.page.wait_for_timeout(50)

    # --- The booking dialog ---------------------------------------------------------------------------

    def choose_customer(self, name: str) -> None:
        self.dialog.get_by_label("Name or number").fill(name)
        self.dialog.get_by_role("option", name=name).click()

    def confirm_move(self) -> None:
        self.page.get_by_role("button", name="Move and text").click()

    def let_undo_pass(self) -> None:
        expect(self.toast).to_have_count(0, timeout=SENT_MS)


class Phone:
    """A card on the local Twilio's page."""

    def __init__(self, card: Locator) -> None:
        self.card = card

    @property
    def texts(self) -> Locator:
        """What the salon sent, newest first."""
        return self.card.locator(".text:not(.mine) .bubble")

    def expect_texts(self, *parts: str) -> None:
        """Exactly these, newest first, each holding what is given."""
        expect(self.texts).to_have_count(len(parts), timeout=FOLLOWS_MS)
        expect(self.texts).to_contain_text(list(parts))

    def reply(self, body: str) -> None:
        self.card.get_by_placeholder("Reply as the customer").fill(body)
        self.card.get_by_role("button", name="Send").click()
