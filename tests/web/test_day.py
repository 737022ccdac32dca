from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from appointment import services
from appointment.models import Block
from schedule.models import Chair
from sms.models import Message, OptOut
from tests.delivering import SENDER
from tests.factories import make_appointment, make_customer, make_salon, make_service, make_user, make_week

pytestmark = pytest.mark.django_db
DAY = datetime(2030, 7, 1, tzinfo=UTC)


def board(client: Any, salon: Any, date: str = "2030-07-01") -> Any:
    return json.loads(client.get(f"/desk/{salon.pk}/day/data/?date={date}").content)


def test_times_are_the_salons_whatever_the_zone_of_the_reader(desk: Any) -> None:
    salon = make_salon(timezone="America/New_York")
    staff = make_user(salon)
    make_appointment(salon=salon, user=staff, appointment_time=DAY.replace(hour=14))
    shown = board(desk(staff), salon)
    assert shown["visits"][0]["start"] == "2030-07-01T10:00:00"
    assert shown["offset"] == "-04:00"


def test_chairs_are_named_and_a_booking_at_none_of_them_is_seen(desk: Any) -> None:
    salon = make_salon()
    staff = make_user(salon)
    Chair.objects.create(salon=salon, column_id=2, name="Window", position=1)
    Chair.objects.create(salon=salon, column_id=1, name="Mirror", position=2)
    make_appointment(salon=salon, user=staff, column_id=7, appointment_time=DAY.replace(hour=10))
    assert [chair["title"] for chair in board(desk(staff), salon)["chairs"]] == ["Window", "Mirror", "Chair 7"]


def test_time_outside_of_everybodys_hours_is_shaded(desk: Any) -> None:
    salon = make_salon(timezone="UTC")
    staff = make_user(salon)
    assert board(desk(staff), salon)["closed"] == []  # nobody has said when they work
    make_week(salon, staff, "07:00", "20:30")
    shown = board(desk(staff), salon)
    spans = [(span["start"][11:16], span["end"][11:16]) for span in shown["closed"]]
    assert spans == [("00:00", "07:00"), ("20:30", "00:00")]
    assert (shown["from"], shown["to"]) == ("07:00", "21:00")


def test_hours_of_a_day_when_the_clocks_change_are_the_clocks(desk: Any) -> None:
    salon = make_salon(timezone="Europe/London")
    staff = make_user(salon)
    make_week(salon, staff, "09:00", "17:00")
    spans = board(desk(staff), salon, "2030-03-31")["closed"]
    assert [(span["start"][11:16], span["end"][11:16]) for span in spans] == [("00:00", "09:00"), ("17:00", "00:00")]


def test_blocks_are_shown_at_their_chair_or_beside_the_day(desk: Any) -> None:
    salon = make_salon(timezone="UTC")
    staff = make_user(salon, full_name="Sam")
    times = {"starts_at": DAY.replace(hour=12), "ends_at": DAY.replace(hour=13)}
    Block.objects.create(salon=salon, column_id=1, label="Lunch", **times)
    Block.objects.create(salon=salon, user=staff, label="Meeting", **times)
    shown = board(desk(staff), salon)["blocks"]
    assert [(block["chair"], block["person"], block["label"]) for block in shown] == [
        ("1", "", "Lunch"),
        (None, "Sam", "Meeting"),
    ]


def badge(client: Any, salon: Any) -> tuple[str, str]:
    visit = board(client, salon)["visits"][0]
    return visit["text"], visit["textLabel"]


def test_badge_tells_what_became_of_the_texts(desk: Any) -> None:
    salon = make_salon()
    staff = make_user(salon)
    visit = make_appointment(salon=salon, user=staff, appointment_time=DAY.replace(hour=10))
    client = desk(staff)
    confirmation = Message.objects.filter(booking_id=visit.pk, kind="confirmation")
    assert badge(client, salon) == ("planned", "Confirmation planned")
    for state, seen in (("sending", "sending"), ("sent", "sent"), ("delivered", "delivered"), ("failed", "failed")):
        sent_at = DAY if state in ("sent", "delivered") else None
        confirmation.update(status=state, sent_at=sent_at)
        assert badge(client, salon)[0] == seen
    confirmation.update(status="skipped", reason="opted out")
    OptOut.objects.create(phone_number=str(visit.customer.phone_number), sender=SENDER, since=DAY, source="STOP")
    assert badge(client, salon) == ("opted-out", "Opted out: gets no texts")


def test_open_page_is_told_only_of_changes(desk: Any) -> None:
    salon = make_salon()
    staff = make_user(salon)
    client = desk(staff)
    path = f"/desk/{salon.pk}/day/data/?date=2030-07-01"
    etag = client.get(path)["ETag"]
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 304
    make_appointment(salon=salon, user=staff, appointment_time=DAY.replace(hour=10))
    assert client.get(path, headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.parametrize("date", ["", "tomorrow", "0001-01-01", "9999-12-31", "2030-02-30"])
def test_date_that_cannot_be_shown_is_today(desk: Any, date: str) -> None:
    salon = make_salon()
    page = desk(make_user(salon)).get(f"/desk/{salon.pk}/day/?date={date}")
    assert (page.status_code, ">Today</span>" in page.content.decode()) == (200, True)


@pytest.mark.parametrize("path", ["day/?date=2030-07-01", "day/data/?date=2030-07-01", "texts/?days=all", "people/"])
def test_number_of_queries_does_not_depend_on_how_much_there_is(
    desk: Any, path: str, django_assert_max_num_queries: Any
) -> None:
    salon = make_salon()
    staff = make_user(salon)
    client = desk(staff)

    def fill(number: int) -> None:
        for hour in range(number):
            customer = make_customer(salon)
            at = DAY.replace(hour=8) + timedelta(minutes=30 * (number + hour))
            visit = make_appointment(salon=salon, user=staff, customer=customer, appointment_time=at, column_id=number)
            services.change(visit.pk, services=[make_service(salon, duration_minutes=30)])

    def queries() -> int:
        with django_assert_max_num_queries(40) as counted:
            assert client.get(f"/desk/{salon.pk}/{path}").status_code == 200
        return len(counted)

    fill(1)
    queries()  # notes the salon in the session
    few = queries()
    fill(8)
    assert queries() == few


def test_new_salon_is_led_to_its_first_text_and_no_further(desk: Any) -> None:
    salon = make_salon()
    staff = make_user(salon)
    client = desk(staff)
    page = client.get(f"/desk/{salon.pk}/day/").content.decode()
    assert "Add your first customer" in page
    assert "Name your chairs" not in page  # for owners
    visit = make_appointment(salon=salon, user=staff)
    assert "Watch the first text go out" in client.get(f"/desk/{salon.pk}/day/").content.decode()
    Message.objects.filter(booking_id=visit.pk, kind="confirmation").update(status="sent", sent_at=DAY)
    assert "Watch the first text" not in client.get(f"/desk/{salon.pk}/day/").content.decode()
