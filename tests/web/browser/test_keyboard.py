"""Everything by keyboard, as the help says."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from tests.web.browser.desk import FOLLOWS_MS, Desk, Salon


def tab_to(desk: Desk, target: Locator, *, most: int = 40, key: str = "Tab") -> None:
    """Press Tab until the target has the focus; everything passed on the way must show that it has it."""
    for _ in range(most):
        if target.evaluate("(element) => element === document.activeElement"):
            return
        desk.page.keyboard.press(key)
        assert (
            desk.page.evaluate(
                """() => {
              const focused = document.activeElement, style = getComputedStyle(focused);
              const isShown = focused.matches(".pick input")
                ? getComputedStyle(focused.nextElementSibling).outlineStyle !== "none"
                : style.outlineStyle !== "none" || style.boxShadow !== "none";
              return focused === document.body || isShown ? "" : focused.outerHTML.slice(0, 200);
            }"""
            )
            == ""
        )
    raise AssertionError(f"Tab never came to {target}")


def test_visit_is_booked_opened_and_moved_without_a_mouse(desk: Desk, salon: Salon) -> None:
    name = salon.customer.full_name
    desk.open_day(salon.day())
    press, dialog = desk.page.keyboard.press, desk.dialog
    press("n")
    search = dialog.get_by_label("Name or number")
    expect(search).to_be_focused()
    desk.page.keyboard.type(name)
    dialog.get_by_role("option").first.wait_for()
    press("ArrowDown")
    press("Enter")
    expect(search).to_have_value(name)
    tab_to(desk, dialog.get_by_label("Time"))
    desk.page.keyboard.type("1015")
    expect(dialog.get_by_label("Time")).to_have_value("10:15")
    tab_to(desk, dialog.get_by_label("Minutes"))
    desk.page.keyboard.type("30")
    tab_to(desk, dialog.get_by_label("Chair"))
    desk.page.keyboard.type("Mir")
    expect(dialog.locator("#foreseen")).to_contain_text("at 10:15 AM")
    tab_to(desk, dialog.get_by_role("button", name="Book", exact=True))
    press("Enter")
    desk.expect_at(name, "Mirror", "10:15")
    expect(dialog).to_be_hidden()
    expect(desk.page.locator("#new")).to_be_focused()  # where it began

    tab_to(desk, desk.visit(name))
    press("Enter")
    tab_to(desk, dialog.get_by_role("link", name="Move or change"))
    press("Enter")
    tab_to(desk, dialog.get_by_label("Time"))
    desk.page.keyboard.type("1130")
    expect(dialog.locator("#foreseen")).to_contain_text("at 11:30 AM")
    tab_to(desk, dialog.get_by_role("button", name="Save"))
    press("Enter")
    desk.expect_at(name, "Mirror", "11:30")
    desk.phone(salon.customer).expect_texts("at 11:30 AM", "at 10:15 AM")


def test_new_customer_is_added_in_the_dialog_and_their_number_checked_as_it_is_typed(desk: Desk, salon: Salon) -> None:
    desk.open_day(salon.day())
    press, type_, dialog = desk.page.keyboard.press, desk.page.keyboard.type, desk.dialog
    press("n")
    expect(dialog.get_by_label("Name or number")).to_be_focused()
    type_("Nadia")
    dialog.get_by_role("button", name="Add a new customer").wait_for()
    tab_to(desk, dialog.get_by_role("button", name="Add a new customer"))
    press("Enter")
    number = dialog.get_by_label("Mobile number")
    expect(number).to_be_focused()
    expect(dialog.get_by_label("Name", exact=True)).to_have_value("Nadia")
    type_("0740")
    expect(dialog.locator("#number")).to_contain_text("number")  # what is wrong with it
    expect(dialog.locator("#number .problem")).to_be_visible()
    type_("2" + f"{salon.id:06}")
    expect(dialog.locator("#number")).to_contain_text("✓")
    press("Enter")
    desk.visit("Nadia").wait_for()
    expect(desk.badge("Nadia")).to_have_class("pip delivered", timeout=FOLLOWS_MS)


# Types a name the moment the booking form takes the focus, sooner than any hand.
TYPE_AT_ONCE = """
(name) => document.addEventListener("focusin", ({ target }) => {
  if (target.id !== "f-search" || target.value) return;
  target.value = name;
  target.dispatchEvent(new Event("input", { bubbles: true }));
})
"""


def test_nothing_typed_is_lost_while_the_dialog_opens(desk: Desk, salon: Salon) -> None:
    desk.open_day(salon.day())
    desk.page.evaluate(TYPE_AT_ONCE, salon.customer.full_name)
    desk.page.keyboard.press("n")
    expect(desk.dialog.get_by_role("option", name=salon.customer.full_name)).to_be_visible()


def test_keys_of_the_help_do_what_it_says(desk: Desk, salon: Salon) -> None:
    day = salon.day()
    desk.open_day(day)
    page, press = desk.page, desk.page.keyboard.press
    press("?")
    help_ = page.get_by_role("dialog", name="Keys")
    expect(help_).to_be_visible()
    press("ArrowRight")  # not while something is open
    press("Escape")
    expect(help_).to_be_hidden()
    press("ArrowRight")
    page.wait_for_url(f"**/day/?date={salon.day(4)}")
    press("ArrowLeft")
    page.wait_for_url(f"**/day/?date={day}")
    press("t")
    page.wait_for_url(f"**/day/?date={salon.day(0)}")
    press("/")
    page.wait_for_url("**/people/")
    expect(page.get_by_role("searchbox", name="Name or number")).to_be_focused()
    page.keyboard.type("n")  # a letter, not a new booking
    expect(desk.dialog).to_be_hidden()


def test_closed_panel_gives_the_focus_back(desk: Desk, salon: Salon) -> None:
    salon.book("10:00")
    desk.open_day(salon.day())
    visit = desk.visit(salon.customer.full_name)
    tab_to(desk, visit)
    desk.page.keyboard.press("Enter")
    expect(desk.dialog).to_be_visible()
    desk.page.wait_for_timeout(6_000)  # the day has been asked for anew meanwhile
    desk.page.keyboard.press("Escape")
    expect(desk.dialog).to_be_hidden()
    expect(visit).to_be_focused()
