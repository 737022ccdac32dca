"""Visits in people's calendars, read back by two parsers that share no code: `icalendar` and `ical`."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
import time_machine
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from ical.calendar_stream import IcsCalendarStream

from address.models import Address
from appointment import calendar_feeds, calendars, planning, services
from appointment.models import Appointment, Block, CalendarDomain, CalendarFeed
from tests.factories import (
    hours_ahead,
    make_appointment,
    make_customer,
    make_owner,
    make_platform_admin,
    make_salon,
    make_service,
    make_user,
)
from user import api_keys

pytestmark = pytest.mark.django_db


def read(content: bytes) -> dict[str, Any]:
    """The entries by UID, as `icalendar` reads them; `ical` must read the same."""
    text = content.decode()
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert text.count("\n") == text.count("\r\n") == text.count("\r")
    calendar = icalendar.Calendar.from_ical(content)
    assert [error for part in calendar.walk() for error in part.errors] == []
    events: dict[str, Any] = {str(event["UID"]): event for event in calendar.walk("VEVENT")}
    others = IcsCalendarStream.calendar_from_ics(text).events
    shown = {
        (event.uid, event.sequence, event.dtstart, event.dtend, event.summary, event.description, event.location)
        for event in others
    }
    assert len(others) == len(events)
    assert shown == {
        (
            uid,
            int(event["SEQUENCE"]),
            event.decoded("DTSTART"),
            event.decoded("DTEND"),
            str(event["SUMMARY"]),
            str(event["DESCRIPTION"]) if "DESCRIPTION" in event else None,
            str(event["LOCATION"]) if "LOCATION" in event else None,
        )
        for uid, event in events.items()
    }
    assert {(event.uid, event.status) for event in others} == {(uid, event["STATUS"]) for uid, event in events.items()}
    return events


def uid(thing: Any) -> str:
    kind = "block" if isinstance(thing, Block) else "visit"
    return f"{kind}-{thing.pk}@{CalendarDomain.objects.get_or_create(pk=1)[0].name}"


def file_of(booking: Appointment) -> Any:
    """The only entry of a visit's file."""
    (event,) = read(calendars.render([calendars.entry_of(Appointment.objects.get(pk=booking.pk))])).values()
    return event


def feed_of(person: Any, **fields: Any) -> str:
    """The path of a new feed."""
    _, address = calendar_feeds.make(user=person, **fields)
    return f"/calendars/{address}.ics"


def fetch(path: str, **headers: str) -> Any:
    return Client().get(path, headers=headers)


def entries(path: str) -> dict[str, Any]:
    answer = fetch(path)
    assert answer.status_code == 200, answer.content
    return read(answer.content)


# --- What an entry says ---------------------------------------------------------------------------------


def test_visit_says_when_where_and_who() -> None:
    salon = make_salon(name="Shear, Delight")
    for street in ("12 Marchmont Street", "99 Other Street"):
        salon.addresses.add(Address.objects.create(street=street, city="London", postal_code="WC1N 1AB"))
    booking = make_appointment(
        salon=salon,
        appointment_time=datetime(2030, 6, 1, 9, tzinfo=UTC),
        end_time=datetime(2030, 6, 1, 9, 45, tzinfo=UTC),
        comment="difficult",
    )
    service = make_service(salon, name="Cut; and finish")
    services.change(booking.pk, services=[service], end_time=booking.end_time)
    event = file_of(booking)
    assert event["UID"] == uid(booking)
    assert event.decoded("DTSTART") == booking.appointment_time
    assert event.decoded("DTEND") == booking.end_time
    assert event["SUMMARY"] == "Ada Lovelace"
    assert event["LOCATION"] == "Shear, Delight, 12 Marchmont Street, London WC1N 1AB"
    assert event["DESCRIPTION"] == "Cut; and finish\n10:00 to 10:45 on the salon's clock (Europe/London)"
    assert (event["STATUS"], event["TRANSP"], event["CLASS"]) == ("CONFIRMED", "OPAQUE", "PRIVATE")


