from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from appointment import planning
from appointment import services as appointments
from appointment.models import Appointment, Block, OccupiedTime
from sms import opt_outs
from sms.clock import database_now
from sms.models import Message
from sms.segments import count_segments
from tests.delivering import SENDER, deliver_due, ledger_of
from tests.factories import make_customer, make_entry, make_salon, make_service, make_user, make_week
from tests.waitlist.taking import DAY, at, let_hold_end, offered, state_of, take
from waitlist import services
from waitlist.errors import EntryOver, NotOffered
from waitlist.models import Entry, FreedTime, Offer

pytestmark = pytest.mark.django_db


def kept_for(entry):
    offer = offered(entry)
    return None if offer is None else (offer.appointment.user_id, offer.appointment.column_id, offer.starts_at)


def test_cancelled_time_is_kept_for_the_first_who_waits_and_told_by_text(salon, stylist, cut):
    booking = take(salon, stylist, cut)
    first, second = make_entry(salon, cut), make_entry(salon, cut)
    appointments.cancel(booking.pk)
    assert services.keep_offers() == 1
    assert kept_for(first) == (stylist.pk, 1, at(salon, "10:00"))
    assert (state_of(first), state_of(second)) == ("offered", "waiting")
    kept = offered(first).appointment
    assert (kept.status, kept.services, kept.customer) == ("offered", [cut], first.customer)
    assert ledger_of(kept) == [("offer", "pending", "")]
    text = Message.objects.get(booking=kept)
    assert text.expires_at == offered(first).expires_at
    assert text.to == str(first.customer.phone_number)


def test_offer_says_where_when_and_until_when_in_two_segments_without_a_word_that_opts_out(salon, stylist, cut):
    booking = take(salon, stylist, cut)
    entry = make_entry(salon, cut)
    appointments.cancel(booking.pk)
    services.keep_offers()
    body = Message.objects.get(kind="offer").body
    until = offered(entry).expires_at.astimezone(salon.zone)
    assert body.startswith(
        f"Hi Ada Lovelace, Shear Delight has a free time for you: {DAY} at 10:00 AM. "
        f"It is kept for you until {until:%-I:%M %p}: https://booking.example/waitlist/o/"
    )
    size = count_segments(body)
    assert (size.encoding, size.segments) == ("GSM-7", 2)
    assert {word.strip(".,:!").upper() for word in body.split()}.isdisjoint(opt_outs.STOP_WORDS)


def test_accepted_offer_becomes_a_booking_with_confirmation_and_reminder(salon, stylist, cut, twilio):
    booking = take(salon, stylist, cut)
    entry = make_entry(salon, cut)
    appointments.cancel(booking.pk)
    services.keep_offers()
    offer = offered(entry)
    deliver_due()
    services.accept(offer.pk)
    services.accept(offer.pk)  # again: nothing more
    deliver_due()
    assert [(kind, status) for kind, status, _ in ledger_of(offer.appointment_id)] == [
        ("offer", "sent"),
        ("confirmation", "sent"),
        ("reminder", "pending"),
    ]
    assert state_of(entry) == "booked"
    assert Appointment.objects.get(pk=offer.appointment_id).status == "booked"
    assert services.keep_offers() == 0


def test_lapsed_offer_goes_to_the_next_and_tells_nobody_of_a_cancellation(salon, stylist, cut):
    booking = take(salon, stylist, cut)
    first, second = make_entry(salon, cut), make_entry(salon, cut)
    appointments.cancel(booking.pk)
    services.keep_offers()
    lapsed = offered(first)
    let_hold_end(lapsed)
    assert services.keep_offers() == 1
    assert (state_of(first), state_of(second)) == ("waiting", "offered")
    assert ledger_of(lapsed.appointment_id) == [("offer", "cancelled", "the time is not offered any more")]
    lapsed.refresh_from_db()
    assert (lapsed.outcome, lapsed.appointment.status) == ("lapsed", "cancelled")
    let_hold_end(offered(second))
    assert services.keep_offers() == 0  # each has had this time
    assert Offer.objects.count() == 2


def test_declined_offer_goes_to_the_next_at_once_and_the_customer_waits_on_for_another_time(salon, stylist, cut):
    ten, three = take(salon, stylist, cut), take(salon, stylist, cut, "15:00")
    first, second = make_entry(salon, cut), make_entry(salon, cut)
    appointments.cancel(ten.pk)
    services.keep_offers()
    services.decline(offered(first).pk)
    services.keep_offers()
    assert kept_for(second) == (stylist.pk, 1, at(salon, "10:00"))
    appointments.cancel(three.pk)
    services.keep_offers()
    assert kept_for(first) == (stylist.pk, 1, at(salon, "15:00"))


