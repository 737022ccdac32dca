"""Visits that recur: on the salon's clock, looked at before, changed together, and with few texts."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from appointment import occupancy, services
from appointment.models import Appointment, OccupiedTime, Series
from schedule.models import TimeOff
from sms.models import Message
from tests.delivering import deliver_due, ledger_of
from tests.factories import (
    make_customer,
    make_owner,
    make_platform_admin,
    make_salon,
    make_service,
    make_user,
    make_week,
)
from user import api_keys

pytestmark = pytest.mark.django_db

LONDON = ZoneInfo("Europe/London")


@pytest.fixture
def salon():
    return make_salon(timezone="Europe/London")


@pytest.fixture
def staff(salon):
    return make_user(salon)


@pytest.fixture
def client(api, staff):
    return api(staff)


def first_saturday(weeks=2):
    """A Saturday, some weeks ahead."""
    day = datetime.now(LONDON).date() + timedelta(weeks=weeks)
    return day + timedelta(days=(5 - day.weekday()) % 7)


def body(salon, rule="FREQ=WEEKLY;COUNT=4", **fields):
    day = fields.pop("day", None) or first_saturday()
    return {
        "salon": salon.pk,
        "user": salon.staff.first().pk,
        "customer": make_customer(salon).pk,
        "appointment_time": f"{day}T10:00:00",
        "end_time": f"{day}T10:45:00",
        "rule": rule,
        **fields,
    }


def made(client, salon, rule="FREQ=WEEKLY;COUNT=4", **fields):
    answer = client.post("/series/", body(salon, rule, **fields))
    assert answer.status_code == 201, answer.content
    return answer.json()


def visits_of(made_series):
    return list(Appointment.objects.filter(series=made_series["id"]).order_by("series_position"))


def clock(visits, zone=LONDON):
    return [f"{visit.appointment_time.astimezone(zone):%a %H:%M}" for visit in visits]


def errors(answer):
    return [(error["attr"], error["code"]) for error in answer.json()["errors"]]


def block_saturday(salon, week, column_id=1):
    """Take the chair at ten on the Saturday of a week of the series."""
    begins = datetime.combine(first_saturday() + timedelta(weeks=week), time(10), LONDON)
    services.block(salon=salon, column_id=column_id, starts_at=begins, ends_at=begins + timedelta(hours=1))


# --- Made ---------------------------------------------------------------------------------------------------------


def test_series_is_made_of_bookings_like_any_other(client, salon, staff):
    shown = made(client, salon, "rrule:FREQ=WEEKLY;INTERVAL=6;COUNT=8", comment="fringe", column_id=2)
    visits = visits_of(shown)
    day = first_saturday()
    assert clock(visits) == ["Sat 10:00"] * 8
    assert [visit.appointment_time.astimezone(LONDON).date() for visit in visits] == [
        day + timedelta(weeks=6 * n) for n in range(8)
    ]
    assert {(v.end_time - v.appointment_time, v.comment, v.column_id, v.status) for v in visits} == {
        (timedelta(minutes=45), "fringe", 2, "booked")
    }
    expected = {
        "rule": "FREQ=WEEKLY;INTERVAL=6;COUNT=8",
        "starts_at": f"{day}T10:00:00",
        "created_by": staff.pk,
        "visits_ahead": 8,
        "left_out": [],
    }
    assert {name: shown[name] for name in expected} == expected
    assert [visit["id"] for visit in shown["visits"]] == [visit.pk for visit in visits]
    of_third = client.get(f"/appointments/{visits[2].pk}/").json()
    assert (of_third["series"], of_third["series_position"], of_third["changed_alone"]) == (shown["id"], 3, False)


def test_services_and_a_slot_make_a_series_as_they_make_a_booking(client, salon, staff):
    service = make_service(salon, duration_minutes=50, price="20.00")
    make_week(salon, staff)
    day = first_saturday()
    offered = client.get(f"/salons/{salon.pk}/availability/?services={service.pk}&from={day}").json()[0]["slots"][4]
    sent = body(salon, services=[service.pk], slot=offered["slot"])
    for name in ("user", "appointment_time", "end_time"):
        del sent[name]
    visits = visits_of(client.post("/series/", sent).json())
    assert clock(visits) == ["Sat 10:00"] * 4
    assert [(visit.end_time - visit.appointment_time, visit.price) for visit in visits] == [
        (timedelta(minutes=50), 20)
    ] * 4


def test_key_of_an_integration_makes_a_series_of_nobody(api, salon, staff):
    key, _ = api_keys.make(salon=salon, name="Shop", scopes=["appointments:write"])
    assert made(api(api_keys.ApiKeyUser(key)), salon)["created_by"] is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"rule": "FREQ=SECONDLY;COUNT=3"}, ("rule", "rule_frequency")),
        ({"rule": "FREQ=WEEKLY"}, ("rule", "rule_without_end")),
        ({"rule": "FREQ=WEEKLY;COUNT=105"}, ("rule", "too_many_visits")),
        ({"rule": "FREQ=YEARLY;COUNT=4"}, ("rule", "rule_too_far_ahead")),
        ({"rule": "FREQ=WEEKLY;BYDAY=MO;COUNT=4"}, ("rule", "rule_misses_first_visit")),
        ({"rule": "FREQ=DAILY;COUNT=4", "end_time": "2099-01-01T10:00:00"}, ("rule", "visits_overlap")),
        ({"rule": ""}, ("rule", "blank")),
        ({"end_time": "2020-01-01T10:00:00"}, ("end_time", "ends_before_it_begins")),
        ({"appointment_time": "2030-01-01"}, ("appointment_time", "date")),
        ({"status": "completed"}, ("status", "unknown_field")),
        ({"allow_outside_hours": True}, ("allow_outside_hours", "not_allowed")),
    ],
)
@pytest.mark.parametrize("path", ["/series/", "/series/preview/"])
def test_bad_series_is_refused_with_what_to_do(client, salon, staff, path, fields, expected):
    answer = client.post(path, body(salon, **fields))
    assert answer.status_code == 400
    assert expected in errors(answer)
    assert not Series.objects.exists()


def test_end_at_the_beginning_is_refused(client, salon, staff):
    day = first_saturday()
    answer = client.post("/series/", body(salon, end_time=f"{day}T10:00:00"))
    assert errors(answer) == [("end_time", "ends_before_it_begins")]


# --- The clock ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York"])
def test_ten_o_clock_stays_ten_o_clock_through_both_clock_changes(api, zone):
    salon = make_salon(timezone=zone)
    client = api(make_user(salon))
    visits = visits_of(made(client, salon, "FREQ=WEEKLY;INTERVAL=5;COUNT=13"))
    assert clock(visits, ZoneInfo(zone)) == ["Sat 10:00"] * 13
    offsets = {visit.appointment_time.astimezone(ZoneInfo(zone)).utcoffset() for visit in visits}
    assert len(offsets) == 2
    assert {visit.end_time - visit.appointment_time for visit in visits} == {timedelta(minutes=45)}


def night_of_change(zone, *, forward):
    """The day of next year on which the clocks change."""
    year = datetime.now(UTC).year + 1
    day = date(year, 1, 1)
    while True:
        length = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC) - datetime.combine(
            day, time(), zone
        ).astimezone(UTC)
        if length == timedelta(hours=23 if forward else 25):
            return day
        day += timedelta(days=1)


@pytest.mark.parametrize(
    ("zone", "at", "moved_to"), [("Europe/London", "01:30", "02:00"), ("America/New_York", "02:30", "03:00")]
)
def test_time_that_the_clock_skips_moves_to_the_moment_of_the_skip_and_the_preview_says_so(api, zone, at, moved_to):
    salon = make_salon(timezone=zone)
    client = api(make_user(salon))
    night = night_of_change(ZoneInfo(zone), forward=True)
    before = night - timedelta(days=1)
    sent = body(salon, "FREQ=DAILY;COUNT=3", appointment_time=f"{before}T{at}:00", end_time=None)
    preview = client.post("/series/preview/", sent).json()
    assert [(seen["on_the_clock"][11:16], seen["is_shifted"]) for seen in preview] == [
        (at, False),
        (at, True),
        (at, False),
    ]
    visits = visits_of(client.post("/series/", sent).json())
    shown = [f"{visit.appointment_time.astimezone(ZoneInfo(zone)):%H:%M}" for visit in visits]
    assert shown == [at, moved_to, at]
    client.post(f"/series/{visits[0].series_id}/change/", {"shift_days": 1})
    shown = [f"{v.appointment_time.astimezone(ZoneInfo(zone)):%H:%M}" for v in Appointment.objects.order_by("id")]
    assert shown == [moved_to, at, at]


@pytest.mark.parametrize(("zone", "at"), [("Europe/London", "01:30"), ("America/New_York", "01:30")])
def test_time_that_the_clock_shows_twice_is_the_first(api, zone, at):
    salon = make_salon(timezone=zone)
    night = night_of_change(ZoneInfo(zone), forward=False)
    sent = body(
        salon_with_staff(salon),
        "FREQ=DAILY;COUNT=2",
        appointment_time=f"{night - timedelta(days=1)}T{at}:00",
        end_time=None,
    )
    visits = visits_of(api(salon.staff.first()).post("/series/", sent).json())
    assert visits[1].appointment_time - visits[0].appointment_time == timedelta(hours=24)
    assert visits[1].appointment_time.astimezone(ZoneInfo(zone)).fold == 0


def salon_with_staff(salon):
    make_user(salon)
    return salon


def test_series_cannot_begin_at_the_second_of_a_doubled_time(api):
    salon = salon_with_staff(make_salon(timezone="Europe/London"))
    night = night_of_change(LONDON, forward=False)
    sent = body(salon, "FREQ=DAILY;COUNT=2", appointment_time=f"{night}T01:30:00+00:00", end_time=None)
    answer = api(salon.staff.first()).post("/series/", sent)
    assert errors(answer) == [("appointment_time", "ambiguous_time")]


# --- Clashes ------------------------------------------------------------------------------------------------------


def test_preview_says_of_every_visit_what_booking_it_then_does(client, salon, staff):
    make_week(salon, staff)
    service = make_service(salon)
    block_saturday(salon, 1)
    away, closed = (first_saturday() + timedelta(weeks=week) for week in (2, 3))
    TimeOff.objects.create(salon=salon, user=staff, first_day=away, last_day=away)
    TimeOff.objects.create(salon=salon, first_day=closed, last_day=closed)
    sent = body(salon, "FREQ=WEEKLY;COUNT=6", services=[service.pk])
    del sent["end_time"]
    preview = client.post("/series/preview/", sent).json()
    assert [seen["code"] for seen in preview] == [None, "slot_taken", "time_off", "salon_closed", None, None]
    assert [seen["can_be_booked"] for seen in preview] == [True, False, False, False, True, True]
    del sent["rule"]
    for seen in preview:
        answer = client.post("/appointments/", {**sent, "appointment_time": seen["appointment_time"]})
        assert answer.status_code == 201 if seen["can_be_booked"] else errors(answer)[0][1] == seen["code"]
        assert seen["can_be_booked"] or answer.json()["errors"][0]["detail"] == seen["message"]


def test_preview_writes_nothing_and_keeps_nobody_from_booking(client, salon, staff):
    sent = body(salon)
    with CaptureQueriesContext(connection) as queries:
        assert client.post("/series/preview/", sent).status_code == 200
    assert not [q for q in queries if not q["sql"].startswith(("SELECT", "(SELECT", "SAVEPOINT", "RELEASE"))]
    assert not [q for q in queries if "FOR " in q["sql"] or "advisory" in q["sql"]]


def test_series_that_clashes_is_not_made_at_all_and_says_where(client, salon, staff):
    block_saturday(salon, 1)
    block_saturday(salon, 3)
    answer = client.post("/series/", body(salon))
    assert answer.status_code == 409
    assert errors(answer) == [(None, "visits_clash")]
    clashes = answer.json()["clashes"]
    assert [(clash["position"], clash["code"], clash["on_the_clock"]) for clash in clashes] == [
        (2, "slot_taken", f"{first_saturday() + timedelta(weeks=1)}T10:00:00"),
        (4, "slot_taken", f"{first_saturday() + timedelta(weeks=3)}T10:00:00"),
    ]
    assert "is taken" in clashes[0]["message"]
    assert [model.objects.count() for model in (Series, Appointment, Message, OccupiedTime)] == [0, 0, 0, 2]


def test_clashes_that_are_skipped_are_named_and_the_others_keep_their_places(client, salon, staff):
    block_saturday(salon, 0)
    shown = made(client, salon, skip_clashes=True)
    assert [(left["position"], left["code"]) for left in shown["left_out"]] == [(1, "slot_taken")]
    visits = visits_of(shown)
    assert [visit.series_position for visit in visits] == [2, 3, 4]
    assert [kind for visit in visits for kind, _, _ in ledger_of(visit)] == ["confirmation", *["reminder"] * 3]


def test_series_of_which_nothing_can_be_booked_is_not_made(client, salon, staff):
    block_saturday(salon, 0)
    answer = client.post("/series/", body(salon, "FREQ=DAILY;COUNT=1", skip_clashes=True))
    assert errors(answer) == [(None, "visits_clash")]
    assert not Series.objects.exists()


def test_what_is_wrong_at_any_time_is_no_clash(client, salon, staff):
    chair_of_another = make_service(salon)
    chair_of_another.people.set([make_user(salon)])
    sent = body(salon, services=[chair_of_another.pk], skip_clashes=True)
    answer = client.post("/series/", sent)
    assert (answer.status_code, errors(answer)) == (400, [("user", "not_done_by_person")])


# --- Texts --------------------------------------------------------------------------------------------------------


def test_series_is_confirmed_by_one_text_and_each_visit_reminded_of(client, salon, staff, queues, twilio):
    customer = make_customer(salon, full_name="Ada Lovelace")
    visits = visits_of(made(client, salon, "FREQ=WEEKLY;COUNT=8", customer=customer.pk))
    deliver_due()
    assert [text["body"] for text in twilio.messages()] == [
        f"Hi Ada Lovelace, Your appointment at Shear Delight has been confirmed for {first_saturday()} at 10:00 AM. "
        "See you soon!"
    ]
    reminders = Message.objects.filter(kind="reminder", status="pending").order_by("visit_at")
    assert [reminder.booking_id for reminder in reminders] == [visit.pk for visit in visits]
    assert {reminder.visit_at - reminder.due_at for reminder in reminders} == {timedelta(minutes=60)}
    preview = client.get(f"/appointments/{visits[7].pk}/messages/").json()["results"]
    assert [text["preview"] for text in preview] == [
        "Hi Ada Lovelace, You have an appointment coming up at 10:00 AM. Regards Shear Delight."
    ]


def test_each_visit_moved_with_its_series_is_confirmed_at_its_new_time(client, salon, staff, queues, twilio):
    customer = make_customer(salon, full_name="Ada Lovelace")
    shown = made(client, salon, "FREQ=WEEKLY;COUNT=3", customer=customer.pk)
    deliver_due()
    twilio.reset()
    from_visit = shown["visits"][1]["id"]
    client.post(f"/series/{shown['id']}/change/", {"from": from_visit, "time_of_day": "11:30"})
    deliver_due()
    days = [first_saturday() + timedelta(weeks=week) for week in (1, 2)]
    assert sorted(text["body"] for text in twilio.messages()) == [
        f"Hi Ada Lovelace, Your appointment at Shear Delight has been confirmed for {day} at 11:30 AM. See you soon!"
        for day in days
    ]


def test_each_visit_cancelled_with_its_series_is_told_of_once(client, salon, staff, queues, twilio):
    shown = made(client, salon, "FREQ=WEEKLY;COUNT=3")
    deliver_due()
    twilio.reset()
    for _ in range(2):
        answer = client.post(f"/series/{shown['id']}/cancel/", {"reason": "moving away"})
        assert answer.status_code == 200
        deliver_due()
    days = [first_saturday() + timedelta(weeks=week) for week in range(3)]
    assert sorted(text["body"] for text in twilio.messages()) == [
        f"Hi, We regret to inform you that your scheduled appointment for {day} 10:00 AM has been cancelled."
        for day in days
    ]
    assert not Message.objects.filter(status="pending").exists()


def test_change_that_moves_nothing_sends_nothing(client, salon, staff):
    shown = made(client, salon)
    before = Message.objects.count()
    client.post(f"/series/{shown['id']}/change/", {"comment": "window", "column_id": 3, "time_of_day": "10:00"})
    assert Message.objects.count() == before
    assert {(visit.comment, visit.column_id) for visit in visits_of(shown)} == {("window", 3)}


# --- One, this and following, all -------------------------------------------------------------------------------------


def change(client, shown, **fields):
    return client.post(f"/series/{shown['id']}/change/", fields)


def test_one_visit_is_changed_as_a_booking_and_stays_in_its_series(client, salon, staff):
    shown = made(client, salon)
    second = shown["visits"][1]
    answer = client.patch(f"/appointments/{second['id']}/", {"appointment_time": f"{first_saturday()}T15:00:00"}).json()
    assert (answer["series"], answer["series_position"], answer["changed_alone"]) == (shown["id"], 2, True)
    assert clock(visits_of(shown)) == ["Sat 10:00", "Sat 15:00", "Sat 10:00", "Sat 10:00"]


def test_comment_or_state_of_one_visit_leaves_it_in_the_pattern(client, salon, staff):
    shown = made(client, salon)
    path = f"/appointments/{shown['visits'][1]['id']}/"
    client.patch(path, {"comment": "running late"})
    client.post(f"{path}cancel/", {})
    client.patch(path, {"status": "booked"})
    assert client.get(path).json()["changed_alone"] is False


@pytest.mark.parametrize("alone", [{"column_id": 4}, {"services": True}, {"user": True}])
def test_visit_given_another_chair_person_or_service_alone_is_left_alone(client, salon, staff, alone):
    service, same = make_service(salon), make_service(salon)
    given = {"services": [same.pk]} if "services" in alone else alone
    given = {"user": make_user(salon).pk} if "user" in alone else given
    sent = body(salon, services=[service.pk], user=staff.pk)
    del sent["end_time"]
    shown = client.post("/series/", sent).json()
    assert client.patch(f"/appointments/{shown['visits'][1]['id']}/", given).json()["changed_alone"] is True
    answer = change(client, shown, time_of_day="14:00").json()
    assert answer["left_alone"] == [shown["visits"][1]["id"]]
    assert clock(visits_of(shown)) == ["Sat 14:00", "Sat 10:00", "Sat 14:00", "Sat 14:00"]


def test_this_and_following_leaves_what_is_before(client, salon, staff):
    shown = made(client, salon)
    third = shown["visits"][2]["id"]
    answer = change(client, shown, **{"from": third, "shift_days": 1, "time_of_day": "09:15"}).json()
    assert clock(visits_of(shown)) == ["Sat 10:00", "Sat 10:00", "Sun 09:15", "Sun 09:15"]
    assert answer["changed"] == [third, shown["visits"][3]["id"]]
    assert {visit.end_time - visit.appointment_time for visit in visits_of(shown)} == {timedelta(minutes=45)}
    assert not any(visit["changed_alone"] for visit in answer["visits"])


def test_this_and_following_knows_its_place_after_one_was_moved_past_the_others(client, salon, staff):
    shown = made(client, salon)
    second = shown["visits"][1]["id"]
    late = first_saturday() + timedelta(weeks=10)
    client.patch(f"/appointments/{second}/", {"appointment_time": f"{late}T12:00:00", "end_time": f"{late}T12:45:00"})
    change(client, shown, **{"from": shown["visits"][2]["id"], "time_of_day": "11:00"})
    assert clock(visits_of(shown)) == ["Sat 10:00", "Sat 12:00", "Sat 11:00", "Sat 11:00"]
    change(client, shown, **{"from": second, "time_of_day": "08:00"})  # named, so it is meant
    visits = visits_of(shown)
    assert clock(visits) == ["Sat 10:00", "Sat 08:00", "Sat 08:00", "Sat 08:00"]
    assert visits[1].appointment_time.astimezone(LONDON).date() == first_saturday() + timedelta(weeks=1)


def test_visits_changed_alone_are_taken_along_only_when_asked(client, salon, staff):
    shown = made(client, salon)
    second = shown["visits"][1]["id"]
    client.patch(f"/appointments/{second}/", {"column_id": 7})
    answer = change(client, shown, shift_days=2)
    assert answer.json()["left_alone"] == [second]
    assert clock(visits_of(shown)) == ["Mon 10:00", "Sat 10:00", "Mon 10:00", "Mon 10:00"]
    answer = change(client, shown, time_of_day="12:00", include_changed_alone=True)
    assert (answer.json()["left_alone"], len(answer.json()["changed"])) == ([], 4)
    assert clock(visits_of(shown)) == ["Mon 12:00"] * 4
    assert change(client, shown, time_of_day="13:00").json()["left_alone"] == []


def test_visits_that_are_over_cancelled_or_under_way_are_not_changed(client, salon, staff):
    shown = made(client, salon, "FREQ=WEEKLY;COUNT=5")
    ids = [visit["id"] for visit in shown["visits"]]
    Appointment.objects.filter(pk=ids[0]).update(appointment_time="2020-01-04T10:00Z", end_time=None)
    client.post(f"/appointments/{ids[1]}/cancel/", {})
    client.post(f"/appointments/{ids[2]}/arrive/", {})
    assert change(client, shown, time_of_day="12:00").json()["changed"] == ids[3:]
    assert client.get(f"/series/{shown['id']}/").json()["visits_ahead"] == 2
    answer = client.post(f"/series/{shown['id']}/cancel/", {"from": ids[4], "by_customer": True}).json()
    assert answer["changed"] == ids[4:]
    client.post(f"/series/{shown['id']}/cancel/", {})
    answer = change(client, shown, time_of_day="13:00")
    assert (answer.status_code, errors(answer)) == (400, [("from", "nothing_ahead")])


def test_cancelling_a_series_cancels_also_what_was_moved_alone(client, salon, staff):
    shown = made(client, salon)
    client.patch(f"/appointments/{shown['visits'][1]['id']}/", {"column_id": 7})
    client.post(f"/series/{shown['id']}/cancel/", {"reason": "gone"})
    assert {(visit.status, visit.cancel_reason) for visit in visits_of(shown)} == {("cancelled", "gone")}
    assert not OccupiedTime.objects.exists()


def test_visits_make_room_for_each_other_when_all_move(client, salon, staff):
    """Given a visit every day, when all move by one, then each takes the place of the next."""
    for shift in (1, -1):
        shown = made(client, salon, "FREQ=DAILY;COUNT=5", column_id=5 + shift)
        answer = change(client, shown, shift_days=shift)
        assert answer.status_code == 200, answer.content
        days = [visit.appointment_time.astimezone(LONDON).date() for visit in visits_of(shown)]
        assert days == [first_saturday() + timedelta(days=n + shift) for n in range(5)]


def test_time_taken_follows_every_change(client, salon, staff):
    service = make_service(salon, buffer_after_minutes=10)
    shown = made(client, salon)
    change(client, shown, services=[service.pk], user=make_user(salon).pk)
    change(client, shown, time_of_day="10:00", comment="same")  # taken anew where nothing differs, too
    for visit in visits_of(shown):
        assert visit.services == [service]
        spans = [(int(o.during.lower.timestamp()), int(o.during.upper.timestamp())) for o in visit.occupied.all()]
        assert spans == occupancy.spans_of(visit)


def test_change_that_clashes_changes_nothing(client, salon, staff):
    shown = made(client, salon)
    block_saturday(salon, 2, column_id=2)
    before = [visit["appointment_time"] for visit in shown["visits"]]
    answer = change(client, shown, column_id=2, comment="window")
    assert (answer.status_code, errors(answer)) == (409, [(None, "visits_clash")])
    assert [(clash["position"], clash["code"]) for clash in answer.json()["clashes"]] == [(3, "slot_taken")]
    after = client.get(f"/series/{shown['id']}/").json()["visits"]
    assert [(visit["appointment_time"], visit["column_id"], visit["comment"]) for visit in after] == [
        (time_before, 1, "") for time_before in before
    ]
    assert OccupiedTime.objects.filter(appointment__series=shown["id"]).count() == 4


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (None, "nothing_to_change")),
        ({"include_changed_alone": True}, (None, "nothing_to_change")),
        ({"shift_days": 7}, ("shift_days", "max_value")),
        ({"time_of_day": "25:00"}, ("time_of_day", "invalid")),
        ({"salon": 1}, ("salon", "unknown_field")),
        ({"from": 0, "comment": "x"}, ("from", "does_not_exist")),
    ],
)
def test_change_that_cannot_be_meant_is_refused(client, salon, staff, given, expected):
    answer = change(client, made(client, salon), **given)
    assert answer.status_code == 400
    attr, code = errors(answer)[0]
    assert (attr if attr != "non_field_errors" else None, code) == expected


def test_visit_of_another_series_is_no_place_to_begin(client, salon, staff):
    shown, other = made(client, salon), made(client, salon, column_id=2)
    for act in ("change", "cancel"):
        given = {"from": other["visits"][0]["id"], **({"comment": "x"} if act == "change" else {})}
        answer = client.post(f"/series/{shown['id']}/{act}/", given)
        assert errors(answer) == [("from", "not_of_this_series")]


def test_visit_given_to_another_customer_leaves_the_series(client, salon, staff):
    shown = made(client, salon)
    second = shown["visits"][1]["id"]
    client.patch(f"/appointments/{second}/", {"customer": make_customer(salon).pk})
    client.post(f"/series/{shown['id']}/cancel/", {})
    left = Appointment.objects.get(pk=second)
    assert (left.series, left.series_position, left.status) == (None, None, "booked")


def test_old_copy_of_a_visit_saved_later_does_not_undo_its_place(client, salon, staff):
    shown = made(client, salon)
    old = Appointment.objects.get(pk=shown["visits"][1]["id"])
    client.patch(f"/appointments/{old.pk}/", {"column_id": 9})
    change(client, shown, shift_days=1, include_changed_alone=True)
    fresh = Appointment.objects.get(pk=old.pk)
    old.appointment_time, old.end_time, old.column_id = fresh.appointment_time, fresh.end_time, fresh.column_id
    old.comment = "late"
    old.save()
    again = Appointment.objects.get(pk=old.pk)
    assert (again.series_starts_at, again.changed_alone) == (fresh.series_starts_at, False)


def test_copy_of_a_visit_is_a_booking_of_its_own(client, salon, staff):
    shown = made(client, salon)
    copied = visits_of(shown)[1]
    copied.pk, copied.column_id = None, 9
    copied.save()
    assert (copied.series, copied.series_position, copied.changed_alone) == (None, None, False)
    assert len(visits_of(shown)) == 4


def test_visits_stay_when_their_series_goes_and_go_with_their_customer(client, salon, staff):
    shown = made(client, salon)
    Series.objects.all().delete()
    assert Appointment.objects.filter(series=None).count() == 4
    shown = made(client, salon, column_id=2)
    visits_of(shown)[0].customer.delete()
    assert not Series.objects.exists()


# --- Who sees it --------------------------------------------------------------------------------------------------


def test_other_salons_series_and_visits_do_not_exist(api, client, salon, staff):
    shown = made(client, salon)
    elsewhere = make_salon(name="Elsewhere")
    stranger = api(make_owner(elsewhere))
    assert stranger.get("/series/").json()["results"] == []
    assert stranger.get(f"/series/?salon={salon.pk}").json()["results"] == []
    assert stranger.get(f"/series/{shown['id']}/").status_code == 404
    for act, given in (("change", {"comment": "x"}), ("cancel", {})):
        assert stranger.post(f"/series/{shown['id']}/{act}/", given).status_code == 404
    assert {code for _, code in errors(stranger.post("/series/preview/", body(salon)))} == {"does_not_exist"}
    theirs = made(stranger, elsewhere)
    answer = stranger.post(f"/series/{theirs['id']}/cancel/", {"from": shown["visits"][0]["id"]})
    assert errors(answer) == [("from", "does_not_exist")]
    assert {visit.status for visit in visits_of(shown)} == {"booked"}


def test_list_is_of_the_salon_or_customer_asked_for_newest_first(api, client, salon, staff):
    first, second = made(client, salon), made(client, salon, column_id=2)
    other = make_salon()
    made(api(make_user(other)), other)
    admin = api(make_platform_admin())
    assert [row["id"] for row in admin.get(f"/series/?salon={salon.pk}").json()["results"]] == [
        second["id"],
        first["id"],
    ]
    assert [r["id"] for r in client.get(f"/series/?customer={first['customer']}").json()["results"]] == [first["id"]]
    assert client.get("/series/?salon=").status_code == 400


# --- Cost ---------------------------------------------------------------------------------------------------------


def queries_of(act):
    with CaptureQueriesContext(connection) as queries:
        answer = act()
    assert answer.status_code in (200, 201), answer.content
    return len(queries)


def test_queries_grow_with_the_visits_and_no_faster(client, salon, staff):
    service = make_service(salon)

    def sent(count, column_id):
        person = make_user(salon)
        make_week(salon, person)
        given = body(salon, f"FREQ=WEEKLY;COUNT={count}", services=[service.pk], column_id=column_id, user=person.pk)
        del given["end_time"]
        return given

    for path in ("/series/preview/", "/series/"):
        bodies = [sent(n, column_id=n) for n in (2, 4, 8)]
        few, more, most = (queries_of(lambda given=given, path=path: client.post(path, given)) for given in bodies)
        assert most - more == 2 * (more - few)


def test_reading_takes_as_many_queries_for_a_long_series_as_for_a_short_one(client, salon, staff):
    service = make_service(salon)
    counts = []
    for n, count in enumerate((1, 6), start=1):
        shown = made(
            client, salon, f"FREQ=WEEKLY;COUNT={count}", services=[service.pk], user=make_user(salon).pk, column_id=n
        )
        counts.append(queries_of(lambda shown=shown: client.get(f"/series/{shown['id']}/")))
        counts.append(queries_of(lambda: client.get("/series/")))
    assert counts[:2] == counts[2:]
