"""What makes a booking acceptable. One set of rules for the API, the admin, every import and every page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from appointment import models, occupancy
from customer.services import hold_in_salon, is_in_salon
from schedule import hours
from schedule.chairs import name_of
from schedule.models import Chair, Service
from schedule.spans import covers, moment, overlaps, seconds

if TYPE_CHECKING:
    from appointment.models import Appointment, Block, OccupiedTime


@dataclass(frozen=True)
class RuleBroken(Exception):
    """Which field is wrong, a stable code, and a message that says what to do."""

    field: str
    code: str
    message: str


@dataclass(frozen=True)
class TimeRefused(RuleBroken):
    """Another time, person or chair would do: ``booking``, or the block, is what was asked for."""

    booking: Appointment | Block
    services: Sequence[Service] = ()


class SlotTaken(TimeRefused):
    """The chair or the person is busy at that time."""


# A slip of the year; and dates have an end, past which the salon's clock cannot be told.
FARTHEST_AHEAD = timedelta(days=3653)
EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)

_TIMES = ("salon_id", "user_id", "appointment_time", "end_time", "busy_minutes", "allow_outside_hours")
# What may follow a state, where not everything may.
_NEXT = {
    "offered": {"booked", "cancelled"},
    "cancelled": {"booked"},
    "no_show": {"booked", "arrived", "in_service", "completed"},
}


def check(
    booking: Appointment,
    stored: Appointment | None,
    services: Sequence[Service] | None = None,
    *,
    is_to_be_saved: bool = True,
) -> None:
    """Check a booking about to be saved against what is ``stored`` of it (None: it is new).

    Called within the transaction that saves it: the time of its chair and its person is locked until that ends.

    Args:
      services: those that it is to have; None where they do not change.
      is_to_be_saved: False for a look, which keeps nobody from booking meanwhile.

    Raises:
      RuleBroken: the first rule that it breaks.
    """
    _check_status(booking, stored)
    _check_times(booking, stored)
    _check_parties(booking, stored, is_to_be_saved=is_to_be_saved)
    try:
        _check_services(booking, stored, services)
        _check_hours(booking, stored)
        _check_overlap(booking, stored, is_to_be_saved=is_to_be_saved)
    except TimeRefused as refused:
        raise replace(refused, services=_services_of(booking, services)) from refused


def check_history(booking: Appointment, services: Sequence[Service]) -> None:
    """Check a visit that is written into the books as it was: over, or cancelled.

    What may be *chosen* today (hours, services on offer, who does what at which chair) says nothing about it. Whose
    it is, and that nobody is in two places at once, hold for it too.

    Raises:
      RuleBroken: the first rule that it breaks.
    """
    if booking.status == booking.Status.OFFERED:
        raise RuleBroken("status", "not_from_this_state", "An offer is no visit. Leave it out.")
    if booking.appointment_time > timezone.now() and booking.status != booking.Status.CANCELLED:
        raise RuleBroken(
            "status", "not_over", "A visit still ahead is booked, or cancelled. Correct the state or time."
        )
    for field in ("appointment_time", "cancelled_at"):
        at = getattr(booking, field)
        if at is not None and not EARLIEST <= at <= timezone.now() + FARTHEST_AHEAD:
            raise RuleBroken(field, "out_of_range", "Choose a time from 1970 on, and within the next ten years.")
    _check_end(booking)
    _check_parties(booking, None)
    if any(service.salon_id != booking.salon_id for service in services):
        raise RuleBroken("services", "not_of_this_salon", "Choose services of this salon.")
    _check_overlap(booking, None)


def check_block(block: Block) -> None:
    """Check a block about to be saved, within the transaction that saves it.

    Raises:
      RuleBroken: the first rule that it breaks.
    """
    if block.ends_at <= block.starts_at:
        raise RuleBroken("ends_at", "ends_before_it_begins", "The end must be later than the beginning.")
    if block.user is None and block.column_id is None:
        raise RuleBroken("column_id", "blocks_nothing", "Give a chair, a person, or both.")
    if block.user is not None and not block.user.salons.filter(pk=block.salon_id).exists():
        raise RuleBroken("user", "not_of_this_salon", "Choose somebody who works at this salon.")
    _check_free(occupancy.need_of_block(block), block, "starts_at")


def _check_status(booking: Appointment, stored: Appointment | None) -> None:
    if stored is None and booking.status not in (booking.Status.BOOKED, booking.Status.OFFERED):
        raise RuleBroken("status", "not_booked", "A new booking is booked; change its state afterwards.")
    if stored is None or booking.status == stored.status:
        return
    allowed = _NEXT.get(stored.status, set(booking.Status) - {booking.Status.OFFERED})
    if booking.status not in allowed:
        raise RuleBroken(
            "status",
            "not_from_this_state",
            f"From {stored.status} it can become {' or '.join(sorted(allowed))}, and not {booking.status}.",
        )


def _check_times(booking: Appointment, stored: Appointment | None) -> None:
    starts_at = booking.appointment_time
    _check_end(booking)
    is_moved = _differs(booking, stored, "appointment_time") or (
        booking.status == booking.Status.BOOKED and _differs(booking, stored, "status")
    )
    if is_moved and starts_at <= timezone.now():
        raise RuleBroken("appointment_time", "in_the_past", "Choose a time that is still ahead.")
    if is_moved and starts_at > timezone.now() + FARTHEST_AHEAD:
        raise RuleBroken("appointment_time", "too_far_ahead", "Choose a time within the next ten years.")


def _check_end(booking: Appointment) -> None:
    if booking.end_time is not None and booking.end_time <= booking.appointment_time:
        raise RuleBroken("end_time", "ends_before_it_begins", "The end must be later than the beginning.")


def _check_parties(booking: Appointment, stored: Appointment | None, *, is_to_be_saved: bool = True) -> None:
    is_known = hold_in_salon if is_to_be_saved else is_in_salon
    customer_is_new = _differs(booking, stored, "salon_id", "customer_id")
    if customer_is_new and not is_known(booking.customer_id, booking.salon_id):
        raise RuleBroken("customer", "not_of_this_salon", "Choose a customer of this salon.")
    user_is_new = _differs(booking, stored, "salon_id", "user_id")
    if user_is_new and not booking.user.salons.filter(pk=booking.salon_id).exists():
        raise RuleBroken("user", "not_of_this_salon", "Choose somebody who works at this salon.")


def _check_services(booking: Appointment, stored: Appointment | None, services: Sequence[Service] | None) -> None:
    if services is None and not _differs(booking, stored, "salon_id", "user_id", "column_id"):
        return
    has_already = {service.pk for service in stored.services} if stored else set()
    services = _services_of(booking, services)
    for service in services:
        if service.salon_id != booking.salon_id:
            raise RuleBroken("services", "not_of_this_salon", "Choose services of this salon.")
        if not service.is_active and service.pk not in has_already:
            raise RuleBroken("services", "not_offered", f"“{service.name}” is not offered any more. Choose another.")
        people = set(service.people.values_list("pk", flat=True))
        if people and booking.user_id not in people:
            message = f"{booking.user} does not do “{service.name}”. Choose somebody who does."
            raise TimeRefused("user", "not_done_by_person", message, booking)
    chair = Chair.objects.filter(salon_id=booking.salon_id, column_id=booking.column_id).first()
    if chair is not None:
        _check_chair(chair, booking, services)


def _services_of(booking: Appointment, services: Sequence[Service] | None) -> Sequence[Service]:
    """Those that a booking is to have: the given ones, else those that it has."""
    if services is not None:
        return services
    return booking.services if booking.pk else ()


def _check_chair(chair: Chair, booking: Appointment, services: Sequence[Service]) -> None:
    people = set(chair.people.values_list("pk", flat=True))
    if people and booking.user_id not in people:
        raise TimeRefused("column_id", "not_at_this_chair", f"{booking.user} does not work at {chair}.", booking)
    offered = set(chair.services.values_list("pk", flat=True))
    missing = [service.name for service in services if offered and service.pk not in offered]
    if missing:
        raise TimeRefused("column_id", "not_at_this_chair", f"“{missing[0]}” is not done at {chair}.", booking)


def _check_hours(booking: Appointment, stored: Appointment | None) -> None:
    """The busy minutes lie within the person's hours, where they have any, and the salon is open at all of them.

    A visit without an end has to begin within them.
    """
    if booking.allow_outside_hours or booking.status not in models.OCCUPYING:
        return
    if not _differs(booking, stored, *_TIMES):
        return
    at = seconds(booking.appointment_time)
    spans = occupancy.spans_of(booking) or [(at, at + 1)]
    zone = booking.salon.zone
    days = [moment(edge).astimezone(zone).date() for edge in (spans[0][0], spans[-1][1])]
    rota = hours.rota(booking.salon, [booking.user_id], *days)
    if any(overlaps(rota.closed, span) for span in spans):
        raise TimeRefused("appointment_time", "salon_closed", "The salon is closed then. Choose another time.", booking)
    if any(overlaps(rota.away.get(booking.user_id, []), span) for span in spans):
        raise TimeRefused(
            "appointment_time", "time_off", f"{booking.user} is away then. Choose another time or person.", booking
        )
    bookable = rota.bookable(booking.user_id)
    if booking.user_id in rota.working and not all(covers(bookable, span) for span in spans):
        raise TimeRefused(
            "appointment_time",
            "outside_working_hours",
            f"{booking.user} does not work at all of that time. Choose another time or person.",
            booking,
        )


def _check_overlap(booking: Appointment, stored: Appointment | None, *, is_to_be_saved: bool = True) -> None:
    if occupancy.differs(booking, stored):
        _check_free(occupancy.need_of(booking), booking, "appointment_time", is_to_be_saved=is_to_be_saved)


def _check_free(need: occupancy.Need, asked: Appointment | Block, field: str, *, is_to_be_saved: bool = True) -> None:
    if not (need.holds_chair or need.holds_person):
        return
    if is_to_be_saved:
        occupancy.lock(need)
    # Separately, so that whoever is told knows which of the two to change.
    parts = {"slot_taken": replace(need, holds_person=False), "person_taken": replace(need, holds_chair=False)}
    for code, part in parts.items():
        taken = occupancy.conflict(part, asked)
        if taken is not None:
            raise SlotTaken(field, code, _describe(taken, code, asked), asked)


def _describe(taken: OccupiedTime, code: str, asked: Appointment | Block) -> str:
    zone = asked.salon.zone
    begins, ends = (edge.astimezone(zone) for edge in (taken.during.lower, taken.during.upper) if edge)
    is_chair = code == "slot_taken" and taken.column_id is not None
    who = name_of(taken.salon_id, taken.column_id or 0) if is_chair else str(taken.user)
    others = f"Choose another time or {'chair' if is_chair else 'person'}"
    way_on = others if isinstance(asked, models.Block) else f"{others}, or allow the overlap"
    return f"{who} is taken {begins:%H:%M}-{ends:%H:%M} on {begins:%Y-%m-%d}. {way_on}."


def _differs(booking: Appointment, stored: Appointment | None, *fields: str) -> bool:
    return stored is None or any(getattr(booking, field) != getattr(stored, field) for field in fields)