def test_declined_offer_can_be_neither_accepted_nor_declined_into_anything_else(salon, stylist, cut):
    booking = take(salon, stylist, cut)
    entry = make_entry(salon, cut)
    appointments.cancel(booking.pk)
    services.keep_offers()
    offer = offered(entry)
    services.decline(offer.pk)
    services.decline(offer.pk)
    with pytest.raises(NotOffered):
        services.accept(offer.pk)
    assert state_of(entry) == "waiting"


def test_accepted_offer_is_not_declined(salon, stylist, cut):
    booking = take(salon, stylist, cut)
    entry = make_entry(salon, cut)
    appointments.cancel(booking.pk)
    services.keep_offers()
    offer = offered(entry)
    services.accept(offer.pk)
    with pytest.raises(NotOffered):
        services.decline(offer.pk)
    assert state_of(entry) == "booked"


def test_late_acceptance_is_refused_though_no_dispatcher_has_ended_the_hold(salon, stylist, cut):
    booking = take(salon, stylist, cut)
    entry = make_entry(salon, cut)
    appointments.cancel(booking.pk)
    services.keep_offers()
    offer = offered(entry)
    let_hold_end(offer)
    with pytest.raises(NotOffered):
        services.accept(offer.pk)
    assert Appointment.objects.get(pk=offer.appointment_id).status == "offered"


def test_who_opted_out_or_has_no_usable_number_is_passed_over_and_no_time_is_kept(salon, stylist, cut):
    booking = take(salon, stylist, cut)
    stopped, numberless, third = make_entry(salon, cut), make_entry(salon, cut), make_entry(salon, cut)
    opt_outs.record(str(stopped.customer.phone_number), "STOP", SENDER)
    type(numberless.customer).objects.filter(pk=numberless.customer_id).update(phone_number="")
    appointments.cancel(booking.pk)
    services.keep_offers()
    assert [state_of(entry) for entry in (stopped, numberless, third)] == ["waiting", "waiting", "offered"]


def test_offer_whose_text_is_not_sent_goes_to_the_next_without_waiting_for_the_hold_to_end(salon, stylist, cut, twilio):
    booking = take(salon, stylist, cut)
    first, second = make_entry(salon, cut), make_entry(salon, cut)
    appointments.cancel(booking.pk)
    services.keep_offers()
    opt_outs.record(str(first.customer.phone_number), "STOP", SENDER)
    deliver_due()
    services.keep_offers()
    assert Offer.objects.get(entry=first).outcome == "unreachable"
    assert (state_of(first), state_of(second)) == ("waiting", "offered")


def test_text_never_goes_out_after_the_hold_has_ended(salon, stylist, cut, twilio):
    booking = take(salon, stylist, cut)
    entry = make_entry(salon, cut)
    appointments.cancel(booking.pk)
    services.keep_offers()
    text = Message.objects.get(kind="offer")
    Message.objects.filter(pk=text.pk).update(expires_at=database_now())
    deliver_due()
    assert ("offer", "expired", "too late to help") in ledger_of(offered(entry).appointment_id)
    assert "kept" not in " ".join(text["body"] for text in twilio.messages())


def test_text_of_an_offer_that_was_taken_on_the_phone_is_not_sent(salon, stylist, cut):
    booking = take(salon, stylist, cut)
    entry = make_entry(salon, cut)
    appointments.cancel(booking.pk)
    services.keep_offers()
    services.accept_for_customer(entry.pk)
    assert ledger_of(entry.offers.get().appointment_id)[0] == (
        "offer",
        "cancelled",
        "the time is not offered any more",
    )


# --- What frees a time --------------------------------------------------------------------------------


def deleted(booking):
    booking.delete()


def deleted_in_bulk(booking):
    Appointment.objects.filter(pk=booking.pk).delete()


def cancelled(booking):
    appointments.cancel(booking.pk)


def cancelled_by_saving(booking):
    booking.status = "cancelled"
    booking.save()


def cancelled_past_the_hooks(booking):
    Appointment.objects.filter(pk=booking.pk).update(status="cancelled")
    planning.plan_unplanned()


def moved(booking):
    appointments.change(booking.pk, appointment_time=booking.appointment_time + timedelta(hours=3))


def gone_with_its_customer(booking):
    booking.customer.delete()


def missed(booking):
    appointments.note_no_show(booking.pk)


def removed_by_sql(booking):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM appointment_occupiedtime WHERE appointment_id = %s", [booking.pk])


