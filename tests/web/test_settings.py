from __future__ import annotations

from datetime import time
from typing import Any

import pytest

from salon.models import Salon
from schedule.models import Chair, Service, WorkingHours
from sms.models import Message
from tests.factories import hours_ahead, make_appointment, make_owner, make_salon, make_user
from user.models import ExtendedUser

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


class Owner:
    def __init__(self, desk: Any) -> None:
        self.salon = make_salon(timezone="UTC")
        self.user = make_owner(self.salon)
        self.client = desk(self.user)

    def post(self, path: str, **fields: Any) -> Any:
        return self.client.post(f"/desk/{self.salon.pk}/settings/{path}", fields)

    def salon_form(self, **fields: Any) -> dict[str, Any]:
        now = {"name": "Shear Delight", "phone_number": "+442079460123", "timezone": "UTC"}
        return now | {"reminder_time_minutes": 60, "late_cancel_hours": 24} | fields


def test_other_minutes_tell_what_they_would_move_and_move_nothing(desk: Any) -> None:
    owner = Owner(desk)
    for hours in (48, 50):
        make_appointment(salon=owner.salon, user=owner.user, appointment_time=hours_ahead(hours))
    due = list(Message.objects.order_by("id").values_list("due_at", flat=True))
    page = owner.post("reminders/", reminder_time_minutes=120).content.decode()
    assert "Moves 2 reminders" in page
    assert f"{hours_ahead(46):%H:%M}" in page
    assert list(Message.objects.order_by("id").values_list("due_at", flat=True)) == due
    owner.salon.refresh_from_db()
    assert owner.salon.reminder_time_minutes == 60
    assert "Give whole minutes" in owner.post("reminders/", reminder_time_minutes="-1").content.decode()


def test_saved_minutes_move_the_reminders(desk: Any) -> None:
    owner = Owner(desk)
    visit = make_appointment(salon=owner.salon, user=owner.user, appointment_time=hours_ahead(48))
    answer = owner.post("salon/", **owner.salon_form(reminder_time_minutes=30))
    assert answer.status_code == 302
    assert "1 reminder moved" in owner.client.get(answer["Location"]).content.decode()
    reminder = Message.objects.get(booking_id=visit.pk, kind="reminder")
    assert (visit.appointment_time - reminder.due_at).total_seconds() == 30 * 60


def test_wrong_salon_comes_back_with_what_was_typed(desk: Any) -> None:
    owner = Owner(desk)
    answer = owner.post("salon/", **owner.salon_form(timezone="Mars/Base", name="New name"))
    page = answer.content.decode()
    assert (answer.status_code, "is not a time zone" in page, 'value="New name"' in page) == (422, True, True)
    assert Salon.objects.get(pk=owner.salon.pk).name == "Shear Delight"


def test_chairs_are_added_renamed_and_removed(desk: Any) -> None:
    owner = Owner(desk)
    owner.post("chairs/", name="Window")
    owner.post("chairs/", name="Mirror")
    assert list(Chair.objects.values_list("column_id", "name")) == [(1, "Window"), (2, "Mirror")]
    chair = Chair.objects.get(name="Window")
    owner.post(f"chairs/{chair.pk}/", name="Door")
    owner.post(f"chairs/{Chair.objects.get(name='Mirror').pk}/", name="x", delete="yes")
    assert list(Chair.objects.values_list("name", flat=True)) == ["Door"]
    assert owner.post("chairs/", name="").status_code == 422


def test_services_are_added_and_changed(desk: Any) -> None:
    owner = Owner(desk)
    owner.post("services/", name="Cut", duration_minutes=45, price="32.50")
    service = Service.objects.get()
    assert (service.duration_minutes, str(service.price), service.is_active) == (45, "32.50", True)
    owner.post(f"services/{service.pk}/", name="Cut", duration_minutes=60, price="")
    service.refresh_from_db()
    assert (service.duration_minutes, service.price, service.is_active) == (60, None, False)
    assert owner.post("services/", name="Cut", duration_minutes=30).status_code == 422


def test_a_working_week_is_five_days(desk: Any) -> None:
    owner = Owner(desk)
    owner.post("hours/", user=owner.user.pk, weekday="working-week", opens="09:00", closes="17:30")
    assert list(WorkingHours.objects.values_list("weekday", "closes")) == [(day, time(17, 30)) for day in range(5)]
    owner.post("hours/", user=owner.user.pk, weekday="5", opens="17:00", closes="09:00")
    stranger = make_user(make_salon())
    owner.post("hours/", user=stranger.pk, weekday="5", opens="09:00", closes="17:00")
    assert WorkingHours.objects.count() == 5


def test_rows_of_other_salons_are_not_there(desk: Any) -> None:
    owner = Owner(desk)
    chair = Chair.objects.create(salon=make_salon(), column_id=1, name="Theirs")
    assert owner.post(f"chairs/{chair.pk}/", name="Mine").status_code == 404
    assert owner.post("nothing/", name="x").status_code == 404


def test_owner_adds_somebody_who_can_then_log_in(desk: Any) -> None:
    owner = Owner(desk)
    form = {"full_name": "Sam", "email": "sam@salon.example", "password1": PASSWORD, "password2": PASSWORD}
    assert owner.post("staff/", **form).status_code == 302
    person = ExtendedUser.objects.get(email="sam@salon.example")
    assert (list(person.salons.all()), person.is_owner) == ([owner.salon], False)
    again = owner.post("staff/", **form)
    page = again.content.decode()
    assert (again.status_code, "There is a user with this e-mail" in page, PASSWORD in page) == (422, True, False)
