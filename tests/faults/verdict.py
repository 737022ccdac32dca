"""What every phone was owed, worked out from the log of HTTP answers alone, against what it got.

The ledger is not asked: it is what is on trial. Moments are seconds since the epoch. A request is known to have
taken effect somewhere between being asked and being answered, so where the difference matters (a reminder
due in between) the text may come or not; twice it may come never.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

# A text that a worker had already claimed when its booking changed may still arrive for so long.
ON_ITS_WAY_SECONDS = 6.0
TOO_EARLY_SECONDS = 0.2


@dataclass(frozen=True)
class Change:
    """A request that took effect between ``asked_at`` and ``answered_at``: book, move, cancel, delete.

    An import is a booking that owes no confirmation; after a stop, the customer's own, nothing is owed.
    """

    what: str
    asked_at: float
    answered_at: float
    visit_at: datetime | None = None


@dataclass(frozen=True)
class Minutes:
    """The salon's reminder minutes from some moment between ``asked_at`` and ``answered_at`` on."""

    minutes: int
    asked_at: float
    answered_at: float


@dataclass
class Booking:
    """What was done to one booking, in order. Its phone belongs to no other booking.

    ``surely_out_seconds``: a text that was owed for so long before the booking changed must have come all the same.
    """

    phone_number: str
    customer: str
    salon: str
    zone: ZoneInfo
    minutes: Sequence[Minutes]
    changes: list[Change] = field(default_factory=list)
    surely_out_seconds: float = math.inf

    def confirmation(self, visit_at: datetime) -> str:
        when = " at ".join(self._local(visit_at))
        told = f"Your appointment at {self.salon} has been confirmed for {when}"
        return f"Hi {self.customer}, {told}. See you soon!"

    def reminder(self, visit_at: datetime) -> str:
        time = self._local(visit_at)[1]
        return f"Hi {self.customer}, You have an appointment coming up at {time}. Regards {self.salon}."

    def cancellation(self, visit_at: datetime) -> str:
        moment = " ".join(self._local(visit_at))
        return f"Hi, We regret to inform you that your scheduled appointment for {moment} has been cancelled."

    def _local(self, visit_at: datetime) -> tuple[str, str]:
        local = visit_at.astimezone(self.zone)
        return f"{local:%Y-%m-%d}", f"{local.hour % 12 or 12}:{local:%M %p}"


@dataclass(frozen=True)
class Received:
    """A text that Twilio accepted for a phone."""

    body: str
    at: float


@dataclass(frozen=True)
class Finding:
    """Something wrong: ``kind`` is lost, duplicate or stale."""

    kind: str
    phone_number: str
    detail: str


@dataclass
class Verdict:
    bookings: int = 0
    owed: int = 0
    received: int = 0
    findings: list[Finding] = field(default_factory=list)

    def count(self, kind: str) -> int:
        return sum(finding.kind == kind for finding in self.findings)

    @property
    def is_clean(self) -> bool:
        return not self.findings


@dataclass(frozen=True)
class _Telling:
    """A time that the customer was told, until something else replaced it."""

    visit_at: datetime
    since: Change
    until: Change | None


def judge(bookings: Iterable[Booking], received: Mapping[str, Sequence[Received]], judged_at: float) -> Verdict:
    """Compare, phone by phone. ``received`` is in the order of acceptance; ``judged_at`` ends the time observed."""
    verdict = Verdict()
    phones = set()
    for booking in bookings:
        verdict.bookings += bool(booking.changes)
        phones.add(booking.phone_number)
        _judge(booking, received.get(booking.phone_number, ()), judged_at, verdict)
    for phone_number in received.keys() - phones:
        verdict.received += len(received[phone_number])
        verdict.findings.append(Finding("stale", phone_number, "a text to somebody who has no booking"))
    return verdict


def _judge(booking: Booking, texts: Sequence[Received], judged_at: float, verdict: Verdict) -> None:
    verdict.received += len(texts)
    tellings = _tellings(booking)
    confirmations = {booking.confirmation(telling.visit_at) for telling in tellings}
    reminders = {booking.reminder(telling.visit_at) for telling in tellings}
    cancellations = {booking.cancellation(telling.visit_at) for telling in tellings}
    findings = itertools.chain(
        _unexpected(texts, confirmations | reminders | cancellations),
        _confirmations(booking, tellings, [text for text in texts if text.body in confirmations], verdict),
        _reminders(booking, tellings, [text for text in texts if text.body in reminders], judged_at, verdict),
        _cancellations(booking, tellings, [text for text in texts if text.body in cancellations], verdict),
    )
    verdict.findings += [Finding(kind, booking.phone_number, detail) for kind, detail in findings]


def _tellings(booking: Booking) -> list[_Telling]:
    told = []
    for change, following in itertools.zip_longest(booking.changes, booking.changes[1:]):
        if change.what == "stop":
            break
        if change.visit_at is not None:
            told.append(_Telling(change.visit_at, change, following))
    return told


def _is_surely_out(booking: Booking, telling: _Telling, owed_since: float) -> bool:
    """Whether a text owed since then was, unless it is lost, on the phone before something replaced it."""
    return telling.until is None or telling.until.asked_at > owed_since + booking.surely_out_seconds


_Findings = Iterator[tuple[str, str]]


def _unexpected(texts: Sequence[Received], expected: set[str]) -> _Findings:
    for text in texts:
        if text.body not in expected:
            yield "stale", f"nobody owed this: {text.body}"