@pytest.mark.parametrize(
    "free",
    [
        deleted,
        deleted_in_bulk,
        cancelled,
        cancelled_by_saving,
        cancelled_past_the_hooks,
        moved,
        gone_with_its_customer,
        missed,
        removed_by_sql,
    ],
)
def test_time_given_up_by_whatever_door_is_offered(salon, stylist, cut, free):
    booking = take(salon, stylist, cut)
    entry = make_entry(salon, cut)
    free(booking)
    assert services.keep_offers() == 1
    assert kept_for(entry) == (stylist.pk, 1, at(salon, "10:00"))
    assert FreedTime.objects.count() == 0


def test_visit_of_somebody_who_is_deleted_frees_the_chair_for_others(salon, stylist, cut):
    leaver = make_user(salon)
    make_week(salon, leaver)
    booking = take(salon, leaver, cut)
    entry = make_entry(salon, cut)
    booking.user.delete()
    services.keep_offers()
    assert kept_for(entry) == (stylist.pk, 1, at(salon, "10:00"))


def test_deleted_block_is_offered_to_as_many_as_fit_into_it(salon, stylist, cut):
    block = Block.objects.create(
        salon=salon, user=stylist, starts_at=at(salon, "09:00"), ends_at=at(salon, "11:30"), label="Course"
    )
    entries = [make_entry(salon, cut, first_day=DAY, last_day=DAY, not_after="11:30") for _ in range(4)]
    block.delete()
    assert services.keep_offers() == 2
    assert [kept_for(entry) and kept_for(entry)[2] for entry in entries] == [
        at(salon, "09:00"),
        at(salon, "10:00"),
        None,
        None,
    ]


def test_time_of_a_person_is_offered_at_the_other_salon_where_they_work(salon, stylist, cut):
    other = make_salon(name="Second chair", timezone="Europe/Paris")
    stylist.salons.add(other)
    make_week(other, stylist, "08:00", "20:00")
    entry = make_entry(other, make_service(other))
    booking = take(salon, stylist, cut)
    appointments.cancel(booking.pk)
    services.keep_offers()
    assert kept_for(entry) == (stylist.pk, 1, at(salon, "10:00"))


def test_salon_where_nobody_waits_writes_nothing_down(salon, stylist, cut):
    entry = make_entry(salon, cut)
    services.withdraw(entry.pk)
    make_entry(make_salon(name="Elsewhere"))
    make_entry(salon, cut, first_day=DAY + timedelta(days=9))
    take(salon, stylist, cut).delete()
    assert FreedTime.objects.count() == 0


def test_salon_that_is_deleted_leaves_nothing_that_stands_in_the_way(salon, stylist, cut):
    booking = take(salon, stylist, cut)
    make_entry(salon, cut)
    appointments.cancel(booking.pk)
    services.keep_offers()
    take(salon, stylist, cut, "14:00")
    salon.delete()
    assert services.keep_offers() == 0
    assert FreedTime.objects.count() == 0
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_visit_that_keeps_its_time_is_offered_to_nobody(salon, stylist, cut):
    booking = take(salon, stylist, cut)
    make_entry(salon, cut)
    appointments.change(booking.pk, column_id=2)
    appointments.change(booking.pk, column_id=1)
    assert services.keep_offers() == 0
    assert FreedTime.objects.count() == 0


# --- Whom it suits ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wishes", "clock"),
    [
        ({}, "10:00"),
        ({"first_day": DAY, "last_day": DAY}, "10:00"),
        ({"first_day": DAY + timedelta(days=1)}, None),
        ({"last_day": DAY - timedelta(days=1)}, None),
        ({"not_before": "10:00", "not_after": "11:00"}, "10:00"),
        ({"not_before": "10:01", "not_after": "11:30"}, "10:15"),
        ({"not_before": "11:00"}, None),
        ({"not_after": "10:00"}, None),
    ],
)
def test_days_and_times_of_day_are_heeded(salon, stylist, cut, wishes, clock):
    booking = take(salon, stylist, cut)
    Block.objects.create(salon=salon, user=stylist, starts_at=at(salon, "09:00"), ends_at=at(salon, "10:00"))
    entry = make_entry(salon, cut, **wishes)
    appointments.cancel(booking.pk)
    services.keep_offers()
    assert kept_for(entry) == (clock and (stylist.pk, 1, at(salon, clock)))


