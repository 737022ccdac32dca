"""Salons at work: bookings made, moved and cancelled over HTTP, with a log of every answer.

Each booking has a phone of its own, so that what arrives there can be held against what was done to that booking.
Reminders fall due while the scenario runs: visits lie a little more than the salon's reminder time ahead.
"""

from __future__ import annotations

import heapq
import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import requests

from tests.faults.verdict import Booking, Change, Minutes, moment
from tests.processes import SeededCustomer, SeededSalon

ZONE = "Asia/Kolkata"  # no clock change, and not UTC
REMINDER_MINUTES, FEWER_MINUTES = 60, 30
THREADS = 8
SOONEST_DUE_SECONDS = 3.0
FARTHEST_NEAR_SECONDS = 3600.0
TRY_AGAIN_SECONDS, TRY_AGAIN_AT_MOST_SECONDS = 0.5, 4.0
MOST_TRIES = 200


class Api(Protocol):
    """What staff can do: the product's own API, or the baseline's."""

    def book(
        self, salon: SeededSalon, customer: SeededCustomer, at: datetime, *, column_id: int
    ) -> Mapping[str, object]: ...
    def move(self, booking_id: int, at: datetime) -> object: ...
    def cancel(self, booking_id: int) -> object: ...
    def delete(self, booking_id: int) -> object: ...
    def change(self, booking_id: int, *, comment: str) -> object: ...
    def set_reminder_minutes(self, salon: SeededSalon, minutes: int) -> object: ...


@dataclass(frozen=True)
class Step:
    """Something done to a booking ``after`` so many seconds (a range); `near` and `far` say where the visit goes.

    The reminder of a near visit falls due during the scenario, that of a far one hours later.
    """

    what: str
    where: str = ""
    after: tuple[float, float] = (0.0, 0.0)


SOON, LATER = (0.0, 0.3), (1.0, 3.0)
BOOK_NEAR, BOOK_FAR = Step("book", "near"), Step("book", "far")

# How many in a hundred bookings, at which salon, and what becomes of them.
SCRIPTS: Sequence[tuple[int, str, Sequence[Step]]] = (
    (30, "steady", [BOOK_NEAR]),
    (4, "steady", [BOOK_NEAR, Step("comment", after=LATER)]),
    (8, "steady", [BOOK_NEAR, Step("move", "far", LATER)]),
    (12, "steady", [BOOK_FAR, Step("move", "near", LATER)]),
    (7, "steady", [BOOK_FAR, Step("move", "far", SOON), Step("move", "near", SOON)]),
    (8, "steady", [BOOK_NEAR, Step("cancel", after=LATER)]),
    (5, "steady", [BOOK_NEAR, Step("delete", after=LATER)]),
    (4, "steady", [BOOK_FAR, Step("cancel", after=SOON)]),
    (4, "steady", [BOOK_FAR, Step("move", "near", SOON), Step("cancel", after=LATER)]),
    (3, "steady", [BOOK_NEAR, Step("cancel", "when due")]),
    (10, "later to sooner", [BOOK_NEAR]),
    (5, "sooner to later", [BOOK_NEAR]),
)
# Each salon's reminder minutes at the start, and half way.
SALONS = {
    "steady": (REMINDER_MINUTES, None),
    "later to sooner": (FEWER_MINUTES, REMINDER_MINUTES),
    "sooner to later": (REMINDER_MINUTES, FEWER_MINUTES),
}


@dataclass
class Salon:
    """A seeded salon, who talks for it, and the history of its reminder minutes."""

    seeded: SeededSalon
    api: Api
    minutes: list[Minutes]
    unused: Iterator[SeededCustomer] = field(init=False)

    def __post_init__(self) -> None:
        self.unused = iter(self.seeded.customers)


@dataclass
class Attempt:
    """A booking's log as it grows; ``unsure`` is the request whose answer was lost, if one was."""

    salon: Salon
    customer: SeededCustomer
    booking: Booking
    column_id: int  # a chair for each, so that no two visits are in each other's way
    booking_id: int | None = None
    unsure: Change | None = None


@dataclass
class _Run:
    script: Iterator[Step]
    salon: Salon
    random: random.Random
    tries: int = 0
    attempt: Attempt | None = None
    steps: Sequence[Step] = ()