def test_neither_number_nor_comment_leaves_the_house() -> None:
    booking = make_appointment(comment="difficult", cancel_reason="ill")
    content = calendars.render([calendars.entry_of(booking)]).decode().replace("\r\n ", "")
    for secret in ("difficult", "ill\r", str(booking.customer.phone_number)[-6:], booking.user.email):
        assert secret not in content


def test_visit_without_end_lasts_half_an_hour() -> None:
    event = file_of(make_appointment())
    assert event.decoded("DTEND") - event.decoded("DTSTART") == timedelta(minutes=30)


@pytest.mark.parametrize(
    ("status", "shown", "transparency", "summary"),
    [
        ("offered", "TENTATIVE", "OPAQUE", "Offered: Ada Lovelace"),
        ("booked", "CONFIRMED", "OPAQUE", "Ada Lovelace"),
        ("arrived", "CONFIRMED", "OPAQUE", "Ada Lovelace"),
        ("in_service", "CONFIRMED", "OPAQUE", "Ada Lovelace"),
        ("completed", "CONFIRMED", "OPAQUE", "Ada Lovelace"),
        ("cancelled", "CANCELLED", "TRANSPARENT", "Cancelled: Ada Lovelace"),
        ("no_show", "CANCELLED", "TRANSPARENT", "Did not come: Ada Lovelace"),
    ],
)
def test_status_is_shown(status: str, shown: str, transparency: str, summary: str) -> None:
    booking = make_appointment()
    booking.status = status
    booking.save()
    event = file_of(booking)
    assert (event["STATUS"], event["TRANSP"], event["SUMMARY"]) == (shown, transparency, summary)


def test_clock_change_moves_the_hour_in_utc_and_not_on_the_clock() -> None:
    salon = make_salon()
    zone = ZoneInfo("Europe/London")
    for day, hour_in_utc in ((26, 9), (27, 10)):  # the clocks go back on 27 October 2030
        local = datetime(2030, 10, day, 10, tzinfo=zone)
        event = file_of(make_appointment(salon=salon, appointment_time=local, end_time=local + timedelta(hours=1)))
        assert event.decoded("DTSTART") == datetime(2030, 10, day, hour_in_utc, tzinfo=UTC)
        assert event["DTSTART"].to_ical() == f"203010{day}T{hour_in_utc:02}0000Z".encode()
        assert event.decoded("DTSTART").astimezone(zone).hour == 10
        assert "10:00 to 11:00 on the salon's clock" in event["DESCRIPTION"]


def test_both_halves_of_the_doubled_hour_are_told_apart() -> None:
    starts = [
        file_of(make_appointment(appointment_time=datetime(2030, 10, 27, hour, 30, tzinfo=UTC))).decoded("DTSTART")
        for hour in (0, 1)
    ]
    assert starts[1] - starts[0] == timedelta(hours=1)


NASTY = [
    "X\r\nATTENDEE:mailto:evil@example.com",
    "X\nEND:VEVENT\nBEGIN:VEVENT\nSUMMARY:mine",
    "X\rATTENDEE:mailto:evil@example.com",
    "X\x85ATTENDEE:a\u2028ATTENDEE:b\u2029ATTENDEE:c\x0bATTENDEE:d\x0cATTENDEE:e\x1cATTENDEE:f",
    'O\'Brien, Zoë; "the \\n one" \\N \\; <b>, 💇🏽‍♀️',
    "Ångström-Łukasiewicz " * 5 + "💇" * 10,
    "e\u0301" * 60,
    "\\",
]


