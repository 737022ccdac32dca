"""The settings' lists, by their whole forms."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import pytest

from appointment import services
from appointment.filters import local_today
from schedule.models import Chair, Service, SpecialHours, TimeOff, WorkingHours
from tests.factories import hours_ahead, make_appointment, make_owner, make_salon, make_service, make_user

pytestmark = pytest.mark.django_db


class Owner:
    def __init__(self, desk: Any) -> None:
        self.salon = make_salon(timezone="UTC")
        self.user = make_owner(self.salon, full_name="Olive")
        self.client = desk(self.user)

    def post(self, path: str, **fields: Any) -> Any:
        return self.client.post(f"/desk/{self.salon.pk}/settings/{path}", {"all": "yes", **fields})

    def page(self, path: str) -> str:
        text: str = self.client.get(f"/desk/{self.salon.pk}/settings/{path}").content.decode()
        return text


def names() -> list[str]:
    return list(Chair.objects.values_list("name", flat=True))


def test_chairs_are_put_into_another_order(desk: Any) -> None:
    owner = Owner(desk)
    for number, name in enumerate(("A", "B", "C"), start=1):  # all at one place, as the API makes them
        Chair.objects.create(salon=owner.salon, column_id=number, name=name)
    last = Chair.objects.get(name="C")
    answer = owner.post(f"chairs/{last.pk}/", name="typed", move="up")
    assert answer["Location"].endswith(f"#chair-{last.pk}")
    assert names() == ["A", "C", "B"]
    owner.post(f"chairs/{last.pk}/", move="up")
    owner.post(f"chairs/{last.pk}/", move="up")  # it is the first already
    assert names() == ["C", "A", "B"]
    owner.post(f"chairs/{last.pk}/", move="down")
    assert names() == ["A", "C", "B"]
    assert list(Chair.objects.values_list("name", "column_id")) == [("A", 1), ("C", 3), ("B", 2)]


def test_chairs_of_other_salons_keep_their_order(desk: Any) -> None:
    owner, elsewhere = Owner(desk), make_salon()
    theirs = [Chair.objects.create(salon=elsewhere, column_id=n, name="x", position=7) for n in (1, 2)]
    mine = [Chair.objects.create(salon=owner.salon, column_id=n, name="y") for n in (1, 2)]
    owner.post(f"chairs/{mine[0].pk}/", move="down")
    assert set(Chair.objects.filter(salon=elsewhere).values_list("position", flat=True)) == {7}
    assert owner.post(f"chairs/{theirs[0].pk}/", move="down").status_code == 404


def test_who_works_at_a_chair_and_what_is_done_there(desk: Any) -> None:
    owner = Owner(desk)
    service, sam = make_service(owner.salon, name="Colour"), make_user(owner.salon, full_name="Sam")
    chair = Chair.objects.create(salon=owner.salon, column_id=1, name="Window")
    owner.post(f"chairs/{chair.pk}/", name="Window", people=[sam.pk], services=[service.pk])
    assert (list(chair.people.all()), list(chair.services.all())) == ([sam], [service])
    page = owner.page(f"chairs/{chair.pk}/")
    assert f'name="people" value="{sam.pk}" checked' in page
    owner.post(f"chairs/{chair.pk}/", name="Window")
    assert (chair.people.count(), chair.services.count()) == (0, 0)


def test_renaming_a_chair_from_the_list_leaves_who_works_there(desk: Any) -> None:
    owner = Owner(desk)
    chair = Chair.objects.create(salon=owner.salon, column_id=1, name="Window")
    chair.people.add(owner.user)
    owner.client.post(f"/desk/{owner.salon.pk}/settings/chairs/{chair.pk}/", {"name": "Door"})
    chair.refresh_from_db()
    assert (chair.name, list(chair.people.all())) == ("Door", [owner.user])


def test_service_with_buffers_a_gap_and_its_people(desk: Any) -> None:
    owner = Owner(desk)
    fields = {
        "name": "Colour",
        "duration_minutes": 90,
        "buffer_before_minutes": 5,
        "buffer_after_minutes": 10,
        "gap_after_minutes": 30,
        "gap_minutes": 30,
        "price": "80",
        "currency": "EUR",
        "colour": "#3b82f6",
        "people": [owner.user.pk],
    }
    assert owner.post("services/", **fields, is_active="on").status_code == 302
    service = Service.objects.get()
    assert (service.buffer_after_minutes, service.gap_minutes, service.currency) == (10, 30, "EUR")
    assert (service.is_active, list(service.people.all())) == (True, [owner.user])
    page = owner.page(f"services/{service.pk}/")
    assert ('name="gap_after_minutes" value="30"' in page, 'value="80.00"' in page) == (True, True)
    owner.post(f"services/{service.pk}/", **fields | {"people": []})
    service.refresh_from_db()
    assert (service.is_active, service.people.count()) == (False, 0)


def test_refused_service_comes_back_with_all_that_was_typed_and_names_the_field(desk: Any) -> None:
    owner = Owner(desk)
    answer = owner.post(
        "services/",
        name="Colour",
        duration_minutes=60,
        gap_after_minutes=40,
        gap_minutes=30,
        buffer_after_minutes=15,
        colour="blue",
        people=[owner.user.pk],
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Give a colour such as #3b82f6." in page
    for typed in ('value="Colour"', 'value="40"', 'value="15"', 'value="blue"', f'value="{owner.user.pk}" checked'):
        assert typed in page, typed
    gap = owner.post("services/", name="Colour", duration_minutes=60, gap_after_minutes=40, gap_minutes=30)
    assert "The gap must leave work before it and after it" in gap.content.decode()
    assert Service.objects.count() == 0


def test_row_refused_in_a_list_comes_back_as_its_form(desk: Any) -> None:
    owner = Owner(desk)
    quick = {"name": "Cut", "duration_minutes": "0", "price": "lots"}
    answer = owner.client.post(f"/desk/{owner.salon.pk}/settings/services/", quick)
    page = answer.content.decode()
    assert (answer.status_code, 'value="Cut"' in page, 'value="lots"' in page) == (422, True, True)


def test_service_that_was_booked_is_not_removed(desk: Any) -> None:
    owner = Owner(desk)
    service = make_service(owner.salon)
    visit = make_appointment(salon=owner.salon, user=owner.user)
    services.change(visit.pk, services=[service])
    answer = owner.post(f"services/{service.pk}/", delete="yes")
    assert (answer.status_code, "Switch it off instead" in answer.content.decode()) == (409, True)
    assert Service.objects.exists()


def test_hours_are_changed_and_given_their_days(desk: Any) -> None:
    owner = Owner(desk)
    times = {"opens": time(9), "closes": time(17)}
    row = WorkingHours.objects.create(salon=owner.salon, user=owner.user, weekday=0, **times)
    form = {"user": owner.user.pk, "weekday": 2, "opens": "10:00", "closes": "18:00", "valid_from": "2030-01-01"}
    owner.post(f"hours/{row.pk}/", **form)
    row.refresh_from_db()
    assert (row.weekday, row.opens, row.valid_from, row.valid_until) == (2, time(10), date(2030, 1, 1), None)
    answer = owner.post(f"hours/{row.pk}/", **form, valid_until="2029-01-01")
    assert (answer.status_code, "End no earlier than you begin." in answer.content.decode()) == (422, True)


def test_other_hours_on_a_date_for_one_or_for_everybody(desk: Any) -> None:
    owner = Owner(desk)
    sam = make_user(owner.salon)
    make_user(make_salon())
    day = (local_today(owner.salon) + timedelta(days=9)).isoformat()
    owner.post("special-hours/", date=day, user="everybody", kind="off", opens="09:00", closes="17:00")
    assert set(SpecialHours.objects.values_list("user", "opens")) == {(owner.user.pk, None), (sam.pk, None)}
    row = SpecialHours.objects.get(user=sam)
    owner.post(f"special-hours/{row.pk}/", date=day, user=sam.pk, kind="hours", opens="12:00", closes="20:00")
    row.refresh_from_db()
    assert (row.opens, row.closes) == (time(12), time(20))
    assert "20:00" in owner.page("days-off/")
    owner.post(f"special-hours/{row.pk}/", delete="yes")
    assert list(SpecialHours.objects.values_list("user", flat=True)) == [owner.user.pk]
    wrong = owner.post("special-hours/", date=day, user=sam.pk, kind="hours", opens="12:00", closes="")
    assert wrong.status_code == 422
    assert SpecialHours.objects.count() == 1


def test_time_off_of_a_person_for_part_of_a_day(desk: Any) -> None:
    owner = Owner(desk)
    day = (local_today(owner.salon) + timedelta(days=9)).isoformat()
    form = {"user": owner.user.pk, "first_day": day, "begins": "13:00", "ends": "15:00", "reason": "Dentist"}
    assert owner.post("time-off/", **form).status_code == 302
    row = TimeOff.objects.get()
    assert (row.user, row.last_day, row.begins, row.is_yearly) == (owner.user, row.first_day, time(13), False)
    assert "Dentist" in owner.page("days-off/")
    owner.post(f"time-off/{row.pk}/", **form, is_yearly="on")
    row.refresh_from_db()
    assert row.is_yearly
    wrong = owner.post("time-off/", **form | {"ends": "12:00"})
    page = wrong.content.decode()
    assert (wrong.status_code, "End later than you begin." in page, "Dentist" in page) == (422, True, True)


def test_closing_tells_how_many_visits_are_booked_then(desk: Any) -> None:
    owner = Owner(desk)
    visit = make_appointment(salon=owner.salon, user=owner.user, appointment_time=hours_ahead(100))
    make_appointment(salon=owner.salon, user=owner.user, appointment_time=hours_ahead(200))
    make_appointment(appointment_time=hours_ahead(100))
    answer = owner.post("time-off/", user="", first_day=f"{visit.appointment_time:%Y-%m-%d}")
    page = owner.client.get(answer["Location"]).content.decode()
    assert "1 visit booked then stays" in page
    assert TimeOff.objects.get().user is None
    visit.refresh_from_db()
    assert visit.status == "booked"


@pytest.mark.parametrize("who", ["nonsense", "999999999", "stranger"])
def test_person_who_is_not_there_does_not_close_the_salon(desk: Any, who: str) -> None:
    owner = Owner(desk)
    user = make_user(make_salon()).pk if who == "stranger" else who
    assert owner.post("time-off/", user=user, first_day="2030-01-01").status_code == 422
    assert TimeOff.objects.count() == 0


def test_public_holidays_are_taken_over_once(desk: Any) -> None:
    owner = Owner(desk)  # its number says GB
    page = owner.page("days-off/")
    assert ("Christmas Day" in page, "Good Friday" in page) == (True, True)
    today = local_today(owner.salon)
    year = today.year if today <= date(today.year, 12, 25) else today.year + 1
    christmas = date(year, 12, 25)
    for _ in range(2):
        owner.post("holidays/", date=[christmas.isoformat(), "2030-02-30", "2031-07-07"])
    row = TimeOff.objects.get()
    assert (row.user, row.first_day, row.last_day, row.reason) == (None, christmas, christmas, "Christmas Day")
    assert f'value="{christmas}"' not in owner.page("days-off/")


def test_what_is_over_is_not_shown_but_for_what_comes_every_year(desk: Any) -> None:
    owner = Owner(desk)
    for reason, is_yearly in (("Long gone", False), ("Every year", True)):
        TimeOff.objects.create(
            salon=owner.salon,
            first_day=date(2020, 1, 1),
            last_day=date(2020, 1, 1),
            reason=reason,
            is_yearly=is_yearly,
        )
    page = owner.page("days-off/")
    assert ("Long gone" in page, "Every year" in page) == (False, True)


@pytest.mark.parametrize("what", ["chairs", "services", "hours", "special-hours", "time-off"])
def test_new_row_has_a_form(desk: Any, what: str) -> None:
    assert "Save" in Owner(desk).page(f"{what}/")
