"""One day of a salon: all that a page of it shows, in a number of queries that does not depend on how much there is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import TextField
from django.db.models.functions import Cast

from appointment.models import Appointment, Block
from appointment.occupancy import spans_of
from salon.models import Salon
from schedule import hours
from schedule.chairs import chairs_of
from schedule.models import Chair, Service
from schedule.spans import Span, both, moment, without
from schedule.wall_clock import day_span
from sms import opt_outs
from sms.models import Message


@dataclass(frozen=True)
class Stretch:
    begins_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class PersonsDay:
    """``plans_hours`` is false for a person who has no working hours, and may be booked at any time."""

    user_id: int
    name: str
    plans_hours: bool
    working: list[Stretch]
    away: list[Stretch]


@dataclass(frozen=True)
class Visit:
    """A booking of the day, when it keeps chair and person busy, and the newest text of each kind."""

    booking: Appointment
    busy: list[Stretch]
    texts: list[Message]
    opted_out: bool


@dataclass(frozen=True)
class Day:
    salon: Salon
    date: date
    begins_at: datetime
    ends_at: datetime
    closed: list[Stretch]
    chairs: list[Chair]
    people: list[PersonsDay]
    services: list[Service]
    visits: list[Visit]
    blocks: list[Block]


def day_of(salon: Salon, on: date) -> Day:
    """The salon's local day, from midnight to midnight: 23 or 25 hours when the clocks change."""
    span = day_span(on, salon.zone)
    begins_at, ends_at = moment(span[0]), moment(span[1])
    staff = list(get_user_model()._default_manager.filter(salons=salon, is_active=True))
    rota = hours.rota(salon, [person.pk for person in staff], on, on)
    blocks = Block.objects.filter(salon=salon, starts_at__lt=ends_at, ends_at__gt=begins_at).select_related("salon")
    return Day(
        salon=salon,
        date=on,
        begins_at=begins_at,
        ends_at=ends_at,
        closed=_stretches(both(rota.closed, [span])),
        chairs=chairs_of(salon),
        people=[_persons_day(person, rota, span) for person in staff],
        services=list(Service.objects.filter(salon=salon, is_active=True).prefetch_related("people")),
        visits=_visits(salon, begins_at, ends_at),
        blocks=list(blocks),
    )


def _persons_day(person: Any, rota: hours.Rota, span: Span) -> PersonsDay:
    working = without(rota.working.get(person.pk, []), rota.closed)
    return PersonsDay(
        user_id=person.pk,
        name=str(person),
        plans_hours=person.pk in rota.working,
        working=_stretches(both(working, [span])),
        away=_stretches(both(rota.away.get(person.pk, []), [span])),
    )


def _visits(salon: Salon, begins_at: datetime, ends_at: datetime) -> list[Visit]:
    bookings: list[Any] = list(
        Appointment.objects.filter(salon=salon, appointment_time__gte=begins_at, appointment_time__lt=ends_at)
        .annotate(number=Cast("customer__phone_number", TextField()))
        .select_related("customer")
        .prefetch_related("user")  # a few people, not one for each booking
        .with_booked()
    )
    for booking in bookings:
        booking.salon = salon
    texts = _newest_texts([booking.pk for booking in bookings])
    numbers = {booking.pk: booking.number for booking in bookings}  # as stored: parsing each takes longer than all else
    opted_out = opt_outs.among(numbers.values())
    return [
        Visit(
            booking=booking,
            busy=_stretches(spans_of(booking)),
            texts=texts[booking.pk],
            opted_out=numbers[booking.pk] in opted_out,
        )
        for booking in bookings
    ]


def _newest_texts(booking_ids: Sequence[int]) -> Mapping[int, list[Message]]:
    newest = defaultdict(list)
    rows = Message.objects.filter(booking_id__in=booking_ids).order_by("booking_id", "kind", "-id")
    for message in rows.distinct("booking_id", "kind"):
        newest[message.booking_id].append(message)
    return newest


def _stretches(spans: Sequence[Span]) -> list[Stretch]:
    return [Stretch(moment(begins), moment(ends)) for begins, ends in spans]