@pytest.mark.parametrize("name", NASTY)
def test_no_name_adds_a_property(name: str) -> None:
    salon = make_salon(name=name[:120])
    salon.addresses.add(Address.objects.create(street=name[:200], city=name[:100], postal_code="WC1N 1AB"))
    booking = make_appointment(salon=salon, customer=make_customer(salon, full_name=name[:120]))
    plain = make_appointment(salon=make_salon(), customer=make_customer())
    services.change(booking.pk, services=[make_service(salon, name=name[:80])], end_time=hours_ahead(25))
    services.change(plain.pk, services=[make_service(plain.salon)], end_time=hours_ahead(25))
    event = file_of(booking)
    assert set(event) == set(file_of(plain))
    # `icalendar` takes a written \\N for the end of a line, as in an escaped text.
    assert str(event["SUMMARY"]) == re.sub(r"[\s\x00-\x1f\x85]+", " ", name[:120]).strip().replace("\\N", "\n")
    content = calendars.render([calendars.entry_of(booking)], name).decode()
    assert not re.search(r"^(ATTENDEE|SUMMARY:mine)", content.replace("\r\n ", ""), re.MULTILINE)
    assert len(content.splitlines()) == content.count("\r\n")


# --- Versions -------------------------------------------------------------------------------------------


def test_uid_stays_and_sequence_grows_with_what_a_calendar_shows() -> None:
    booking = make_appointment()
    first = file_of(booking)
    assert first["SEQUENCE"] == 0
    booking.comment = "prefers the window"
    booking.save()
    assert file_of(booking)["SEQUENCE"] == 0
    services.change(booking.pk, appointment_time=hours_ahead(48))
    moved = file_of(booking)
    services.change(booking.pk, appointment_time=first.decoded("DTSTART"))
    back = file_of(booking)
    services.cancel(booking.pk)
    cancelled = file_of(booking)
    assert [moved["SEQUENCE"], back["SEQUENCE"], cancelled["SEQUENCE"]] == [1, 2, 3]
    assert {event["UID"] for event in (first, moved, back, cancelled)} == {uid(booking)}
    assert cancelled["STATUS"] == "CANCELLED"


@pytest.mark.parametrize("fields", [None, ["end_time"]])
def test_every_change_is_stamped(fields: list[str] | None) -> None:
    booking = make_appointment()
    Appointment.objects.update(modified=F("modified") - timedelta(days=1))
    before = file_of(booking)
    booking.end_time = booking.appointment_time + timedelta(hours=2)
    booking.save(update_fields=fields)
    after = file_of(booking)
    assert after["SEQUENCE"] == before["SEQUENCE"] + 1
    assert after.decoded("DTSTAMP") == after.decoded("LAST-MODIFIED")
    # As old as the youngest of what it shows: the salon was made a moment ago.
    salon = booking.salon
    assert after.decoded("DTSTAMP") >= salon.modified.replace(microsecond=0)
    booking.refresh_from_db()
    assert booking.modified > salon.modified


def test_new_name_of_the_customer_is_a_later_stamp() -> None:
    booking = make_appointment()
    before = file_of(booking)
    with time_machine.travel(hours_ahead(1), tick=False):
        booking.customer.full_name = "Ada King"
        booking.customer.save()
    after = file_of(booking)
    assert (after["SEQUENCE"], after["SUMMARY"]) == (before["SEQUENCE"], "Ada King")
    assert after.decoded("DTSTAMP") > before.decoded("DTSTAMP")


def test_stale_copy_of_a_booking_never_takes_the_sequence_back() -> None:
    booking = make_appointment()
    stale = Appointment.objects.get(pk=booking.pk)
    services.change(booking.pk, appointment_time=hours_ahead(48))
    services.change(booking.pk, appointment_time=hours_ahead(72))
    stale.comment = "old"
    stale.save()
    assert file_of(booking)["SEQUENCE"] == 3  # it has moved the visit back


@pytest.mark.parametrize("changes", [{"appointment_time": hours_ahead(72)}, {"status": "cancelled"}])
def test_change_past_the_hooks_is_a_new_version_too(changes: dict[str, Any]) -> None:
    booking = make_appointment()
    Appointment.objects.update(modified=F("modified") - timedelta(days=1))
    Appointment.objects.filter(pk=booking.pk).update(**changes)
    for _ in range(2):
        planning.plan_unplanned()
        booking.refresh_from_db()
        assert booking.calendar_sequence == 1
        assert booking.modified > booking.created


