from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from appointment.models import Appointment
from customer.models import Customer
from sms.models import Message, OptOut
from tests.delivering import SENDER
from tests.factories import (
    make_appointment,
    make_customer,
    make_owner,
    make_phone_number,
    make_salon,
    make_service,
    make_user,
    make_week,
)

pytestmark = pytest.mark.django_db


class Dialog:
    """The booking form of a salon, filled in for a known customer."""

    def __init__(self, desk: Any, **fields: Any) -> None:
        self.salon = make_salon(timezone="Europe/London", reminder_time_minutes=60)
        self.staff = make_user(self.salon)
        self.customer = make_customer(self.salon)
        self.client = desk(self.staff)
        self.form = {
            "who": "known",
            "customer": self.customer.pk,
            "date": "2030-07-01",
            "time": "10:00",
            "minutes": "45",
            "column_id": "1",
            "user": self.staff.pk,
            "comment": "",
            **fields,
        }

    def post(self, path: str = "book/", **headers: str) -> Any:
        return self.client.post(f"/desk/{self.salon.pk}/{path}", self.form, headers=headers)


def test_booking_is_made_on_the_salons_clock(desk: Any) -> None:
    dialog = Dialog(desk, comment="Fringe")
    answer = dialog.post()
    booking = Appointment.objects.get()
    assert answer["Location"] == f"/desk/{dialog.salon.pk}/visits/{booking.pk}/"
    assert f"{booking.appointment_time:%H:%M} {booking.end_time:%H:%M}" == "09:00 09:45"  # summer time
    assert (booking.customer, booking.user, booking.comment) == (dialog.customer, dialog.staff, "Fringe")
    assert booking.history.get().history_user == dialog.staff


def test_script_is_told_and_gets_no_page(desk: Any) -> None:
    answer = Dialog(desk).post(**{"HX-Request": "true"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Booked: Ada Lovelace, Mon 1 Jul at 10:00." in answer["HX-Trigger"]


def test_new_customer_is_made_with_the_booking(desk: Any) -> None:
    number = make_phone_number()
    dialog = Dialog(desk, who="new", full_name="Grace", phone_number=number)
    assert dialog.post().status_code == 302
    assert Appointment.objects.get().customer.phone_number == number


def test_new_customer_of_a_refused_booking_is_not_kept_but_what_was_typed_is(desk: Any) -> None:
    dialog = Dialog(desk, who="new", full_name="Grace", phone_number="07400 123456", date="2020-01-01")
    answer = dialog.post()
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Choose a time that is still ahead." in page
    assert 'value="07400 123456"' in page
    assert Customer.objects.get() == dialog.customer


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"customer": ""}, "Choose a customer"),
        ({"customer": "999999"}, "object does not exist"),
        ({"minutes": "0"}, "Give a length"),
        ({"minutes": ""}, "Give a length"),
        ({"time": "25:00"}, "Give a date and a time."),
        ({"date": "2030-03-31", "time": "01:30"}, "The clocks change then"),
        ({"who": "new", "phone_number": "02079460123"}, "cannot receive texts"),
        ({"user": ""}, "may not be null"),
        ({"comment": "x" * 2001}, "no more than 2000"),
        ({"comment": "\0"}, "Null characters are not allowed"),
    ],
)
def test_wrong_form_comes_back_with_what_to_do(desk: Any, fields: dict[str, str], message: str) -> None:
    answer = Dialog(desk, **fields).post()
    assert (answer.status_code, message in answer.content.decode()) == (422, True), answer.content.decode()
    assert not Appointment.objects.exists()


def test_customers_services_and_people_of_other_salons_do_not_exist(desk: Any) -> None:
    elsewhere = make_salon()
    for fields in (
        {"customer": make_customer(elsewhere).pk},
        {"user": make_user(elsewhere).pk},
        {"services": [make_service(elsewhere).pk]},
    ):
        answer = Dialog(desk, **fields).post()
        assert (answer.status_code, "object does not exist" in answer.content.decode()) == (422, True)


def test_taken_time_is_refused_with_free_ones(desk: Any) -> None:
    dialog = Dialog(desk)
    make_week(dialog.salon, dialog.staff)
    dialog.post()
    answer = dialog.post()
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Chair 1 is taken from 2030-07-01 10:00 to 10:45. Choose another time or chair" in page
    offered = re.findall(r'data-slot data-date="(.+?)" data-time="(.+?)" data-user="(.+?)" data-column="(.+?)"', page)
    assert len(offered) == 3
    slot = dict(zip(("date", "time", "user", "column_id"), offered[0], strict=True))
    taken = dialog.form
    dialog.form = taken | {"allow_overlap": "on"}
    assert dialog.post().status_code == 302, "overlap"
    Appointment.objects.filter(allow_overlap=True).delete()
    dialog.form = taken | slot
    assert dialog.post().status_code == 302, (slot, offered)


