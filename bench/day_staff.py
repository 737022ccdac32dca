"""Who acts in `bench.long_day`: staff who book, move and cancel over HTTP, customers who answer from their phones."""

from __future__ import annotations

import heapq
import json
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import requests
from psycopg2.extras import execute_values

from bench.day_plan import OPENS, Course, Plan, Salon, Slot, Step
from tests.faults.verdict import Booking, Change, Minutes
from tests.processes import REQUEST_TIMEOUT_SECONDS, Stack

# As many as web has threads.
THREADS = 16
VISIT_LENGTH = timedelta(minutes=30)
# A reminder owed for so long before its visit was changed must have come.
SURELY_OUT_SECONDS = 30.0
WARMING_CALLS = 60
REPLY = "Thanks, see you then"


@dataclass(frozen=True)
class Clock:
    """The day's hours in real time: OPENS is struck at ``begins_at``, in seconds since 1970."""

    begins_at: float
    hour_seconds: float

    def moment(self, hour: float) -> float:
        return self.begins_at + (hour - OPENS) * self.hour_seconds

    def hour(self, moment: float) -> float:
        return OPENS + (moment - self.begins_at) / self.hour_seconds

    def visit_at(self, slot: Slot, salon: Salon) -> datetime:
        """So that its reminder, whole minutes before it, falls due at its place in the squeezed day."""
        if slot.day:
            midnight = datetime.fromtimestamp(self.begins_at, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            return midnight + timedelta(days=slot.day + 1, hours=slot.hour)
        due_at = self.moment(slot.hour - salon.reminder_minutes / 60)
        return datetime.fromtimestamp(due_at, UTC) + timedelta(minutes=salon.reminder_minutes)


@dataclass(frozen=True)
class Place:
    """A seeded salon, its one person, and who talks for it."""

    id: int
    user_id: int
    planned: Salon
    base_url: str
    token: str


@dataclass
class Visit:
    """One course as it is played: who comes, the steps still to take, and the log of the answers."""

    place: Place
    customer_id: int
    column_id: int  # a chair for each: in the squeezed day visits lie seconds apart
    steps: list[Step]
    log: Booking
    booking_id: int = 0


@dataclass(frozen=True)
class Call:
    """A request that was answered: what it was, when it was meant to be asked, and was answered."""

    what: str
    meant_at: float
    answered_at: float


def open_salons(stack: Stack, plan: Plan) -> list[Visit]:
    """Salons, people and customers in the database; a visit for each course, not yet in any book."""
    of_salons: list[list[Course]] = [[] for _ in plan.salons]
    for course in plan.courses:
        of_salons[course.salon].append(course)
    wanted = [
        {"zone": salon.zone, "reminder_minutes": salon.reminder_minutes, "customers": len(courses)}
        for salon, courses in zip(plan.salons, of_salons, strict=True)
    ]
    made = json.loads(stack.python("-m", "bench.day_salons", given=json.dumps(wanted)))
    return [
        visit
        for salon, seeded, courses in zip(plan.salons, made, of_salons, strict=True)
        for visit in _visits_of(stack, salon, seeded, courses)
    ]


def _visits_of(stack: Stack, salon: Salon, seeded: Mapping[str, Any], courses: Sequence[Course]) -> list[Visit]:
    place = Place(seeded["id"], seeded["user"], salon, stack.base_url, seeded["token"])
    minutes = [Minutes(salon.reminder_minutes, 0.0, 0.0)]
    return [
        Visit(
            place,
            customer_id,
            column_id,
            list(course.steps),
            Booking(
                phone_number,
                full_name,
                seeded["name"],
                ZoneInfo(salon.zone),
                minutes,
                surely_out_seconds=SURELY_OUT_SECONDS,
            ),
        )
        for column_id, (course, (customer_id, full_name, phone_number)) in enumerate(
            zip(courses, seeded["customers"], strict=True), start=1
        )
    ]


# --- What stands in the books in the morning ------------------------------------------------------------------

_VISITS = """
    INSERT INTO appointment_appointment
        (created, modified, appointment_time, end_time, comment, column_id, status, cancel_reason, allow_overlap,
         task_id, texts_planned_for, customer_id, salon_id, user_id, allow_outside_hours, calendar_sequence,
         cancelled_by_customer, changed_alone)
    SELECT now(), now(), visit_at, visit_at + %(length)s, '', column_id, 'booked', '', false, '', visit_at,
           customer_id, salon_id, user_id, false, 0, false, false
      FROM bench_visit
    RETURNING id, customer_id
"""
_OCCUPIED = """
    INSERT INTO appointment_occupiedtime
        (appointment_id, salon_id, column_id, user_id, during, holds_chair, holds_person)
    SELECT id, salon_id, column_id, user_id, tstzrange(appointment_time, end_time), true, false
      FROM appointment_appointment
"""
_REMINDERS = """
    INSERT INTO sms_message
        (kind, "to", body, visit_at, due_at, expires_at, status, reason, attempts, next_attempt_at, trail, sid,
         created_at, booking_id, customer_id, salon_id)
    SELECT 'reminder', customer.phone_number, '', appointment_time, due_at, appointment_time, 'pending', '', 0, due_at,
           '[]', '', now(), booked.id, customer.id, salon_id
      FROM (SELECT visit.*, appointment_time - make_interval(mins => reminder_time_minutes) AS due_at
              FROM appointment_appointment visit JOIN salon_salon salon ON salon.id = visit.salon_id) booked
      JOIN customer_customer customer ON customer.id = booked.customer_id
"""


def import_visits(stack: Stack, visits: Sequence[Visit], clock: Clock) -> None:
    """Write the visits of the morning and their reminders past the product, as if booked days ago."""
    imported = {visit.customer_id: visit for visit in visits if visit.steps[0].what == "import"}
    rows = []
    for visit in imported.values():
        slot = visit.steps.pop(0).slot
        assert slot is not None
        visit_at = clock.visit_at(slot, visit.place.planned)
        visit.log.changes.append(Change("import", 0.0, 0.0, visit_at))
        rows.append((visit_at, visit.place.id, visit.place.user_id, visit.column_id, visit.customer_id))
    with stack.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE bench_visit"
            " (visit_at timestamptz, salon_id bigint, user_id bigint, column_id int, customer_id bigint)"
        )
        execute_values(cursor, "INSERT INTO bench_visit VALUES %s", rows, page_size=1000)
        cursor.execute(_VISITS, {"length": VISIT_LENGTH})
        for booking_id, customer_id in cursor.fetchall():
            imported[customer_id].booking_id = booking_id
        cursor.execute(_OCCUPIED)
        cursor.execute(_REMINDERS)
        cursor.execute("ANALYZE")