def test_import_past_the_hooks_is_version_zero() -> None:
    booking = make_appointment()
    Appointment.objects.filter(pk=booking.pk).update(texts_planned_for=None)
    planning.plan_unplanned()
    assert file_of(booking)["SEQUENCE"] == 0


# --- A visit's file -------------------------------------------------------------------------------------


def test_file_is_one_that_calendars_open(api: Any) -> None:
    booking = make_appointment()
    path = f"/appointments/{booking.pk}/calendar.ics"
    answer = api(booking.user).get(path, headers={"Accept": "text/calendar"})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="visit-{booking.pk}.ics"'
    assert answer["Cache-Control"] == "private, no-cache"
    assert list(read(answer.content)) == [uid(booking)]
    known = {"If-None-Match": answer["ETag"]}
    again = api(booking.user).get(path, headers=known)
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", answer["ETag"])
    services.change(booking.pk, appointment_time=hours_ahead(48))
    assert api(booking.user).get(path, headers=known).status_code == 200


def test_file_is_for_the_salons_staff_and_keys(api: Any) -> None:
    booking = make_appointment()
    path = f"/appointments/{booking.pk}/calendar.ics"
    stranger = make_owner(make_salon())
    answer = api(stranger).get(path, headers={"Accept": "text/calendar"})
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")
    for scope, status in (("appointments:read", 200), ("customers:read", 403)):
        key, _ = api_keys.make(salon=booking.salon, name="Shop", scopes=[scope])
        assert api(api_keys.ApiKeyUser(key)).get(path).status_code == status


# --- Feeds ----------------------------------------------------------------------------------------------


def test_feed_is_made_and_read_and_its_address_is_shown_once(api: Any, settings: Any) -> None:
    salon = make_salon()
    person = make_user(salon)
    booking = make_appointment(salon=salon, user=person)
    make_appointment(salon=salon)  # a colleague's
    answer = api(person).post("/users/me/calendar-feeds/", {"name": "My phone"})
    assert (answer.status_code, answer["Cache-Control"]) == (201, "no-store")
    url = answer.json()["url"]
    assert re.fullmatch(r"http://testserver/calendars/[0-9a-f]{12}-[0-9a-f]{64}\.ics", url)
    assert list(entries(url)) == [uid(booking)]
    (listed,) = api(person).get("/users/me/calendar-feeds/").json()["results"]
    assert "url" not in listed
    secret = url[-68:-4]
    assert secret not in str(CalendarFeed.objects.values())
    assert listed["last_fetched_at"] is not None
    settings.PUBLIC_BASE_URL = "https://booking.example.com"
    url = api(person).post("/users/me/calendar-feeds/", {}).json()["url"]
    assert url.startswith("https://booking.example.com/calendars/")


def test_feed_answer_is_for_one_reader_and_says_what_it_is(api: Any) -> None:
    path = feed_of(make_user(make_salon()), name="Sam, at work")
    answer = fetch(path, Accept="text/calendar")
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer["Cache-Control"] == "private, no-cache"
    assert answer["Referrer-Policy"] == "no-referrer"
    calendar = icalendar.Calendar.from_ical(answer.content)
    assert (calendar["VERSION"], calendar["X-WR-CALNAME"], calendar["NAME"]) == ("2.0", "Sam, at work", "Sam, at work")
    for line in (b"REFRESH-INTERVAL;VALUE=DURATION:PT15M\r\n", b"X-PUBLISHED-TTL:PT15M\r\n"):
        assert line in answer.content
    assert Client().head(path).status_code == 200


