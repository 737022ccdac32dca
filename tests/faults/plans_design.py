"""The baseline: the mechanism of the original plan, in the smallest honest form, to show what the ledger gains.

Every text is a Dramatiq message; a reminder waits in the delay queue and is withdrawn with
``HDEL dramatiq:default.DQ.msgs <id>`` (docs/adr/0001). It gets the kinder half of each scenario: only its worker is
killed, its bookings are made in the harness's own process, its texts show the salon's local time.

The worker is ``dramatiq tests.faults.plans_design:broker``. Nothing outside `tests.faults` uses this module.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import dramatiq
import psycopg2
import redis
import requests
from dramatiq.brokers.redis import RedisBroker
from twilio.rest import Client

from tests.faults.system import Stored, customers_needed
from tests.faults.verdict import Booking, Minutes
from tests.faults.workload import SALONS, ZONE, Salon
from tests.processes import Login, SeededCustomer, SeededSalon, Stack

COMMAND = "exec dramatiq tests.faults.plans_design:broker --processes 2 --threads 8"
DELAYED = "dramatiq:default.DQ.msgs"
SCHEMA = """
    CREATE TABLE plan_salon (id serial PRIMARY KEY, name text, minutes int);
    CREATE TABLE plan_booking (id serial PRIMARY KEY, salon_id int, customer_id int, customer text, phone text,
        appointment_time timestamptz, is_cancelled bool DEFAULT false, task_id text DEFAULT '')