def test_only_owners_are_offered_and_may_book_outside_of_hours(desk: Any) -> None:
    dialog = Dialog(desk, time="20:00")
    make_week(dialog.salon, dialog.staff)
    assert "allow_outside_hours" not in dialog.post().content.decode()
    dialog.form["allow_outside_hours"] = "on"
    assert dialog.post().status_code == 422
    dialog.client = desk(make_owner(dialog.salon))
    del dialog.form["allow_outside_hours"]
    assert 'name="allow_outside_hours"' in dialog.post().content.decode()
    dialog.form["allow_outside_hours"] = "on"
    assert dialog.post().status_code == 302


def test_texts_are_shown_word_for_word_and_nothing_is_written(desk: Any) -> None:
    dialog = Dialog(desk)
    page = dialog.post("book/texts/").content.decode()
    assert "Hi Ada Lovelace, Your appointment at Shear Delight has been confirmed for 2030-07-01 at 10:00 AM." in page
    assert "at once" in page
    assert "Mon 1 Jul, 09:00" in page  # the reminder
    assert page.count("1 segment ") == 2
    assert not Appointment.objects.exists()
    assert not Message.objects.exists()


def test_texts_shown_are_those_that_are_then_planned(desk: Any) -> None:
    soon = timezone.now() + timedelta(minutes=30)
    dialog = Dialog(desk, who="new", full_name="Zoë “Z”", phone_number=make_phone_number())
    dialog.form |= {"date": f"{soon.astimezone(dialog.salon.zone):%Y-%m-%d}"}
    dialog.form |= {"time": f"{soon.astimezone(dialog.salon.zone):%H:%M}"}
    page = dialog.post("book/texts/").content.decode()
    assert "not sent: booked inside the reminder window" in page
    assert "2 segments" in page  # curly quotes
    assert not Customer.objects.filter(full_name__startswith="Zo").exists()
    dialog.post()
    assert list(Message.objects.order_by("kind").values_list("kind", "status")) == [
        ("confirmation", "pending"),
        ("reminder", "skipped"),
    ]


def test_somebody_who_opted_out_is_shown_to_get_none(desk: Any) -> None:
    dialog = Dialog(desk)
    OptOut.objects.create(
        phone_number=str(dialog.customer.phone_number), sender=SENDER, since=timezone.now(), source="STOP"
    )
    page = dialog.post("book/texts/").content.decode()
    assert page.count("not sent: opted out") == 2
    assert "Your appointment" not in page


def test_clash_shows_before_saving(desk: Any) -> None:
    dialog = Dialog(desk)
    dialog.post()
    assert "is taken" in dialog.post("book/texts/").content.decode()


def test_services_give_the_length(desk: Any) -> None:
    dialog = Dialog(desk)
    cut, colour = make_service(dialog.salon), make_service(dialog.salon, duration_minutes=30)
    dialog.form |= {"services": [colour.pk, cut.pk], "minutes": ""}
    dialog.post()
    booking = Appointment.objects.get()
    assert booking.end_time is not None
    assert booking.end_time - booking.appointment_time == timedelta(minutes=90)
    assert booking.services == [colour, cut]


def test_customers_are_suggested_by_name_and_number_of_this_salon_alone(desk: Any) -> None:
    dialog = Dialog(desk)
    other = make_customer(make_salon(), full_name="Ada Elsewhere")
    mine = make_customer(dialog.salon, full_name="Grace Hopper")

    def suggest(typed: str) -> str:
        page: str = dialog.client.get(f"/desk/{dialog.salon.pk}/book/suggest/", {"search": typed}).content.decode()
        return page

    assert "Ada Lovelace" in suggest("ada")
    assert "Elsewhere" not in suggest("ada")
    assert "Grace" in suggest("0" + str(mine.phone_number)[3:])
    assert "Nobody" in suggest(str(other.phone_number))


def test_number_is_checked_as_it_is_typed(desk: Any) -> None:
    dialog = Dialog(desk)

    def check(number: str) -> str:
        path = f"/desk/{dialog.salon.pk}/book/number/?booking"
        page: str = dialog.client.post(path, {"phone_number": number}).content.decode()
        return page

    assert "✓ +447400123456" in check("07400 123456")
    assert "cannot receive texts" in check("020 7946 0123")
    assert "valid" in check("07")
    assert "is Ada Lovelace" in check(str(dialog.customer.phone_number))
    make_customer(make_salon(), phone_number="+447400123999")
    assert "✓" in check("07400123999")  # whose it is elsewhere is nobody's business here


def test_book_again_begins_with_what_was_booked(desk: Any) -> None:
    dialog = Dialog(desk)
    visit = make_appointment(salon=dialog.salon, user=dialog.staff, customer=dialog.customer, comment="As always")
    page = dialog.client.get(f"/desk/{dialog.salon.pk}/book/?again={visit.pk}").content.decode()
    assert "As always" in page
    assert f'name="customer" value="{dialog.customer.pk}"' in page
    others = make_appointment(comment="Secret")
    assert "Secret" not in dialog.client.get(f"/desk/{dialog.salon.pk}/book/?again={others.pk}").content.decode()
