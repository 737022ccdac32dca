"""Whose time a visit or a block takes, held by the database: no chair and no person is busy twice.

A visit keeps its chair busy as soon as it has an end. It keeps its *person* busy where the salon plans people: the
person has working hours there, or the visit has services. A salon that uses neither books by columns alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import Q
from psycopg2.extras import DateTimeTZRange

from appointment import models
from schedule import hours
from schedule.spans import Span, moment, seconds
from schedule.timing import busy_spans

if TYPE_CHECKING:
    from appointment.models import Appointment, Block, OccupiedTime


@dataclass(frozen=True)
class Need:
    """The time that a visit or a block takes, and what it takes it of."""

    salon_id: int
    column_id: int | None
    user_id: int | None
    spans: Sequence[Span]
    holds_chair: bool
    holds_person: bool


NOTHING = Q(pk__in=[])
# What a change must touch for the time to be taken anew.
_FIELDS = (
    "salon_id",
    "column_id",
    "user_id",
    "appointment_time",
    "end_time",
    "busy_minutes",
    "status",
    "allow_overlap",
)


def need_of(booking: Appointment) -> Need:
    """What a visit takes, or would take; nothing where it is cancelled, or has no end."""
    spans = spans_of(booking)
    holds = bool(spans) and not booking.allow_overlap
    return Need(
        salon_id=booking.salon_id,
        column_id=booking.column_id,
        user_id=booking.user_id,
        spans=spans,
        holds_chair=holds,
        holds_person=holds and plans_people(booking),
    )


def spans_of(booking: Appointment) -> list[Span]:
    """When a visit keeps its chair and its person busy."""
    if booking.status not in models.OCCUPYING:
        return []
    return busy_spans(booking.appointment_time, booking.end_time, booking.busy_minutes)


def need_of_block(block: Block) -> Need:
    return Need(
        salon_id=block.salon_id,
        column_id=block.column_id,
        user_id=block.user_id,
        spans=[(seconds(block.starts_at), seconds(block.ends_at))],
        holds_chair=block.column_id is not None,
        holds_person=block.user_id is not None,
    )


def plans_people(booking: Appointment) -> bool:
    """Can the visit's person be in one place only, for all that the salon has told us?"""
    return booking.busy_minutes is not None or hours.has_hours(booking.salon_id, booking.user_id)


def follow(booking: Appointment, before: Appointment | None) -> None:
    """Take the time of a visit just saved, in place of what it took before. Raises: IntegrityError, if it is taken."""
    if not differs(booking, before):
        return
    if before is not None and spans_of(before):
        booking.occupied.all().delete()
    _take(booking, need_of(booking))


def differs(booking: Appointment, before: Appointment | None) -> bool:
    """Has anything changed that says which time is taken?"""
    return before is None or any(getattr(booking, name) != getattr(before, name) for name in _FIELDS)


def occupy(owner: Appointment | Block, *, is_held: bool = True) -> None:
    """Take the time of a visit or a block, in place of what it took before.

    Args:
      is_held: False lets it overlap with others.

    Raises:
      IntegrityError: it is taken.
    """
    owner.occupied.all().delete()
    need = need_of_block(owner) if isinstance(owner, models.Block) else need_of(owner)
    if not is_held:
        need = replace(need, holds_chair=False, holds_person=False)
    _take(owner, need)


def _take(owner: Appointment | Block, need: Need) -> None:
    models.OccupiedTime.objects.bulk_create(
        models.OccupiedTime(
            appointment=owner if isinstance(owner, models.Appointment) else None,
            block=owner if isinstance(owner, models.Block) else None,
            salon_id=need.salon_id,
            column_id=need.column_id,
            user_id=need.user_id,
            during=DateTimeTZRange(moment(begins), moment(ends)),
            holds_chair=need.holds_chair,
            holds_person=need.holds_person,
        )
        for begins, ends in need.spans
    )


def lock(*needs: Need) -> None:
    """Let one booking at a time look whether the chair and the person are free, until its transaction ends.

    Whoever is to book at several chairs or with several people in one transaction locks all of them first, at once.
    """
    books = {_books_of(need.salon_id) for need in needs}
    names = {f"column {need.column_id} of {need.salon_id}" for need in needs if need.holds_chair}
    names |= {_person(need.user_id) for need in needs if need.holds_person}
    with connection.cursor() as cursor:  # everybody in the same order, or two would wait for each other
        cursor.execute(
            """
            SELECT CASE WHEN is_shared THEN pg_advisory_xact_lock_shared(hashtextextended(name, 0))
                        ELSE pg_advisory_xact_lock(hashtextextended(name, 0)) END
              FROM unnest(%s::text[], %s::boolean[]) AS lock(name, is_shared)
            """,
            [[*sorted(books), *sorted(names)], [True] * len(books) + [False] * len(names)],
        )


def lock_books(salon_id: int, user_ids: Iterable[int]) -> None:
    """Keep all others from booking at a salon, or with its people, until the transaction ends.

    For an import: one that took chair after chair as its lines name them would wait for somebody who waits for it.
    """
    names = [_books_of(salon_id), *sorted(map(_person, user_ids))]
    with connection.cursor() as cursor:
        for name in names:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def _books_of(salon_id: int) -> str:
    return f"books of {salon_id}"


def _person(user_id: int | None) -> str:
    return f"person {user_id}"


def conflict(need: Need, but_of: Appointment | Block) -> OccupiedTime | None:
    """The first stretch of others that takes the chair or the person at that time."""
    of_chair, of_person = Q(salon_id=need.salon_id, column_id=need.column_id), Q(user_id=need.user_id)
    taken = NOTHING
    for span in need.spans:
        taken |= of_chair & overlapping(span) if need.holds_chair else NOTHING
        taken |= of_person & overlapping(span) if need.holds_person else NOTHING
    found = models.OccupiedTime.objects.filter(taken).exclude(_of(but_of))
    return found.select_related("user").order_by("during").first()


def overlapping(span: Span) -> Q:
    """What is taken at any moment of the span. Join it to *whose* it is before an OR: each has an index of its own."""
    return Q(during__overlap=DateTimeTZRange(moment(span[0]), moment(span[1])))


def _of(owner: Appointment | Block) -> Q:
    if not owner.pk:
        return NOTHING
    return Q(appointment_id=owner.pk) if isinstance(owner, models.Appointment) else Q(block_id=owner.pk)