def test_known_feed_is_304_until_something_changes() -> None:
    booking = make_appointment()
    path = feed_of(booking.user)
    etag = fetch(path)["ETag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}'):
        answer = fetch(path, **{"If-None-Match": known})
        assert (answer.status_code, answer.content, answer["ETag"]) == (304, b"", etag)
    booking.customer.full_name = "Ada King"
    booking.customer.save()
    assert fetch(path, **{"If-None-Match": etag}).status_code == 200


def test_two_salons_in_two_zones_are_one_calendar() -> None:
    london, new_york = make_salon(), make_salon(name="Uptown", timezone="America/New_York")
    person = make_user(london, new_york)
    moment = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=3)
    bookings = [
        make_appointment(salon=salon, user=person, appointment_time=moment + timedelta(hours=hours))
        for salon, hours in ((london, 0), (new_york, 6))
    ]
    shown = entries(feed_of(person))
    for booking in bookings:
        event = shown[uid(booking)]
        assert event.decoded("DTSTART") == booking.appointment_time
        local = booking.appointment_time.astimezone(ZoneInfo(booking.salon.timezone))
        assert f"{local:%H:%M} to" in event["DESCRIPTION"]
        assert booking.salon.timezone in event["DESCRIPTION"]
    assert list(entries(feed_of(person, salon=new_york))) == [uid(bookings[1])]


def test_who_leaves_a_salon_keeps_nothing_of_it() -> None:
    stays, leaves = make_salon(), make_salon()
    person = make_user(stays, leaves)
    kept = make_appointment(salon=stays, user=person)
    make_appointment(salon=leaves, user=person)
    make_appointment(salon=leaves, user=person).delete()
    Block.objects.create(salon=leaves, user=person, starts_at=hours_ahead(30), ends_at=hours_ahead(31))
    everything, one = feed_of(person), feed_of(person, salon=leaves)
    assert (len(entries(everything)), len(entries(one))) == (4, 3)
    person.salons.remove(leaves)
    assert list(entries(everything)) == [uid(kept)]
    assert entries(one) == {}


def test_who_is_not_active_any_more_sees_nothing() -> None:
    booking = make_appointment()
    path = feed_of(booking.user)
    booking.user.is_active = False
    booking.user.save()
    assert entries(path) == {}


def test_platform_admin_sees_only_what_they_do_themselves(api: Any) -> None:
    admin = make_platform_admin()
    booking = make_appointment()
    assert entries(feed_of(admin)) == {}
    answer = api(admin).post("/users/me/calendar-feeds/", {"salon": booking.salon.pk})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "does_not_work_there")


def test_revoked_or_unknown_address_is_404() -> None:
    feed, address = calendar_feeds.make(user=make_user(make_salon()))
    prefix, secret = address.split("-")
    assert fetch(f"/calendars/{address}.ics").status_code == 200
    wrong = [f"{prefix}-{'0' * 64}", f"{'0' * 12}-{secret}", secret, f"{address}0", address.upper(), prefix, "é", "."]
    for text in wrong:
        assert fetch(f"/calendars/{text}.ics").status_code == 404, text
    calendar_feeds.revoke(feed)
    answer = fetch(f"/calendars/{address}.ics", Accept="text/calendar")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")
    assert answer.json() == {
        "type": "client_error",
        "errors": [{"code": "not_found", "detail": "Not found.", "attr": None}],
    }