# --- The day ------------------------------------------------------------------------------------------------


@dataclass
class Staff:
    """Takes every step of every visit at its hour, or as soon after it as a hand is free."""

    stack: Stack
    visits: Sequence[Visit]
    clock: Clock
    calls: list[Call] = field(default_factory=list)
    # Requests that were not answered as they should have been: what was done is not known.
    failed: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _queue: list[tuple[float, int]] = field(default_factory=list)  # hour of the next step, and whose
    _open: int = 0
    _threads: list[threading.Thread] = field(default_factory=list)

    def warm_up(self) -> None:
        """Some looks into the book: imports and connections are there before the day begins, as on any morning."""
        places = [visit.place for visit in self.visits[:WARMING_CALLS]]
        with ThreadPoolExecutor(THREADS) as pool, requests.Session() as session:
            session.trust_env = False
            for _ in pool.map(lambda place: _call(session, place, "GET", f"/appointments/?salon={place.id}"), places):
                pass

    def start(self) -> None:
        self._queue = [(visit.steps[0].at, number) for number, visit in enumerate(self.visits) if visit.steps]
        heapq.heapify(self._queue)
        self._open = len(self._queue)
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(THREADS)]
        for thread in self._threads:
            thread.start()

    def join(self, seconds: float) -> None:
        """Return when all has been done. Raises TimeoutError."""
        give_up_at = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, give_up_at - time.monotonic()))
            if thread.is_alive():
                raise TimeoutError(f"calls are left after {seconds:g} s")

    def _work(self) -> None:
        session = requests.Session()
        session.trust_env = False
        while self._open:
            number = self._next()
            if number is None:
                time.sleep(0.01)
                continue
            visit = self.visits[number]
            step = visit.steps.pop(0)
            try:
                self._take(session, visit, step)
            except Exception as error:
                self.failed[visit.log.phone_number] = f"{step.what}: {error!r}"
                visit.steps.clear()
            with self._lock:
                if visit.steps:
                    heapq.heappush(self._queue, (visit.steps[0].at, number))
                else:
                    self._open -= 1

    def _next(self) -> int | None:
        with self._lock:
            if self._queue and self.clock.moment(self._queue[0][0]) <= time.time():
                return heapq.heappop(self._queue)[1]
            return None

    def _take(self, session: requests.Session, visit: Visit, step: Step) -> None:
        visit_at = self.clock.visit_at(step.slot, visit.place.planned) if step.slot else None
        asked_at = time.time()
        if step.what in ("stop", "reply"):
            outcome = self.stack.twilio.reply(visit.log.phone_number, "STOP" if step.what == "stop" else REPLY)
            if not outcome["webhook"]["ok"]:
                raise RuntimeError(f"the webhook said {outcome['webhook']}")
        else:
            _ask(session, visit, step.what, visit_at)
        answered_at = time.time()
        self.calls.append(Call(step.what, self.clock.moment(step.at), answered_at))
        if step.what != "reply":
            visit.log.changes.append(Change(step.what, asked_at, answered_at, visit_at))


def _ask(session: requests.Session, visit: Visit, what: str, visit_at: datetime | None) -> None:
    path = f"/appointments/{visit.booking_id}/"
    match what:
        case "book":
            parties = {"salon": visit.place.id, "user": visit.place.user_id, "customer": visit.customer_id}
            booked = _call(
                session, visit.place, "POST", "/appointments/", column_id=visit.column_id, **parties, **_times(visit_at)
            )
            visit.booking_id = booked["id"]
        case "move":
            _call(session, visit.place, "PATCH", path, **_times(visit_at))
        case "cancel":
            _call(session, visit.place, "POST", f"{path}cancel/", reason="The customer called")
        case "delete":
            _call(session, visit.place, "DELETE", path)
        case _:
            raise ValueError(what)


def _call(session: requests.Session, place: Place, method: str, path: str, **body: Any) -> Any:
    """A connection for each call, as a thousand salons have. Raises requests.RequestException."""
    headers = {"Authorization": f"Bearer {place.token}", "Connection": "close"}
    answer = session.request(
        method, f"{place.base_url}{path}", json=body or None, headers=headers, timeout=REQUEST_TIMEOUT_SECONDS
    )
    answer.raise_for_status()
    return answer.json() if answer.content else None


def _times(visit_at: datetime | None) -> dict[str, str]:
    assert visit_at is not None
    return {"appointment_time": visit_at.isoformat(), "end_time": (visit_at + VISIT_LENGTH).isoformat()}
