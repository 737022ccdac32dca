"""A Saturday of many salons, drawn anew from the same seed: who comes when, who calls when, and what becomes of it.

Hours are those of one clock on the wall, 10.5 for half past ten; salons of other zones open an hour sooner or later
by it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

OPENS, CLOSES = 8.0, 20.0  # what is played of the day
SEED = 20261128

# In the hour in which they begin, on the salon's own clock; and how far past the hour.
VISITS = {9: 6, 10: 10, 11: 12, 12: 10, 13: 8, 14: 10, 15: 11, 16: 9, 17: 6, 18: 3}
PAST_THE_HOUR = {0.0: 60, 0.5: 30, 0.25: 5, 0.75: 5}
# When staff book, move and cancel: most of it before noon.
CALLS = {8: 5, 9: 11, 10: 13, 11: 12, 12: 9, 13: 8, 14: 9, 15: 9, 16: 9, 17: 8, 18: 5, 19: 2}

# Salons by zone, and the hours by which its clock is behind the one on the wall.
ZONES = {("Europe/Berlin", 0.0): 70, ("Europe/London", 1.0): 20, ("Europe/Athens", -1.0): 10}
REMINDER_MINUTES = {60: 80, 120: 20}

# What becomes of a hundred visits that stood in the book in the morning, and of a hundred booked on the day.
FATES = {"none": 86, "move": 6, "cancel": 2, "delete": 2, "cancel late": 1, "stop": 1, "reply": 2}
FATES_OF_NEW = {"none": 74, "move": 10, "cancel": 5, "delete": 3, "stop": 2, "reply": 6}
FOR_TODAY = 0.4  # of what is booked on the day
MOVED_WITHIN_TODAY = 0.6
DAYS_AHEAD = 30
LEAST_HOURS = 0.05  # between what is done to a visit and the moment that its reminder is due


@dataclass(frozen=True)
class Slot:
    """When a visit begins: an hour of the day that is played (day 0), or of one later."""

    day: int
    hour: float


@dataclass(frozen=True)
class Step:
    """Something that happens at an hour of the day: import, book, move, cancel, delete, stop or reply."""

    what: str
    at: float
    slot: Slot | None = None


@dataclass(frozen=True)
class Salon:
    zone: str
    hours_behind: float
    reminder_minutes: int


@dataclass(frozen=True)
class Course:
    """One visit from its booking on; its customer has no other."""

    salon: int
    steps: Sequence[Step]


@dataclass(frozen=True)
class Plan:
    salons: Sequence[Salon]
    courses: Sequence[Course]


def draw(salons: int, visits: int, bookings: int) -> Plan:
    """A day of so many salons: ``visits`` in the book in the morning, and ``bookings`` made on the day."""
    chance = random.Random(SEED)  # noqa: S311
    made = [
        Salon(*_weighted(chance, ZONES), reminder_minutes=_weighted(chance, REMINDER_MINUTES)) for _ in range(salons)
    ]
    day = _Day(chance, made)
    return Plan(made, [day.visit() for _ in range(visits)] + [day.booking() for _ in range(bookings)])


class _Day:
    def __init__(self, chance: random.Random, salons: Sequence[Salon]) -> None:
        self._chance, self._salons = chance, salons

    def visit(self) -> Course:
        """One that stood in the book; its reminder falls due on the day."""
        number, salon = self._salon()
        slot = self._slot(salon, lambda slot: _due(slot, salon) >= OPENS + LEAST_HOURS)
        steps = [Step("import", OPENS, slot)]
        fate = _weighted(self._chance, FATES)
        if fate in ("cancel late", "reply"):
            after = self._chance.uniform(_due(slot, salon) + LEAST_HOURS, min(slot.hour, CLOSES))
            steps.append(Step("cancel" if fate == "cancel late" else fate, after))
        elif fate != "none":
            steps.append(self._step(fate, self._call_before(_due(slot, salon)), salon, slot))
        return Course(number, steps)

    def booking(self) -> Course:
        number, salon = self._salon()
        at = self._call()
        slot = self._slot_from(at, salon, self._chance.random() < FOR_TODAY)
        steps = [Step("book", at, slot)]
        fate = _weighted(self._chance, FATES_OF_NEW)
        if fate != "none":
            steps.append(self._step(fate, self._chance.uniform(at, CLOSES), salon, slot))
        return Course(number, steps)

    def _salon(self) -> tuple[int, Salon]:
        number = self._chance.randrange(len(self._salons))
        return number, self._salons[number]

    def _step(self, what: str, at: float, salon: Salon, slot: Slot) -> Step:
        return Step(what, at, self._other_slot(at, salon, slot) if what == "move" else None)

    def _other_slot(self, at: float, salon: Salon, slot: Slot) -> Slot:
        while True:
            other = self._slot_from(at, salon, self._chance.random() < MOVED_WITHIN_TODAY)
            if other != slot:
                return other

    def _slot_from(self, at: float, salon: Salon, is_today: bool) -> Slot:
        """One later than ``at``; of another day also where there is none today."""
        if is_today and at < CLOSES - 3:
            return self._slot(salon, lambda slot: slot.hour > at + 0.25)
        return Slot(self._chance.randint(1, DAYS_AHEAD), self._hour(salon))

    def _slot(self, salon: Salon, is_fit: Callable[[Slot], bool]) -> Slot:
        while True:
            slot = Slot(0, self._hour(salon))
            if is_fit(slot):
                return slot

    def _hour(self, salon: Salon) -> float:
        return _weighted(self._chance, VISITS) + _weighted(self._chance, PAST_THE_HOUR) + salon.hours_behind

    def _call(self) -> float:
        return _weighted(self._chance, CALLS) + self._chance.random()

    def _call_before(self, hour: float) -> float:
        at = self._call()
        return at if at < hour - LEAST_HOURS else self._chance.uniform(OPENS, hour - LEAST_HOURS)


def _due(slot: Slot, salon: Salon) -> float:
    return slot.hour - salon.reminder_minutes / 60


def _weighted(chance: random.Random, weights: Mapping[T, int]) -> T:
    return chance.choices(list(weights), list(weights.values()))[0]