def test_who_wants_somebody_else_or_other_services_is_passed_over(salon, stylist, cut):
    colleague = make_user(salon)
    colour = make_service(salon, duration_minutes=60)
    colour.people.set([colleague])
    booking = take(salon, stylist, cut)
    loyal, colourful = make_entry(salon, cut, user=colleague), make_entry(salon, colour)
    right = make_entry(salon, cut, user=stylist)
    appointments.cancel(booking.pk)
    services.keep_offers()
    assert [state_of(entry) for entry in (loyal, colourful, right)] == ["waiting", "waiting", "offered"]


def test_visit_that_needs_more_than_what_became_free_is_not_offered(salon, stylist, cut):
    take(salon, stylist, cut, "09:00")
    take(salon, stylist, cut, "11:00")
    booking = take(salon, stylist, cut)
    long = make_entry(salon, make_service(salon, duration_minutes=75))
    appointments.cancel(booking.pk)
    services.keep_offers()
    assert state_of(long) == "waiting"


def test_time_that_became_free_beside_a_free_one_is_offered_to_who_needs_both(salon, stylist, cut):
    take(salon, stylist, cut, "11:00")
    booking = take(salon, stylist, cut)
    long = make_entry(salon, cut, make_service(salon, duration_minutes=60))
    appointments.cancel(booking.pk)
    services.keep_offers()
    assert kept_for(long) == (stylist.pk, 1, at(salon, "09:00"))


def test_visit_off_the_quarter_hours_is_offered_when_it_began(salon, stylist, cut):
    take(salon, stylist, cut, "09:05")
    take(salon, stylist, cut, "11:05")
    booking = take(salon, stylist, cut, "10:05")
    entry = make_entry(salon, cut)
    appointments.cancel(booking.pk)
    services.keep_offers()
    assert kept_for(entry) == (stylist.pk, 1, at(salon, "10:05"))


def test_time_that_begins_too_soon_after_the_hold_is_not_offered(salon, cut, settings):
    night_owl = make_user(salon)
    make_week(salon, night_owl, "00:00", "00:00")
    begins = database_now().replace(second=0, microsecond=0) + timedelta(minutes=65)
    entry = make_entry(salon, cut, user=night_owl)
    fields = {"salon": salon, "user": night_owl, "customer": make_customer(salon), "services": [cut]}
    booking = appointments.book(appointment_time=begins, **fields)
    around = {"salon": salon, "user": night_owl}
    Block.objects.create(starts_at=begins - timedelta(hours=2), ends_at=begins, **around)
    Block.objects.create(starts_at=begins + timedelta(hours=1), ends_at=begins + timedelta(hours=5), **around)
    settings.WAITLIST_HOLD_MINUTES = 40
    appointments.cancel(booking.pk)
    assert services.keep_offers() == 0
    assert state_of(entry) == "waiting"


def test_customer_with_an_open_offer_gets_no_second_one(salon, stylist, cut):
    ten, three = take(salon, stylist, cut), take(salon, stylist, cut, "15:00")
    entry = make_entry(salon, cut)
    again = make_entry(salon, cut, customer=entry.customer)
    third = make_entry(salon, cut)
    appointments.cancel(ten.pk)
    appointments.cancel(three.pk)
    assert services.keep_offers() == 2
    assert [state_of(each) for each in (entry, again, third)] == ["offered", "waiting", "offered"]


def test_time_that_became_free_while_its_customer_thought_about_another_is_offered_after_that(salon, stylist, cut):
    ten, three = take(salon, stylist, cut), take(salon, stylist, cut, "15:00")
    entry = make_entry(salon, cut)
    appointments.cancel(ten.pk)
    services.keep_offers()
    appointments.cancel(three.pk)
    assert services.keep_offers() == 0
    services.decline(offered(entry).pk)
    FreedTime.objects.update(look_at=database_now())
    assert services.keep_offers() == 1
    assert kept_for(entry) == (stylist.pk, 1, at(salon, "15:00"))
    services.accept(offered(entry).pk)
    services.keep_offers()
    assert FreedTime.objects.count() == 0


def test_customer_who_is_no_longer_of_the_salon_is_passed_over(salon, stylist, cut):
    booking = take(salon, stylist, cut)
    former, second = make_entry(salon, cut), make_entry(salon, cut)
    former.customer.salons.clear()
    appointments.cancel(booking.pk)
    services.keep_offers()
    assert (state_of(former), state_of(second)) == ("waiting", "offered")


def test_without_an_address_for_links_nothing_is_kept(salon, stylist, cut, settings, caplog):
    settings.PUBLIC_BASE_URL = ""
    booking = take(salon, stylist, cut)
    entry = make_entry(salon, cut)
    appointments.cancel(booking.pk)
    assert services.keep_offers() == 0
    assert (state_of(entry), FreedTime.objects.count()) == ("waiting", 0)


