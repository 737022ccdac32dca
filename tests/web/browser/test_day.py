"""The day in a real browser, from the mouse to the customer's phone."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.web.browser.desk import FOLLOWS_MS, HELD_BACK_MS, SENT_MS, Desk, Salon


def test_visit_booked_by_dragging_over_an_empty_time_is_texted_as_the_dialog_said(desk: Desk, salon: Salon) -> None:
    desk.open_day(salon.day())
    desk.drag_over("Mirror", "10:00", "11:00")
    dialog = desk.dialog
    expect(dialog.get_by_label("Minutes")).to_have_value("60")
    expect(dialog.get_by_label("Time")).to_have_value("10:00")
    expect(dialog.get_by_label("Chair").locator("option:checked")).to_have_text("Mirror")
    desk.choose_customer(salon.customer.full_name)
    foreseen = dialog.locator("#foreseen li").filter(has_text="Confirmation")
    expect(foreseen).to_contain_text("at once")
    expect(foreseen).to_contain_text("1 segment")
    words = foreseen.locator("blockquote").inner_text()
    assert salon.bookings() == []  # shown, not done
    dialog.get_by_role("button", name="Book", exact=True).click()
    expect(desk.toast).to_contain_text(f"Booked: {salon.customer.full_name}")
    desk.expect_at(salon.customer.full_name, "Mirror", "10:00")
    phone = desk.phone(salon.customer)
    phone.expect_texts(words)
    assert f"{salon.day()} at 10:00 AM" in words
    expect(desk.badge(salon.customer.full_name)).to_have_attribute(
        "aria-label", "Confirmation delivered", timeout=FOLLOWS_MS
    )


def test_visit_dragged_elsewhere_asks_once_shows_at_once_and_texts_when_it_cannot_be_undone(
    desk: Desk, salon: Salon
) -> None:
    name = salon.customer.full_name
    booking = salon.book("10:00")
    phone = desk.phone(salon.customer)
    phone.expect_texts("10:00 AM")
    desk.open_day(salon.day())
    desk.drag_visit(name, chair="Window", begins="10:00", to_chair="Mirror", to="13:30")
    asked = desk.page.locator("#ask")
    expect(asked).to_contain_text(f"Move and text {name}?")
    expect(asked.locator("blockquote")).to_contain_text("at 1:30 PM")
    desk.confirm_move()
    expect(desk.toast).to_contain_text("is moved to 13:30")
    desk.expect_at(name, "Mirror", "13:30")
    assert salon.api.call("GET", f"/appointments/{booking['id']}/")["column_id"] == 1  # not yet
    desk.let_undo_pass()
    phone.expect_texts("at 1:30 PM", "10:00 AM")
    moved = salon.api.call("GET", f"/appointments/{booking['id']}/")
    assert (moved["column_id"], moved["appointment_time"][11:16]) == (2, salon.at("13:30").strftime("%H:%M"))
    desk.expect_at(name, "Mirror", "13:30")


def test_move_that_is_undone_was_never_made_and_sends_nothing(desk: Desk, salon: Salon) -> None:
    name = salon.customer.full_name
    booking = salon.book("10:00")
    phone = desk.phone(salon.customer)
    phone.expect_texts("10:00 AM")
    desk.page.clock.install()
    desk.open_day(salon.day())
    desk.drag_visit(name, chair="Window", begins="10:00", to_chair="Window", to="15:00")
    desk.confirm_move()
    desk.expect_at(name, "Window", "15:00")
    desk.toast.get_by_role("button", name="Undo").click()
    desk.expect_at(name, "Window", "10:00")
    desk.page.clock.run_for(HELD_BACK_MS)
    expect(desk.toast).to_have_count(0)
    desk.page.wait_for_timeout(1_000)  # for a text, had one been sent
    assert salon.api.call("GET", f"/appointments/{booking['id']}/")["modified"] == booking["modified"]
    assert [row["kind"] for row in salon.api.messages(booking["id"])] == ["confirmation", "reminder"]
    phone.expect_texts("10:00 AM")
    desk.expect_at(name, "Window", "10:00")


def test_question_answered_with_no_leaves_the_visit_where_it_is(desk: Desk, salon: Salon) -> None:
    salon.book("10:00")
    desk.open_day(salon.day())
    name = salon.customer.full_name
    desk.drag_visit(name, chair="Window", begins="10:00", to_chair="Mirror", to="12:00")
    desk.page.get_by_role("button", name="Leave it").click()
    desk.expect_at(name, "Window", "10:00")
    expect(desk.toast).to_have_count(0)


def test_visit_pulled_longer_is_saved_without_a_question_or_a_text(desk: Desk, salon: Salon) -> None:
    booking = salon.book("10:00", minutes=60)
    phone = desk.phone(salon.customer)
    phone.expect_texts("10:00 AM")
    desk.page.clock.install()
    desk.open_day(salon.day())
    desk.drag_end(salon.customer.full_name, chair="Window", to="12:00")
    expect(desk.toast).to_contain_text("10:00–12:00")
    desk.page.clock.run_for(HELD_BACK_MS)
    desk.let_undo_pass()
    expect(desk.page.locator(".moving")).to_have_count(0)
    saved = salon.api.call("GET", f"/appointments/{booking['id']}/")
    assert saved["end_time"][11:16] == salon.at("12:00").strftime("%H:%M")
    phone.expect_texts("10:00 AM")


def test_visit_dropped_on_another_goes_back_and_names_the_chair(desk: Desk, salon: Salon) -> None:
    salon.book("10:00")
    salon.book("14:00", customer=salon.other_customer, column_id=2)
    desk.open_day(salon.day())
    name = salon.customer.full_name
    desk.drag_visit(name, chair="Window", begins="10:00", to_chair="Mirror", to="14:15")
    expect(desk.toast).to_contain_text("Mirror is taken")
    desk.expect_at(name, "Window", "10:00")


def test_cancelled_visit_shows_its_text_first_and_leaves_the_day(desk: Desk, salon: Salon) -> None:
    salon.book("10:00")
    phone = desk.phone(salon.customer)
    phone.expect_texts("confirmed")
    desk.open_day(salon.day())
    desk.visit(salon.customer.full_name).click()
    desk.dialog.get_by_role("link", name="Cancel…").click()
    words = desk.dialog.locator(".preview blockquote").inner_text()
    assert "cancelled" in words
    assert salon.bookings()[0]["status"] == "booked"
    desk.dialog.get_by_label("Reason").fill("Ill")
    desk.dialog.get_by_role("button", name="Cancel the visit").click()
    expect(desk.dialog.locator(".status")).to_have_text("Cancelled")
    expect(desk.visit(salon.customer.full_name)).to_have_count(0)
    phone.expect_texts(words, "confirmed")
    desk.dialog.get_by_role("button", name="Close").click()


def test_badge_follows_a_customer_who_replies_stop_on_the_phone(desk: Desk, salon: Salon) -> None:
    name = salon.customer.full_name
    salon.book("10:00")
    desk.open_day(salon.day())
    phone = desk.phone(salon.customer)
    phone.expect_texts("confirmed")
    expect(desk.badge(name)).to_have_class("pip delivered", timeout=FOLLOWS_MS)
    phone.reply("STOP")
    expect(phone.card.locator(".pill")).to_be_visible()
    expect(desk.badge(name)).to_have_class("pip opted-out", timeout=FOLLOWS_MS)
    desk.visit(name).click()
    reminder = desk.dialog.locator(".story").filter(has_text="Reminder")
    expect(reminder).to_contain_text("will not be sent: opted out")


def test_two_windows_see_each_others_changes_without_a_reload(open_desk: Callable[..., Desk], salon: Salon) -> None:
    name = salon.customer.full_name
    here, there = open_desk(salon), open_desk(salon)
    for desk in (here, there):
        desk.open_day(salon.day())
        desk.page.evaluate("window.isTheSame = true")
    here.drag_over("Window", "09:00", "09:45")
    here.choose_customer(name)
    here.dialog.get_by_role("button", name="Book", exact=True).click()
    expect(there.visit(name)).to_have_count(1, timeout=FOLLOWS_MS)
    there.drag_visit(name, chair="Window", begins="09:00", to_chair="Mirror", to="11:00")
    there.confirm_move()
    expect(here.visit(name)).to_contain_text("11:00", timeout=SENT_MS + FOLLOWS_MS)
    here.expect_at(name, "Mirror", "11:00")
    for desk in (here, there):
        assert desk.page.evaluate("window.isTheSame"), "reloaded"


def test_what_somebody_else_has_moved_meanwhile_is_not_moved_over(desk: Desk, salon: Salon) -> None:
    """Given a page that has not yet heard of another's move, when it drags, then the server says so."""
    name = salon.customer.full_name
    booking = salon.book("10:00")
    desk.open_day(salon.day())
    desk.visit(name).wait_for()
    desk.page.route("**/day/data/**", lambda route: route.fulfill(status=304))
    later = {"appointment_time": salon.at("16:00").isoformat(), "end_time": salon.at("16:45").isoformat()}
    salon.api.change(booking["id"], **later)
    desk.drag_visit(name, chair="Window", begins="10:00", to_chair="Window", to="12:00")
    expect(desk.toast).to_contain_text("Somebody else has just changed this visit")
    desk.page.unroute("**/day/data/**")
    expect(desk.visit(name)).to_contain_text("16:00", timeout=FOLLOWS_MS)


def test_lost_connection_is_told_and_found_again(desk: Desk, salon: Salon) -> None:
    desk.open_day(salon.day())
    lost = desk.page.locator("#lost")
    expect(lost).to_be_hidden()
    desk.page.context.set_offline(True)
    expect(lost).to_be_visible(timeout=FOLLOWS_MS)
    desk.page.context.set_offline(False)
    expect(lost).to_be_hidden(timeout=FOLLOWS_MS)
    assert all("ERR_INTERNET_DISCONNECTED" in complaint for complaint in desk.complaints)
    desk.complaints.clear()
