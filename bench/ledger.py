"""Bookings and the texts that they owe, by the thousand and by the million, straight into PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.processes import SeededSalon, Stack

# Of the booking ids of texts that wait in the future; no booking has them, and nothing looks before they are due.
FIRST_FAR_BOOKING = 1_000_000_000
LARGE_LOAD = 1_000_000

_BOOKINGS = """
    INSERT INTO appointment_appointment
        (created, modified, appointment_time, comment, column_id, status, cancel_reason, allow_overlap, task_id,
         texts_planned_for, customer_id, salon_id, user_id, allow_outside_hours, calendar_sequence,
         cancelled_by_customer, changed_alone)
    SELECT now(), now(), visit_at, '', 1, 'booked', '', true, '',
           visit_at, (%(customers)s::bigint[])[1 + number %% cardinality(%(customers)s)], %(salon)s, %(user)s, false, 0,
           false, false
      FROM (SELECT number, now() + make_interval(secs => %(due_in)s) + interval '1 hour' AS visit_at
              FROM generate_series(0, %(count)s - 1) number) visits
    RETURNING id, customer_id, appointment_time
"""

_TEXTS = """
    INSERT INTO sms_message
        (kind, "to", body, visit_at, due_at, expires_at, status, reason, attempts, next_attempt_at, trail, sid,
         created_at, booking_id, customer_id, salon_id)
"""

_DUE = f"""
    WITH booked AS ({_BOOKINGS})
    {_TEXTS}
    SELECT 'reminder', customer.phone_number, '', appointment_time, appointment_time - interval '1 hour',
           appointment_time, 'pending', '', 0, appointment_time - interval '1 hour', '[]', '', now(), booked.id,
           customer.id, %(salon)s
      FROM booked JOIN customer_customer customer ON customer.id = booked.customer_id
    RETURNING due_at
"""  # noqa: S608

_FAR = f"""
    {_TEXTS}
    SELECT 'reminder', '+447400100000', '', due_at + interval '1 hour', due_at, due_at + interval '1 hour', 'pending',
           '', 0, due_at, '[]', '', now(), %(first)s + number, 1, 1000000 + number %% 100000
      FROM (SELECT number, now() + interval '1 day' + number %% 31536000 * interval '1 second' AS due_at
              FROM generate_series(%(begin)s, %(end)s - 1) number) far
"""  # noqa: S608


@dataclass(frozen=True)
class Burst:
    """Reminders that are all due at the same moment: ``due_at`` by the database's clock, in seconds since 1970."""

    count: int
    due_at: float


def add_burst(stack: Stack, salon: SeededSalon, count: int, due_in_seconds: float) -> Burst:
    """Book ``count`` visits whose reminders fall due together, after so many seconds (0: now)."""
    customers = [customer.id for customer in salon.customers]
    return book(stack, salon.id, salon.owner.user_id, customers, count, due_in_seconds)


def book(
    stack: Stack, salon_id: int, user_id: int, customers: Sequence[int], count: int, due_in_seconds: float
) -> Burst:
    """The same, for whoever has only the ids. PostgreSQL's statistics are fresh then, as they are a day after."""
    asked = {"count": count, "customers": list(customers), "salon": salon_id, "user": user_id, "due_in": due_in_seconds}
    rows = stack.query(_DUE, asked)
    stack.query("ANALYZE sms_message")
    stack.query("ANALYZE appointment_appointment")
    return Burst(len(rows), rows[0][0].timestamp())


def add_pending(stack: Stack, already: int, wanted: int) -> None:
    """Add texts that wait in the future, spread over a year that begins tomorrow, until there are ``wanted``.

    Nothing may be at work meanwhile: a large load drops the indexes and makes them again, one after the other.
    """
    if wanted <= already:
        return
    with stack.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off; SET maintenance_work_mem = '1GB'")
        indexes = _droppable_indexes(cursor) if wanted - already >= LARGE_LOAD else {}
        for name in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        for begin in range(already, wanted, LARGE_LOAD):
            span = {"first": FIRST_FAR_BOOKING, "begin": begin, "end": min(begin + LARGE_LOAD, wanted)}
            cursor.execute(_FAR, span)
        for definition in indexes.values():
            cursor.execute(definition)
        cursor.execute("VACUUM (ANALYZE) sms_message")
        cursor.execute("CHECKPOINT")  # not in the middle of what is measured next


def _droppable_indexes(cursor: Any) -> dict[str, str]:
    """Of the ledger: name and definition of each index but those of constraints, such as the primary key."""
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'sms_message' AND NOT EXISTS"
        " (SELECT FROM pg_constraint WHERE conname = indexname)"
    )
    return dict(cursor.fetchall())


def wait_until_sent(stack: Stack, burst: Burst, seconds: float) -> list[float]:
    """Seconds from due to sent of each text of a burst, in order, as far as they went out within ``seconds``."""
    with stack.connect() as connection, connection.cursor() as cursor:
        give_up_at = time.monotonic() + seconds
        while True:
            cursor.execute("SELECT count(sent_at) FROM sms_message WHERE due_at = to_timestamp(%s)", [burst.due_at])
            if cursor.fetchall()[0][0] >= burst.count or time.monotonic() > give_up_at:
                break
            time.sleep(0.25)
        cursor.execute(
            "SELECT extract(epoch FROM sent_at - due_at)::float FROM sms_message"
            " WHERE due_at = to_timestamp(%s) AND sent_at IS NOT NULL ORDER BY sent_at",
            [burst.due_at],
        )
        return [late for (late,) in cursor.fetchall()]