class Workload:
    """``count`` bookings spread over ``seconds``; `start`, then `join`.

    ``pace`` below 1 shortens the waits between what is done to a booking.
    """

    def __init__(self, salons: dict[str, Salon], *, count: int, seconds: float, pace: float, seed: int) -> None:
        self.salons, self.count, self.seconds, self.pace = salons, count, seconds, pace
        self.attempts: list[Attempt] = []
        self.answered_seconds: list[float] = []
        self.lost_answers = 0
        self.refused: list[str] = []
        self._random = random.Random(seed)
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._columns = itertools.count(1)
        self._lock = threading.Condition()
        self._open = 0
        self._is_abandoned = False
        self._pool = ThreadPoolExecutor(THREADS)

    def start(self) -> None:
        self.started_at = time.time()
        self.ends_at = self.started_at + self.seconds + SOONEST_DUE_SECONDS * self.pace
        for number, (salon, steps) in enumerate(self._chosen_scripts()):
            self._begin(_Run(iter(steps), salon, self._random, steps=steps), self.seconds * number / self.count)
        for name, (_, minutes) in SALONS.items():
            if minutes is not None:
                self._schedule(self.seconds / 2, self._setter(self.salons[name], minutes))
        for _ in range(THREADS):
            self._pool.submit(self._work)

    def abandon(self) -> None:
        """Do nothing more: the scenario was broken off."""
        with self._lock:
            self._is_abandoned = True
            self._lock.notify_all()

    def join(self) -> None:
        """Return when all is booked and every reminder that was to fall due has."""
        self._pool.shutdown()
        if self.refused:
            raise AssertionError(f"the API refused what it must not: {self.refused[:3]}")
        if self._open:
            raise AssertionError("the workload stopped half way")
        time.sleep(max(0.0, self.last_due_at + 0.2 - time.time()))

    @property
    def last_due_at(self) -> float:
        """When the last reminder of a near visit falls due; those of far ones do hours later."""
        due = [
            change.visit_at.timestamp() - 60 * REMINDER_MINUTES
            for attempt in self.attempts
            for change in [*attempt.booking.changes, *filter(None, [attempt.unsure])]
            if change.visit_at is not None
        ]
        return max((at for at in due if at < time.time() + FARTHEST_NEAR_SECONDS), default=self.ends_at)

    def _chosen_scripts(self) -> list[tuple[Salon, Sequence[Step]]]:
        weights = [weight for weight, _, _ in SCRIPTS]
        exact = [(weight * self.count) // sum(weights) for weight in weights]
        chosen = [script for script, number in zip(SCRIPTS, exact, strict=True) for _ in range(number)]
        chosen += self._random.choices(SCRIPTS, weights, k=self.count - len(chosen))
        self._random.shuffle(chosen)
        return [(self.salons[name], steps) for _, name, steps in chosen]

    # --- The queue of things to do ------------------------------------------------------------------------

    def _schedule(self, after_seconds: float, work: Callable[[], None], since: float | None = None) -> None:
        due = (self.started_at if since is None else since) + after_seconds
        with self._lock:
            heapq.heappush(self._queue, (due, next(self._numbers), work))
            self._open += 1
            self._lock.notify()

    def _work(self) -> None:
        while (work := self._next()) is not None:
            try:
                work()
            except Exception as error:  # a fault of the harness: shown by `join`
                self.refused.append(repr(error))
            finally:
                with self._lock:
                    self._open -= 1
                    self._lock.notify_all()

    def _next(self) -> Callable[[], None] | None:
        with self._lock:
            while self._open and not self._is_abandoned:
                wait = self._queue[0][0] - time.time() if self._queue else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._queue)[2]
                self._lock.wait(wait)
            return None

    # --- What is done --------------------------------------------------------------------------------------

    def _begin(self, run: _Run, after_seconds: float) -> None:
        self._schedule_step(run, next(run.script), after_seconds, self.started_at)

    def _schedule_step(self, run: _Run, step: Step, after_seconds: float, since: float) -> None:
        self._schedule(after_seconds, lambda: self._take(run, step), since)

    def _take(self, run: _Run, step: Step) -> None:
        if step.what == "book":
            run.attempt = self._new_attempt(run.salon)
        assert run.attempt is not None
        if not self._ask(run.attempt, step):
            if step.what == "book":  # once more, for somebody else
                run.tries += 1
                assert run.tries < MOST_TRIES, "bookings fail without end"
                run.script = iter(run.steps)
                wait = min(TRY_AGAIN_AT_MOST_SECONDS, TRY_AGAIN_SECONDS * 2 ** min(run.tries, 10))
                self._schedule_step(run, next(run.script), wait * self._random.uniform(0.5, 1), time.time())
            return
        following = next(run.script, None)
        if following is not None:
            self._schedule_step(run, following, self._wait(run.attempt, following), time.time())

    def _wait(self, attempt: Attempt, step: Step) -> float:
        if step.where == "when due":
            visit_at = attempt.booking.changes[-1].visit_at
            assert visit_at is not None
            due_at = visit_at.timestamp() - 60 * REMINDER_MINUTES
            return max(0.0, due_at - time.time() + self._random.uniform(-0.5, 0.5))
        return self._random.uniform(*step.after) * self.pace

    def _new_attempt(self, salon: Salon) -> Attempt:
        with self._lock:
            customer = next(salon.unused)
        booking = Booking(
            phone_number=customer.phone_number,
            customer=customer.full_name,
            salon=salon.seeded.name,
            zone=ZoneInfo(ZONE),
            minutes=salon.minutes,
        )
        attempt = Attempt(salon, customer, booking, column_id=next(self._columns))
        self.attempts.append(attempt)
        return attempt

    def _ask(self, attempt: Attempt, step: Step) -> bool:
        """Make the request and log it; False where its answer was lost."""
        visit_at = self._visit_at(step, attempt) if step.where in ("near", "far") else None
        asked_at = time.time()
        try:
            self._request(attempt, step, visit_at)
        except requests.RequestException as error:
            if error.response is not None and error.response.status_code < 500:
                raise AssertionError(f"{step}: {error.response.status_code} {error.response.text}") from error
            self.lost_answers += 1
            attempt.unsure = Change(step.what, asked_at, time.time(), visit_at)
            return False
        answered_at = time.time()
        self.answered_seconds.append(answered_at - asked_at)
        if step.what != "comment":
            attempt.booking.changes.append(Change(step.what, asked_at, answered_at, visit_at))
        return True

    def _request(self, attempt: Attempt, step: Step, visit_at: datetime | None) -> None:
        api = attempt.salon.api
        if step.what == "book":
            assert visit_at is not None
            booked = api.book(attempt.salon.seeded, attempt.customer, visit_at, column_id=attempt.column_id)
            attempt.booking_id = int(str(booked["id"]))
            return
        assert attempt.booking_id is not None
        match step.what:
            case "move":
                assert visit_at is not None
                api.move(attempt.booking_id, visit_at)
            case "cancel":
                api.cancel(attempt.booking_id)
            case "delete":
                api.delete(attempt.booking_id)
            case "comment":
                api.change(attempt.booking_id, comment="Window seat, please")

    def _visit_at(self, step: Step, attempt: Attempt) -> datetime:
        now = time.time()
        if step.where == "far":
            told = len(attempt.booking.changes)
            return moment(now) + timedelta(hours=3 + told, minutes=self._random.randrange(50))
        soonest = now + SOONEST_DUE_SECONDS * self.pace
        due_at = self._random.uniform(soonest, max(self.ends_at, soonest + 1.0))
        return moment(due_at + 60 * REMINDER_MINUTES)

    def _setter(self, salon: Salon, minutes: int) -> Callable[[], None]:
        """PATCH the reminder minutes, again and again until it is answered: it does no harm twice."""

        def set_minutes() -> None:
            asked_at = time.time()
            for _ in range(MOST_TRIES):
                try:
                    salon.api.set_reminder_minutes(salon.seeded, minutes)
                    break
                except requests.RequestException:
                    self.lost_answers += 1
                    time.sleep(TRY_AGAIN_SECONDS)
            else:
                raise AssertionError("the reminder minutes could not be changed")
            salon.minutes.append(Minutes(minutes, asked_at, time.time()))

        return set_minutes