def test_revoking_is_for_oneself_and_for_the_salons_owner(api: Any) -> None:
    salon, elsewhere = make_salon(), make_salon()
    person, owner = make_user(salon, elsewhere), make_owner(salon)
    own, _ = calendar_feeds.make(user=person)
    other, _ = calendar_feeds.make(user=person, salon=elsewhere)
    listed = api(owner).get(f"/salons/{salon.pk}/calendar-feeds/").json()["results"]
    assert [row["id"] for row in listed] == [own.pk]
    assert api(owner).delete(f"/salons/{salon.pk}/calendar-feeds/{other.pk}/").status_code == 404
    assert api(owner).delete(f"/users/me/calendar-feeds/{own.pk}/").status_code == 404
    assert api(person).delete(f"/salons/{salon.pk}/calendar-feeds/{own.pk}/").status_code == 403
    assert api(make_owner(elsewhere)).delete(f"/salons/{salon.pk}/calendar-feeds/{own.pk}/").status_code == 404
    assert CalendarFeed.objects.exclude(revoked_at=None).count() == 0
    assert api(owner).delete(f"/salons/{salon.pk}/calendar-feeds/{own.pk}/").status_code == 204
    revoked_at = CalendarFeed.objects.get(pk=own.pk).revoked_at
    assert revoked_at is not None
    for _ in range(2):
        assert api(person).delete(f"/users/me/calendar-feeds/{own.pk}/").status_code == 204
    assert CalendarFeed.objects.get(pk=own.pk).revoked_at == revoked_at
    assert api(person).delete(f"/users/me/calendar-feeds/{other.pk}/").status_code == 204


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"secret_hash": "x"}, "secret_hash", "unknown_field"),
        ({"name": "x" * 81}, "name", "max_length"),
        ({"shows_customers": "no"}, "shows_customers", "invalid_type"),
        ({"salon": 0}, "salon", "does_not_exist"),
    ],
)
def test_unacceptable_feed_is_refused(api: Any, body: dict[str, Any], field: str, code: str) -> None:
    answer = api(make_user(make_salon())).post("/users/me/calendar-feeds/", body)
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert (error["attr"], error["code"]) == (field, code)
    assert CalendarFeed.objects.count() == 0


def test_feed_of_another_salon_is_refused_as_if_there_were_none(api: Any) -> None:
    answer = api(make_user(make_salon())).post("/users/me/calendar-feeds/", {"salon": make_salon().pk})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "does_not_exist")


def test_feed_may_leave_out_who_comes() -> None:
    booking = make_appointment()
    (event,) = entries(feed_of(booking.user, shows_customers=False)).values()
    assert event["SUMMARY"] == "Visit"


def test_feed_looks_a_month_back_and_a_year_ahead() -> None:
    salon = make_salon()
    person = make_user(salon)
    at = {
        days: make_appointment(salon=salon, user=person, appointment_time=hours_ahead(24 * days))
        for days in (-31, -29, 0.1, 365, 367)
    }
    assert set(entries(feed_of(person))) == {uid(at[days]) for days in (-29, 0.1, 365)}


def test_cancelled_and_deleted_visits_are_told_of_for_a_month() -> None:
    salon = make_salon()
    person = make_user(salon)
    cancelled, deleted, cascaded = (make_appointment(salon=salon, user=person) for _ in range(3))
    uids = [uid(booking) for booking in (cancelled, deleted, cascaded)]
    path = feed_of(person)
    services.change(deleted.pk, appointment_time=hours_ahead(48))
    services.cancel(cancelled.pk)
    Appointment.objects.get(pk=deleted.pk).delete()
    cascaded.customer.delete()
    shown = entries(path)
    assert [shown[name]["STATUS"] for name in uids] == ["CANCELLED"] * 3
    assert [int(shown[name]["SEQUENCE"]) for name in uids] == [1, 2, 1]
    assert [str(shown[name]["SUMMARY"]) for name in uids] == ["Cancelled: Ada Lovelace", *["Cancelled: Visit"] * 2]
    Appointment.objects.update(cancelled_at=F("cancelled_at") - timedelta(days=31))
    Appointment.history.update(history_date=F("history_date") - timedelta(days=31))
    assert entries(path) == {}


def test_deleting_by_a_stale_copy_still_tells_a_newer_version() -> None:
    booking = make_appointment()
    stale, name, path = Appointment.objects.get(pk=booking.pk), uid(booking), feed_of(booking.user)
    services.change(booking.pk, appointment_time=hours_ahead(48))
    services.change(booking.pk, appointment_time=hours_ahead(72))
    stale.delete()
    assert int(entries(path)[name]["SEQUENCE"]) == 3


def test_visit_given_to_a_colleague_moves_to_their_calendar() -> None:
    booking = make_appointment()
    colleague = make_user(booking.salon)
    mine, theirs = feed_of(booking.user), feed_of(colleague)
    before = entries(mine)[uid(booking)]
    services.change(booking.pk, user=colleague)
    assert entries(mine) == {}
    (after,) = entries(theirs).values()
    assert (after["UID"], after["SEQUENCE"]) == (before["UID"], before["SEQUENCE"] + 1)