def _confirmations(
    booking: Booking, tellings: Sequence[_Telling], texts: Sequence[Received], verdict: Verdict
) -> _Findings:
    """One for each time told that was not replaced at once, no other more than once, in the order told."""
    tellings = [telling for telling in tellings if telling.since.what != "import"]
    told = [booking.confirmation(telling.visit_at) for telling in tellings]
    firm = Counter(
        booking.confirmation(telling.visit_at)
        for telling in tellings
        if _is_surely_out(booking, telling, telling.since.answered_at)
    )
    verdict.owed += firm.total()
    for body in (firm - Counter(text.body for text in texts)).elements():
        yield "lost", f"confirmation: {body}"
    times_told, times_received = Counter(told), Counter(text.body for text in texts)
    last = len(told)
    for text in reversed(texts):
        match = next((i for i in range(last - 1, -1, -1) if told[i] == text.body), None)
        if match is None:
            is_double = times_received[text.body] > times_told[text.body] > 0
            yield ("duplicate" if is_double else "stale"), f"confirmation: {text.body}"
            continue
        last = match
        if _is_too_late(text, tellings[match]):
            yield "stale", f"confirmation {text.at - tellings[match].until.answered_at:.1f} s after it was replaced"  # type: ignore[union-attr]


def _is_too_late(text: Received, telling: _Telling) -> bool:
    return telling.until is not None and text.at > telling.until.answered_at + ON_ITS_WAY_SECONDS


def _cancellations(
    booking: Booking, tellings: Sequence[_Telling], texts: Sequence[Received], verdict: Verdict
) -> _Findings:
    ending = tellings[-1].until if tellings else None
    is_cancelled = ending is not None and ending.what != "stop"
    owed = booking.cancellation(tellings[-1].visit_at) if is_cancelled else None
    right = [text for text in texts if text.body == owed]
    verdict.owed += is_cancelled
    if is_cancelled and not right:
        yield "lost", f"cancellation: {owed}"
    yield from (("duplicate", f"cancellation: {owed}") for _ in right[1:])
    yield from (("stale", f"cancellation: {text.body}") for text in texts if text.body != owed)


def _reminders(
    booking: Booking, tellings: Sequence[_Telling], texts: Sequence[Received], judged_at: float, verdict: Verdict
) -> _Findings:
    for body in {booking.reminder(telling.visit_at) for telling in tellings}:
        times = [t for t in tellings if booking.reminder(t.visit_at) == body]
        fates = [_fate(booking, telling, judged_at) for telling in times]
        least, most = sum(fate.is_certain for fate in fates), sum(fate.due_at is not None for fate in fates)
        got = [text for text in texts if text.body == body]
        verdict.owed += least
        if len(got) < least:
            yield "lost", f"reminder: {body}"
        for _ in got[most:]:
            yield ("duplicate" if most else "stale"), f"reminder: {body}"
        if most:
            yield from _at_the_wrong_moment(got[:most], times, min(f.due_at for f in fates if f.due_at is not None))


def _at_the_wrong_moment(texts: Sequence[Received], times: Sequence[_Telling], due_at: float) -> _Findings:
    for text in texts:
        if text.at < due_at - TOO_EARLY_SECONDS:
            yield "stale", f"reminder {due_at - text.at:.1f} s too early: {text.body}"
        elif all(_is_too_late(text, telling) for telling in times):
            yield "stale", f"reminder for a time that was replaced: {text.body}"


@dataclass(frozen=True)
class _Fate:
    """When the reminder for one time is due at the earliest (None: never), and whether it must come."""

    due_at: float | None
    is_certain: bool


def _fate(booking: Booking, telling: _Telling, judged_at: float) -> _Fate:
    """Play the reminder's life for every order of events that the log allows."""
    ends: Sequence[float] = [judged_at]
    if telling.until is not None:
        ends = [telling.until.asked_at, telling.until.answered_at]
    lives = [
        _play(telling.visit_at.timestamp(), planned_at, changed, ends_at)
        for planned_at in (telling.since.asked_at, telling.since.answered_at)
        for changed in _possible_minutes(booking.minutes)
        for ends_at in ends
    ]
    due = [due_at for due_at, _ in lives if due_at is not None]
    is_planned = len(due) == len(lives) and all(is_firm for _, is_firm in lives)
    return _Fate(min(due, default=None), is_planned and _is_surely_out(booking, telling, max(due)))


def _possible_minutes(minutes: Sequence[Minutes]) -> Iterator[list[tuple[int, float]]]:
    yield [(m.minutes, m.asked_at) for m in minutes]
    yield [(m.minutes, m.answered_at) for m in minutes]


def _play(
    visit_at: float, planned_at: float, minutes: Sequence[tuple[int, float]], ends_at: float
) -> tuple[float | None, bool]:
    """When a reminder planned at ``planned_at`` is due before ``ends_at``, and whether nothing later could move it.

    `docs/adr/0005`: inside the window there is none; new minutes move it unless its new moment has passed.
    """
    before = [m for m, at in minutes if at <= planned_at]
    due_at = visit_at - 60 * before[-1]
    if due_at <= planned_at:
        return None, True
    is_firm = True
    for new_minutes, at in minutes[len(before) :]:
        moved = visit_at - 60 * new_minutes
        if due_at <= at:
            is_firm = is_firm and moved <= at  # overdue and unsent, it moves as well
        elif moved > at:
            due_at = moved
    return (due_at if due_at < ends_at else None), is_firm


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