def test_fault_with_one_freed_time_does_not_keep_the_others(salon, stylist, cut, monkeypatch):
    broken = make_salon(name="Broken", timezone="Europe/London")
    type(broken).objects.filter(pk=broken.pk).update(timezone="No/Where")
    FreedTime.objects.create(
        salon_id=broken.pk, user=stylist, during=(at(salon, "10:00"), at(salon, "11:00")), look_at=database_now()
    )
    booking = take(salon, stylist, cut)
    entry = make_entry(salon, cut)
    appointments.cancel(booking.pk)
    services.keep_offers()
    assert state_of(entry) == "offered"
    assert FreedTime.objects.get().look_at > database_now()


# --- What staff do ------------------------------------------------------------------------------------


def test_withdrawn_entry_frees_the_time_kept_for_it(salon, stylist, cut):
    booking = take(salon, stylist, cut)
    first, second = make_entry(salon, cut), make_entry(salon, cut)
    appointments.cancel(booking.pk)
    services.keep_offers()
    services.withdraw(first.pk)
    services.withdraw(first.pk)
    services.keep_offers()
    assert (state_of(first), state_of(second)) == ("withdrawn", "offered")
    assert Offer.objects.get(entry=first).outcome == "withdrawn"


@pytest.mark.parametrize("remove", [lambda entry: entry.delete(), lambda entry: entry.customer.delete()])
def test_deleted_entry_or_customer_frees_the_time_kept_for_it(salon, stylist, cut, remove):
    booking = take(salon, stylist, cut)
    first, second = make_entry(salon, cut), make_entry(salon, cut)
    appointments.cancel(booking.pk)
    services.keep_offers()
    remove(first)
    services.keep_offers()
    assert state_of(second) == "offered"
    assert Appointment.objects.filter(status="offered").count() == 1


def test_offered_appointment_that_staff_cancels_or_deletes_ends_the_offer(salon, stylist, cut):
    booking = take(salon, stylist, cut)
    entries = [make_entry(salon, cut) for _ in range(3)]
    appointments.cancel(booking.pk)
    services.keep_offers()
    appointments.cancel(offered(entries[0]).appointment_id)
    services.keep_offers()
    offered(entries[1]).appointment.delete()
    services.keep_offers()
    assert [state_of(entry) for entry in entries] == ["waiting", "waiting", "offered"]
    assert [offer.outcome for offer in Offer.objects.order_by("id")] == ["withdrawn", "withdrawn", "open"]


def test_offered_appointment_that_staff_books_in_the_calendar_is_an_acceptance(salon, stylist, cut):
    booking = take(salon, stylist, cut)
    entry = make_entry(salon, cut)
    appointments.cancel(booking.pk)
    services.keep_offers()
    appointments.change(offered(entry).appointment_id, status="booked")
    services.keep_offers()
    assert (state_of(entry), entry.offers.get().outcome) == ("booked", "accepted")


def test_entry_that_is_over_is_neither_changed_nor_withdrawn(salon, stylist, cut):
    booking = take(salon, stylist, cut)
    entry = make_entry(salon, cut)
    appointments.cancel(booking.pk)
    services.keep_offers()
    services.accept_for_customer(entry.pk)
    with pytest.raises(EntryOver):
        services.withdraw(entry.pk)
    with pytest.raises(EntryOver):
        services.change(entry.pk, last_day=DAY)


def test_entry_ends_when_its_last_day_has_passed_on_the_salons_clock(salon, cut):
    today = database_now().astimezone(salon.zone).date()
    kept, ended = make_entry(salon, cut, last_day=today), make_entry(salon, cut)
    Entry.objects.filter(pk=ended.pk).update(first_day=today - timedelta(days=5), last_day=today - timedelta(days=1))
    assert services.expire_entries() == 1
    assert (state_of(kept), state_of(ended)) == ("waiting", "expired")


def test_idle_look_costs_two_queries(salon, cut, django_assert_num_queries):
    make_entry(salon, cut)
    with django_assert_num_queries(4):  # the two, and a savepoint of the test around the second
        services.keep_offers()


def test_offer_holds_the_person_and_the_chair_against_everybody(salon, stylist, cut):
    booking = take(salon, stylist, cut)
    make_entry(salon, cut)
    appointments.cancel(booking.pk)
    services.keep_offers()
    with pytest.raises(appointments.rules.SlotTaken):
        take(salon, stylist, cut)
    assert OccupiedTime.objects.filter(holds_chair=True, holds_person=True).count() == 1
