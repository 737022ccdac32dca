"""The waitlist: a time that becomes free is kept for the first whom it suits, then for the next.

An offer is an appointment in status offered, so that the database keeps its chair and its person from everybody else.
Taking it makes the appointment booked, with all that a booking owes; refusing it, or letting it lapse, cancels the
appointment, which frees its time, and whoever is next gets an offer in the way that this one did.

Whoever touches an offer locks the entry first, then the appointment, then the offer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from appointment import planning
from appointment import services as appointments
from appointment.models import Appointment
from appointment.rules import RuleBroken, TimeRefused
from salon.models import Salon
from schedule.models import Service
from sms.clock import database_now
from waitlist import links
from waitlist.errors import EntryOver, NotOffered
from waitlist.matching import Match, matches, may_come_to_suit
from waitlist.models import UNSENT, Entry, FreedTime, Offer, WantedService

log = structlog.get_logger(__name__)

# Whoever takes an offer in its last minute still has to get to the salon.
LEAST_NOTICE = timedelta(minutes=30)
# So many at a time, that a day's closing does not keep the dispatcher from its other chores.
LOOKS_AT_A_TIME = 100
PAUSE_WHILE_SOMEBODY_THINKS = timedelta(seconds=30)
PAUSE_AFTER_RACE = timedelta(seconds=5)
PAUSE_AFTER_FAULT = timedelta(minutes=1)


# --- What staff do ------------------------------------------------------------------------------------


@transaction.atomic
def add(*, services: Sequence[Service], **fields: Any) -> Entry:
    """Put a customer at the end of the waitlist for services in their order."""
    entry = Entry.objects.create(**fields)
    _want(entry, services)
    return entry


@transaction.atomic
def change(entry_id: int, *, services: Sequence[Service] | None = None, **fields: Any) -> Entry:
    """Change what a customer waits for; their turn, and a time already offered, stay.

    Raises:
      Entry.DoesNotExist: it has been deleted meanwhile.
      EntryOver: it is booked, withdrawn or expired.
    """
    entry = Entry.objects.select_for_update().get(pk=entry_id)
    if entry.is_over:
        raise EntryOver
    for name, value in fields.items():
        setattr(entry, name, value)
    entry.save()
    if services is not None:
        entry.wanted_services.all().delete()
        _want(entry, services)
    return entry


@transaction.atomic
def withdraw(entry_id: int) -> Entry:
    """Take a customer off the waitlist; a time kept for them goes to the next. Again, it changes nothing.

    Raises:
      Entry.DoesNotExist: it has been deleted meanwhile.
      EntryOver: it is booked or expired.
    """
    entry = Entry.objects.select_for_update().get(pk=entry_id)
    if entry.state == Entry.State.WITHDRAWN:
        return entry
    if entry.is_over:
        raise EntryOver
    offer = _lock_open_offer(entry)
    if offer is not None:
        _give_up(offer, Offer.Outcome.WITHDRAWN)
    return _come_to(entry, Entry.State.WITHDRAWN)


@transaction.atomic
def remove(entry_id: int) -> None:
    """Delete an entry; a time kept for it goes to the next (`waitlist.signals`). Raises: Entry.DoesNotExist."""
    Entry.objects.select_for_update().get(pk=entry_id).delete()


def accept_for_customer(entry_id: int) -> Entry:
    """Take the time that is kept for the customer, who has said so on the phone.

    Raises:
      Entry.DoesNotExist: it has been deleted meanwhile.
      NotOffered: none is kept.
      RuleBroken: the visit cannot be booked any more.
    """
    with transaction.atomic():
        entry = Entry.objects.select_for_update().get(pk=entry_id)
        offer = _lock_open_offer(entry)
        if offer is None:
            raise NotOffered
        _accept(entry, offer)
        return entry


def _want(entry: Entry, services: Sequence[Service]) -> None:
    WantedService.objects.bulk_create(
        WantedService(entry=entry, service=service, position=position) for position, service in enumerate(services)
    )


# --- What the customer does, by the link --------------------------------------------------------------


@transaction.atomic
def accept(offer_id: int) -> Offer:
    """Take an offered time; the confirmation follows once it has committed. Again, it changes nothing.

    Raises:
      Offer.DoesNotExist: its entry has been deleted.
      NotOffered: it was refused, or is not kept any more.
      RuleBroken: the visit cannot be booked any more.
    """
    entry, offer = _lock_offer(offer_id)
    if offer.outcome != Offer.Outcome.ACCEPTED:
        _accept(entry, offer)
    return offer


@transaction.atomic
def decline(offer_id: int) -> Offer:
    """Refuse an offered time: it goes to the next, and the customer stays on the waitlist for others.

    Again, or after the hold has ended, it changes nothing.

    Raises:
      Offer.DoesNotExist: its entry has been deleted.
      NotOffered: it has been taken.
    """
    entry, offer = _lock_offer(offer_id)
    if offer.outcome == Offer.Outcome.ACCEPTED:
        raise NotOffered
    if offer.is_open(database_now()):
        _give_up(offer, Offer.Outcome.DECLINED)
        _come_to(entry, Entry.State.WAITING)
    return offer


def _accept(entry: Entry, offer: Offer) -> None:
    if not offer.is_open(database_now()) or offer.appointment is None:
        raise NotOffered
    offer.appointment = appointments.change(offer.appointment.pk, status=Appointment.Status.BOOKED)
    _note_outcome(offer, Offer.Outcome.ACCEPTED)
    _come_to(entry, Entry.State.BOOKED)


# --- What the dispatcher does ---------------------------------------------------------------------------


def keep_offers() -> int:
    """End the offers whose time has come, and offer what has become free; any number of processes may do this.

    Returns: how many offers were made.
    """
    for offer_id in Offer.objects.to_end().values_list("pk", flat=True)[:LOOKS_AT_A_TIME]:
        _settle(offer_id)
    made = 0
    for _ in range(LOOKS_AT_A_TIME):
        offered = offer_next()
        if offered is None:
            break
        made += offered
    return made


def expire_entries() -> int:
    """End the entries whose last day has passed on their salon's clock. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE waitlist_entry entry SET state = 'expired', modified = now()
              FROM salon_salon salon
             WHERE salon.id = entry.salon_id AND entry.state = 'waiting'
               AND entry.last_day < (now() AT TIME ZONE salon.timezone)::date
            """
        )
        return int(cursor.rowcount)


@transaction.atomic
def offer_next() -> bool | None:
    """Look at one freed time: offer it to the first whom it suits, or let it go where it will suit nobody.

    After an offer the freed time is looked at again, as something may be left of it.

    Returns: whether an offer was made; None when there is nothing to look at.
    """
    freed = (
        FreedTime.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(look_at__lte=Now())
        .order_by("look_at", "id")
        .first()
    )
    if freed is None:
        return None
    try:
        with transaction.atomic():
            return _look_at(freed)
    except (TimeRefused, IntegrityError) as raced:  # somebody is booking there at this moment
        return _look_later(freed, PAUSE_AFTER_RACE, reason=str(raced))
    except OperationalError:
        raise
    except Exception as fault:
        log.exception("freed_time_cannot_be_offered", salon_id=freed.salon_id)
        return _look_later(freed, PAUSE_AFTER_FAULT, reason=type(fault).__name__)


def _look_at(freed: FreedTime) -> bool:
    earliest = database_now() + timedelta(minutes=settings.WAITLIST_HOLD_MINUTES) + LEAST_NOTICE
    if freed.ends_at <= earliest or not Salon.objects.filter(pk=freed.salon_id).exists():
        return _let_go(freed)
    if not settings.PUBLIC_BASE_URL:
        log.warning("waitlist_offers_nothing", salon_id=freed.salon_id, reason="PUBLIC_BASE_URL is not set")
        return _let_go(freed)
    if any(_offer(match) for match in matches(freed, earliest)):
        return True
    if may_come_to_suit(freed):
        return _look_later(freed, PAUSE_WHILE_SOMEBODY_THINKS, reason="somebody is thinking about another time")
    return _let_go(freed)


def _let_go(freed: FreedTime) -> bool:
    FreedTime.objects.filter(pk=freed.pk).delete()
    return False


def _look_later(freed: FreedTime, pause: timedelta, reason: str) -> bool:
    log.debug("freed_time_waits", salon_id=freed.salon_id, reason=reason)
    FreedTime.objects.filter(pk=freed.pk).update(look_at=Now() + pause)
    return False


def _offer(match: Match) -> Offer | None:
    """Keep the time for the customer and tell them, in one transaction; None where the customer cannot have it.

    Raises:
      TimeRefused, IntegrityError: the time has just been taken.
    """
    entry = Entry.objects.select_for_update().filter(pk=match.entry.pk, state=Entry.State.WAITING).first()
    if entry is None:
        return None  # another dispatcher has just made them another offer, or staff has withdrawn them
    try:
        with transaction.atomic():
            booking = appointments.book(
                salon=match.entry.salon,
                customer=match.entry.customer,
                user_id=match.slot.user_id,
                column_id=match.column_id,
                appointment_time=match.slot.starts_at,
                services=match.entry.services,
                status=Appointment.Status.OFFERED,
            )
    except TimeRefused:
        raise
    except RuleBroken as refused:  # no customer of the salon any more, a service switched off …
        log.info("slot_not_offered", entry_id=entry.pk, reason=str(refused))
        return None
    now = database_now()
    offer = Offer.objects.create(
        entry=entry,
        appointment=booking,
        starts_at=match.slot.starts_at,
        ends_at=match.slot.ends_at,
        created_at=now,
        expires_at=now + timedelta(minutes=settings.WAITLIST_HOLD_MINUTES),
    )
    _come_to(entry, Entry.State.OFFERED)
    planning.tell_of_offer(booking, offer.expires_at, links.address_of(offer))
    log.info("slot_offered", entry_id=entry.pk, offer_id=offer.pk, booking_id=booking.pk)
    return offer


@transaction.atomic
def _settle(offer_id: int) -> None:
    """Write down what became of an open offer that nobody has answered here."""
    try:
        entry, offer = _lock_offer(offer_id)
    except Offer.DoesNotExist:
        return
    outcome = _outcome_of(offer)
    if outcome is None or offer.outcome != Offer.Outcome.OPEN:
        return  # somebody answered it at this moment
    if outcome == Offer.Outcome.ACCEPTED:
        _note_outcome(offer, outcome)
        _come_to(entry, Entry.State.BOOKED)
        return
    _give_up(offer, outcome)
    _come_to(entry, Entry.State.WAITING)


def _outcome_of(offer: Offer) -> Offer.Outcome | None:
    """What an open offer has come to without an answer; None while it is kept."""
    booking = offer.appointment
    if booking is None or booking.status == Appointment.Status.CANCELLED:
        return Offer.Outcome.WITHDRAWN
    if booking.status != Appointment.Status.OFFERED:
        return Offer.Outcome.ACCEPTED  # staff booked it in the calendar
    if offer.expires_at <= database_now():
        return Offer.Outcome.LAPSED
    if booking.messages.filter(kind="offer", status__in=UNSENT).exists():
        return Offer.Outcome.UNREACHABLE
    return None


def give_up_deleted(offer_id: int) -> None:
    """Free the time of an offer that is about to be deleted, inside that transaction."""
    offer = Offer.objects.open().filter(pk=offer_id).first()
    if offer is not None:
        _give_up(_locked(offer), Offer.Outcome.WITHDRAWN)


# --- One offer: inside the transaction that changes it --------------------------------------------------


def _lock_offer(offer_id: int) -> tuple[Entry, Offer]:
    entry_id = Offer.objects.values_list("entry_id", flat=True).get(pk=offer_id)
    entry = Entry.objects.select_for_update().filter(pk=entry_id).first()
    if entry is None:
        raise Offer.DoesNotExist
    offer = _locked(Offer.objects.get(pk=offer_id))
    return entry, offer


def _lock_open_offer(entry: Entry) -> Offer | None:
    """The offer that the entry, which is locked, has open."""
    offer = entry.offers.open().first()
    return None if offer is None else _locked(offer)


def _locked(offer: Offer) -> Offer:
    own = Q(pk=offer.appointment_id) if offer.appointment_id else Q(pk__in=[])
    booking = Appointment.objects.select_for_update().filter(own).first()
    locked = Offer.objects.select_for_update().get(pk=offer.pk)
    locked.appointment = booking
    return locked


def _give_up(offer: Offer, outcome: Offer.Outcome) -> None:
    """Cancel what was kept; nobody is told, as nobody was promised a visit."""
    booking = offer.appointment
    if booking is not None and booking.status == Appointment.Status.OFFERED:
        reason = f"Waitlist: {outcome.label}"
        offer.appointment = appointments.cancel(booking.pk, reason=reason)
    _note_outcome(offer, outcome)


def _note_outcome(offer: Offer, outcome: Offer.Outcome) -> None:
    offer.outcome = outcome
    offer.save(update_fields=["outcome"])
    log.info("offer_ended", offer_id=offer.pk, entry_id=offer.entry_id, outcome=str(outcome))


def _come_to(entry: Entry, state: Entry.State) -> Entry:
    entry.state = state
    entry.save(update_fields=["state", "modified"])
    return entry