def test_blocks_are_busy_without_a_word_why() -> None:
    salon = make_salon()
    person = make_user(salon)
    block = services.block(
        salon=salon, user=person, starts_at=hours_ahead(30), ends_at=hours_ahead(31), label="Dentist"
    )
    services.block(salon=salon, column_id=3, starts_at=hours_ahead(30), ends_at=hours_ahead(31))  # a chair's
    path = feed_of(person)
    content = fetch(path).content
    assert b"Dentist" not in content
    ((name, event),) = read(content).items()
    assert (name, event["SUMMARY"], event["TRANSP"], event["SEQUENCE"]) == (uid(block), "Busy", "OPAQUE", 0)
    with time_machine.travel(hours_ahead(1), tick=False):
        services.change_block(block.pk, ends_at=hours_ahead(32))
    (moved,) = entries(path).values()
    assert moved["SEQUENCE"] >= 3600 - 5
    assert moved.decoded("DTSTAMP") > event.decoded("DTSTAMP")


def test_queries_do_not_grow_with_what_is_shown() -> None:
    salon = make_salon()
    salon.addresses.add(Address.objects.create(street="12 Marchmont Street", city="London", postal_code="WC1N 1AB"))
    person, service = make_user(salon), make_service(salon)

    def add(visits: int) -> None:
        for _ in range(visits):
            hours = 24 + Appointment.objects.count()
            fields: dict[str, Any] = {"salon": salon, "user": person, "customer": make_customer(salon)}
            services.book(services=[service], appointment_time=hours_ahead(hours), column_id=1, **fields)
        services.block(salon=salon, user=person, starts_at=hours_ahead(500 + visits), ends_at=hours_ahead(501 + visits))
        make_appointment(salon=salon, user=person).delete()

    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert fetch(path).status_code == 200
        return len(captured)

    path = feed_of(person)
    add(1)
    fetch(path)  # notes that it was fetched, and makes the domain
    few = queries(path)
    add(99)
    assert (queries(path), few) == (few, 8)
    assert len(entries(path)) == 104


def test_feed_is_limited_by_itself(settings: Any) -> None:
    settings.RATE_LIMIT_PER_CALENDAR_FEED = 2
    person = make_user(make_salon())
    first, second = feed_of(person), feed_of(person)
    answers = [fetch(first) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["errors"][0]["code"] == "throttled"
    assert int(answers[2]["Retry-After"]) > 0
    assert fetch(second).status_code == 200


def test_guessing_addresses_is_limited_by_where_it_comes_from(settings: Any) -> None:
    settings.RATE_LIMIT_PER_IP = 2
    statuses = [fetch(f"/calendars/{'0' * 12}-{number:064x}.ics").status_code for number in range(3)]
    assert statuses == [404, 404, 429]


def test_last_fetch_is_written_once_a_minute() -> None:
    feed, address = calendar_feeds.make(user=make_user(make_salon()))

    def writes() -> int:
        with CaptureQueriesContext(connection) as queries:
            calendar_feeds.find(address)
        return sum("UPDATE" in query["sql"] for query in queries)

    assert [writes() for _ in range(3)] == [1, 0, 0]
    CalendarFeed.objects.update(last_fetched_at=F("last_fetched_at") - timedelta(seconds=61))
    assert writes() == 1
    assert CalendarFeed.objects.get(pk=feed.pk).last_fetched_at is not None


@pytest.mark.parametrize("path", ["/calendars/{}.ics", "/calendars/{}", "/Calendars/{}.ics/", "/salons/?key={}"])
def test_no_log_line_holds_the_secret(path: str, printed: io.StringIO) -> None:
    feed, address = calendar_feeds.make(user=make_user(make_salon()))
    fetch(path.format(address))
    calendar_feeds.revoke(feed)
    fetch(path.format(address))
    secret = address.partition("-")[2]
    assert feed.prefix in printed.getvalue()  # the request was logged
    assert secret[:16] not in printed.getvalue()
