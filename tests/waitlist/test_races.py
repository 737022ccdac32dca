"""What two dispatchers, or a customer and somebody else, do to one offer at the same moment."""

from __future__ import annotations

import pytest
from django.db import transaction

from appointment.models import Appointment
from appointment.rules import RuleBroken
from sms.models import Message
from tests.delivering import deliver_due
from tests.factories import make_customer, make_entry, make_user, make_week
from tests.racing import in_thread, race, wait_for_lock
from tests.waitlist.taking import at, let_hold_end, offered, state_of, take
from waitlist import services
from waitlist.errors import NotOffered
from waitlist.models import Entry, Offer

pytestmark = pytest.mark.django_db(transaction=True)


def accepting(offer):
    return lambda: outcome(lambda: services.accept(offer.pk))


def outcome(act):
    try:
        act()
    except (NotOffered, RuleBroken) as refused:
        return type(refused).__name__
    return "done"


def test_dispatchers_at_once_make_one_offer_of_each_time_and_send_one_text_of_it(salon, stylist, cut, queues, twilio):
    bookings = [take(salon, stylist, cut, f"{hour}:00") for hour in range(10, 14)]
    entries = [make_entry(salon, cut) for _ in range(6)]
    for booking in bookings:
        booking.delete()
    Message.objects.all().delete()
    race(*[services.keep_offers] * 4)
    services.keep_offers()
    assert [state_of(entry) for entry in entries] == ["offered"] * 4 + ["waiting"] * 2
    assert Offer.objects.count() == Appointment.objects.count() == 4
    race(*[deliver_due] * 4)
    assert sorted(text["to"] for text in twilio.messages()) == sorted(
        str(entry.customer.phone_number) for entry in entries[:4]
    )


def test_one_customer_is_offered_one_time_though_two_become_free_at_once(salon, stylist, cut, queues):
    other = make_user(salon)
    make_week(salon, other)
    bookings = [take(salon, stylist, cut), take(salon, other, cut, column_id=2)]
    entry = make_entry(salon, cut)
    for booking in bookings:
        booking.delete()
    race(*[services.keep_offers] * 2)
    assert (Offer.objects.count(), state_of(entry)) == (1, "offered")


def test_acceptance_and_the_end_of_the_hold_have_one_outcome(salon, stylist, cut, queues):
    for round_number in range(6):
        booking = take(salon, stylist, cut)
        entry = make_entry(salon, cut)
        booking.delete()
        services.keep_offers()
        offer = offered(entry)

        def end(offer=offer):
            let_hold_end(offer)
            services.keep_offers()

        accepted, _, again = race(
            accepting(offer),
            end,
            accepting(offer),
        )
        services.keep_offers()
        offer.refresh_from_db()
        status = Appointment.objects.get(pk=offer.appointment_id).status
        expected = (
            ("accepted", "booked", "booked") if "done" in (accepted, again) else ("lapsed", "cancelled", "waiting")
        )
        assert (offer.outcome, status, state_of(entry)) == expected, round_number
        kinds = list(Message.objects.filter(booking=offer.appointment_id).values_list("kind", flat=True))
        assert kinds.count("confirmation") == (1 if status == "booked" else 0)
        assert "cancellation" not in kinds
        Appointment.objects.all().delete()
        Entry.objects.all().delete()


def test_acceptance_and_refusal_at_once_have_one_outcome(salon, stylist, cut, queues):
    booking = take(salon, stylist, cut)
    entry = make_entry(salon, cut)
    booking.delete()
    services.keep_offers()
    offer = offered(entry)
    results = race(
        *[lambda: outcome(lambda: services.accept(offer.pk))] * 3,
        *[lambda: outcome(lambda: services.decline(offer.pk))] * 3,
        lambda: outcome(lambda: services.accept_for_customer(entry.pk)),
    )
    offer.refresh_from_db()
    booked = offer.outcome == "accepted"
    assert Appointment.objects.get(pk=offer.appointment_id).status == ("booked" if booked else "cancelled")
    assert results[:3] == (["done"] * 3 if booked else ["NotOffered"] * 3)
    assert Message.objects.filter(kind="confirmation", booking=offer.appointment_id).count() == int(booked)


def test_time_goes_to_one_whoever_books_or_accepts_it_and_however_many(salon, stylist, cut, queues):
    """Given a time that is kept, when it is accepted and booked by the desk at once, then the customer has it."""
    booking = take(salon, stylist, cut)
    entry = make_entry(salon, cut)
    booking.delete()
    services.keep_offers()
    offer = offered(entry)
    customers = [make_customer(salon) for _ in range(8)]
    results = race(
        lambda: outcome(lambda: services.accept(offer.pk)),
        *[
            lambda customer=customer: outcome(lambda: take(salon, stylist, cut, customer=customer))
            for customer in customers
        ],
    )
    assert results == ["done"] + ["SlotTaken"] * 8
    assert [visit.customer for visit in Appointment.objects.filter(appointment_time=at(salon, "10:00"))] == [
        entry.customer
    ]


def test_freed_time_that_the_desk_books_at_that_moment_is_offered_to_nobody(salon, stylist, cut, queues):
    for _ in range(4):
        booking = take(salon, stylist, cut)
        make_entry(salon, cut, not_before="10:00", not_after="11:00")
        booking.delete()
        race(services.keep_offers, lambda: outcome(lambda: take(salon, stylist, cut)))
        holders = Appointment.objects.filter(appointment_time=at(salon, "10:00"), status__in=["booked", "offered"])
        assert holders.count() == 1
        Appointment.objects.all().delete()
        Entry.objects.all().delete()


def test_withdrawal_waits_for_the_offer_that_is_being_made_and_ends_it(salon, stylist, cut, queues):
    booking = take(salon, stylist, cut)
    entry = make_entry(salon, cut)
    booking.delete()
    with transaction.atomic():
        services.offer_next()
        withdrawn = in_thread(lambda: services.withdraw(entry.pk))
        wait_for_lock()
    withdrawn.result(10)
    assert (state_of(entry), Offer.objects.get().outcome) == ("withdrawn", "withdrawn")
    assert not Appointment.objects.filter(status="offered").exists()


def test_offer_that_did_not_commit_is_made_again_and_told_once(salon, stylist, cut, queues, twilio):
    """A dispatcher killed before its commit leaves nothing; the freed time is still there for the next."""
    booking = take(salon, stylist, cut)
    entry = make_entry(salon, cut)
    booking.delete()
    Message.objects.all().delete()
    with transaction.atomic():
        assert services.offer_next() is True
        transaction.set_rollback(True)
    assert (state_of(entry), Offer.objects.count(), Message.objects.count()) == ("waiting", 0, 0)
    assert services.keep_offers() == 1
    deliver_due()
    deliver_due()
    assert len(twilio.messages()) == 1