"""

# Its own, never the process's: the tests that import this module use the product's.
broker = RedisBroker(url=os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0"))


# --- What the plan's worker does --------------------------------------------------------------------------


@dramatiq.actor(broker=broker)
def send_sms_confirmation(booking_id: int) -> None:
    booking = _booking(booking_id)
    if booking is not None:
        text, visit_at = booking
        _send(text.phone_number, text.confirmation(visit_at))


@dramatiq.actor(broker=broker)
def send_sms_reminder(booking_id: int) -> None:
    booking = _booking(booking_id)
    if booking is not None:
        text, visit_at = booking
        _send(text.phone_number, text.reminder(visit_at))


@dramatiq.actor(broker=broker)
def send_sms_cancellation(phone_number: str, body: str) -> None:
    _send(phone_number, body)


def _booking(booking_id: int) -> tuple[Booking, datetime] | None:
    """The booking as it is when its text goes out; None where it is gone or cancelled."""
    rows = _query(
        "SELECT phone, customer, name, appointment_time FROM plan_booking JOIN plan_salon s ON s.id = salon_id"
        " WHERE plan_booking.id = %s AND NOT is_cancelled",
        [booking_id],
    )
    if not rows:
        return None
    phone, customer, salon, visit_at = rows[0]
    return Booking(phone, customer, salon, ZoneInfo(ZONE), ()), visit_at


def _send(phone_number: str, body: str) -> None:
    client = Client(os.environ["TWILIO_ACCOUNT_SID"], os.environ["TWILIO_AUTH_TOKEN"])
    client.api.base_url = os.environ["TWILIO_BASE_URL"]
    client.messages.create(to=phone_number, from_=os.environ["TWILIO_PHONE_NUMBER"], body=body)


def _query(sql: str, parameters: Any = (), url: str = "") -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(url or os.environ["DATABASE_URL"])) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []


# --- What the plan's web process does, here in the harness -------------------------------------------------


class PlansApi:
    """Booking as the plan has it: save, enqueue, and HDEL where a reminder is no longer wanted."""

    def __init__(self, database_url: str, redis_url: str) -> None:
        self._database_url = database_url
        self._broker = RedisBroker(url=redis_url)
        self._redis = redis.Redis.from_url(redis_url)
        self._lock = threading.Lock()

    def book(
        self, salon: SeededSalon, customer: SeededCustomer, at: datetime, *, column_id: int
    ) -> Mapping[str, object]:
        ((booking_id,),) = self._query(
            "INSERT INTO plan_booking (salon_id, customer_id, customer, phone, appointment_time)"
            " VALUES (%s, %s, %s, %s, %s) RETURNING id",
            [salon.id, customer.id, customer.full_name, customer.phone_number, at],
        )
        self._tell(booking_id)
        return {"id": booking_id}

    def move(self, booking_id: int, at: datetime) -> None:
        self._cancel_task(booking_id)
        self._query("UPDATE plan_booking SET appointment_time = %s WHERE id = %s", [at, booking_id])
        self._tell(booking_id)

    def cancel(self, booking_id: int) -> None:
        self._cancel_task(booking_id)
        self._query("UPDATE plan_booking SET is_cancelled = true WHERE id = %s", [booking_id])
        self._tell_cancelled(booking_id)

    def delete(self, booking_id: int) -> None:
        self._cancel_task(booking_id)
        self._tell_cancelled(booking_id)
        self._query("DELETE FROM plan_booking WHERE id = %s", [booking_id])

    def change(self, booking_id: int, *, comment: str) -> None:
        pass

    def set_reminder_minutes(self, salon: SeededSalon, minutes: int) -> None:
        self._query("UPDATE plan_salon SET minutes = %s WHERE id = %s", [minutes, salon.id])

    def _tell(self, booking_id: int) -> None:
        self._enqueue(send_sms_confirmation.message(booking_id))
        ((visit_at, minutes),) = self._query(
            "SELECT appointment_time, minutes FROM plan_booking JOIN plan_salon s ON s.id = salon_id"
            " WHERE plan_booking.id = %s",
            [booking_id],
        )
        delay_seconds = (visit_at - datetime.now(UTC)).total_seconds() - 60 * minutes
        if delay_seconds > 0:
            task_id = self._enqueue(send_sms_reminder.message(booking_id), delay_ms=int(1000 * delay_seconds))
            self._query("UPDATE plan_booking SET task_id = %s WHERE id = %s", [task_id, booking_id])

    def _tell_cancelled(self, booking_id: int) -> None:
        ((phone, visit_at),) = self._query(
            "SELECT phone, appointment_time FROM plan_booking WHERE id = %s", [booking_id]
        )
        body = Booking(phone, "", "", ZoneInfo(ZONE), ()).cancellation(visit_at)
        self._enqueue(send_sms_cancellation.message(phone, body))

    def _cancel_task(self, booking_id: int) -> None:
        ((task_id,),) = self._query("SELECT task_id FROM plan_booking WHERE id = %s", [booking_id])
        try:
            self._redis.hdel(DELAYED, task_id)
        except redis.RedisError as error:
            raise requests.ConnectionError(str(error)) from error

    def _enqueue(self, message: dramatiq.Message[Any], delay_ms: int | None = None) -> str:
        try:
            with self._lock:
                self._broker.declare_queue(message.queue_name)
                return str(self._broker.enqueue(message, delay=delay_ms).options["redis_message_id"])
        except (dramatiq.DramatiqError, redis.RedisError) as error:  # an HTTP 500, in the plan
            raise requests.ConnectionError(str(error)) from error

    def _query(self, sql: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        return _query(sql, parameters, self._database_url)


class PlansDesign:
    """The plan's design as a system on trial: one worker of two processes, started here."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._salons = 0
        self._phones = 0
        stack.query(SCHEMA)
        self._api = PlansApi(stack.database_url, stack.environ["REDIS_URL"])
        stack.add("worker", command=COMMAND)

    def open_salons(self, bookings: int) -> dict[str, Salon]:
        return {name: self._open(name, minutes, bookings) for name, (minutes, _) in SALONS.items()}

    def _open(self, name: str, minutes: int, bookings: int) -> Salon:
        ((salon_id, salon_name),) = self.stack.query(
            "INSERT INTO plan_salon (name, minutes) VALUES (%s, %s) RETURNING id, name", [f"Salon {name}", minutes]
        )
        first, self._phones = self._phones, self._phones + customers_needed(name, bookings)
        customers = tuple(
            SeededCustomer(number, f"Customer {number}", f"+447400{number:06}")
            for number in range(first + 100_000, self._phones + 100_000)
        )
        seeded = SeededSalon(salon_id, salon_name, Login(0, "", ""), customers)
        return Salon(seeded, self._api, [Minutes(minutes, 0.0, 0.0)])

    def close_salons(self) -> None:
        """Nothing: what waits in the delay queue cannot be told apart."""

    def unfinished(self, due_before: float) -> int:
        client = redis.Redis.from_url(self.stack.environ["REDIS_URL"])
        waiting = [json.loads(raw) for raw in client.hvals(DELAYED)]
        overdue = sum(
            bool(message["options"].get("retries")) or message["options"]["eta"] <= 1000 * due_before
            for message in waiting
        )
        return int(client.hlen("dramatiq:default.msgs")) + overdue

    def stored(self, customer_id: int) -> Stored | None:
        rows = self.stack.query(
            "SELECT appointment_time, is_cancelled FROM plan_booking WHERE customer_id = %s", [customer_id]
        )
        return Stored(*rows[0]) if rows else None

    def outcomes(self, since: float) -> Mapping[str, int]:
        return {}
