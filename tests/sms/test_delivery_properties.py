"""Whatever happens in whatever order, with a crash between any two steps of a delivery: the ledger's promises hold.

Hypothesis plays random lives of a few bookings against the real PostgreSQL and the local Twilio. A worker dies
between claim, POST and record, or sleeps there and wakes up later; Twilio refuses, fails, accepts and drops;
reports come late, twice or never; the whole ledger is moved into the past so that time passes.
"""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db.models import F
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from appointment import due_texts, planning, services, texts
from appointment.models import Appointment
from customer.models import Customer
from salon.models import Salon
from salon.services import change_salon
from sms import callbacks, delivery, holds, inbox, reconcile
from sms.clock import database_now
from sms.errors import TransportError
from sms.models import InboundMessage, Message, OptOut, SenderHold
from tests.delivering import SENDER, due_messages, let_time_pass
from tests.factories import make_customer, make_salon, make_user
from twilio_emulator.client import EmulatorClient

Status, Kind = Message.Status, Message.Kind
DELIVER = {
    Kind.CONFIRMATION: due_texts.deliver_confirmation,
    Kind.REMINDER: due_texts.deliver_reminder,
    Kind.CANCELLATION: due_texts.deliver_cancellation,
}
UNSETTLED = (Status.PENDING, Status.SENDING, Status.UNKNOWN)
ARRIVED = (Status.SENT, Status.DELIVERED)

Event = tuple[str, dict[str, Any]]

some = st.integers(0, 11)
minutes_ahead = st.sampled_from([5, 20, 61, 90, 200, 1500])
moods = st.sampled_from(["healthy", "accept_then_drop", "500", "429", "no_sid", "503_html", "unauthorised"])


def event(name: str, **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Event]:
    return st.tuples(st.just(name), st.fixed_dictionaries(arguments))


STAFF = st.one_of(
    event("book", who=some, ahead=minutes_ahead),
    event("move", which=some, ahead=minutes_ahead),
    event("cancel", which=some),
    event("delete", which=some),
    event("give_to_another", which=some),
    event("book_again", which=some, ahead=minutes_ahead),
    event("save_without_change", which=some),
    event("import_past_the_hooks", who=some, ahead=minutes_ahead),
    event("move_past_the_hooks", which=some, ahead=minutes_ahead),
    event("change_minutes", minutes=st.sampled_from([0, 10, 60, 120])),
    event("change_zone", zone=st.sampled_from(["Europe/London", "Asia/Kolkata", "America/New_York"])),
    event("reply", who=some, word=st.sampled_from(["START", "STOP"])),
)
DELIVERIES = st.one_of(
    event("deliver", which=some, mood=moods, dies=st.sampled_from(["", "", "before record", "before POST"])),
    event("deliver", which=some, mood=moods, dies=st.sampled_from(["", "before claim", "before record"])),
    event("claim_and_sleep", which=some),
    event("wake_up", which=some, mood=moods),
)
PASSING = st.one_of(
    event("time_passes", seconds=st.sampled_from([1, 16, 25, 61, 300, 1800])),
    event("keep_house"),
    event("report", which=some, status=st.sampled_from(["delivered", "sent"]), times=st.integers(1, 2)),
    event("report_failure", which=some, code=st.sampled_from([30003, 30005])),
)


class WorkerDied(BaseException):
    """kill -9: nothing after this point is done."""


def _one_of(things: list[Any], which: int) -> list[Any]:
    """One of the things, in a list; none where there is none."""
    return [things[which % len(things)]] if things else []


@dataclass
class Told:
    """What the harness knows of a booking: enough to say which texts would be wrong."""

    booking_id: int
    customer: Customer
    former: set[Customer] = field(default_factory=set)  # who lost the visit and did not get it back
    is_booked: bool = True
    is_imported: bool = False  # never confirmed


@dataclass
class Sleeper:
    """A worker that sleeps between claim and POST."""

    claim: delivery.Claim


class Deliveries(RuleBasedStateMachine):
    twilio: ClassVar[EmulatorClient]

    @initialize(ahead=st.lists(minutes_ahead, min_size=2, max_size=3))
    def open(self, ahead: list[int]) -> None:
        for model in (InboundMessage, Message, Appointment, OptOut, SenderHold):
            model._default_manager.all()._raw_delete("default")
        self.twilio.reset()
        self.salon = make_salon()
        self.user = make_user(self.salon)
        self.customers = [make_customer(self.salon, full_name=f"Ada {number}") for number in range(2)]
        self.told: list[Told] = []
        self.sleepers: list[Sleeper] = []
        self.opted_out: set[str] = set()
        self.failures: Counter[int] = Counter()  # reports of failure, by message id
        self.texts: list[dict[str, Any]] = []  # that Twilio has accepted
        self.accepted: Counter[int] = Counter()  # the same, by message id
        self.numbers = itertools.count(1)
        for who, minutes in enumerate(ahead):
            self.book(who, minutes)

    # One rule, so that every kind of event stands a chance in every life: Hypothesis leaves rules out at random.
    @rule(event=st.integers(0, 2).flatmap([STAFF, DELIVERIES, PASSING].__getitem__))
    def happens(self, event: Event) -> None:
        name, arguments = event
        getattr(self, name)(**arguments)

    # --- What staff and customers do ----------------------------------------------------------------------

    def book(self, who: int, ahead: int) -> None:
        customer = self.customers[who % len(self.customers)]
        booking = services.book(
            salon=self.salon, user=self.user, customer=customer, appointment_time=self._ahead(ahead)
        )
        self.told.append(Told(booking.pk, customer))

    def import_past_the_hooks(self, who: int, ahead: int) -> None:
        customer = self.customers[who % len(self.customers)]
        fields: dict[str, Any] = {"salon": self.salon, "user": self.user, "customer": customer}
        (booking,) = Appointment.objects.bulk_create([Appointment(**fields, appointment_time=self._ahead(ahead))])
        self.told.append(Told(booking.pk, customer, is_imported=True))

    def move(self, which: int, ahead: int) -> None:
        for told in self._pick(which):
            services.change(told.booking_id, appointment_time=self._ahead(ahead))
            told.is_imported = False

    def move_past_the_hooks(self, which: int, ahead: int) -> None:
        for told in self._pick(which):
            Appointment.objects.filter(pk=told.booking_id).update(appointment_time=self._ahead(ahead))

    def save_without_change(self, which: int) -> None:
        planning.plan_unplanned()
        before = list(Message.objects.order_by("pk").values_list("pk", "status", "due_at"))
        for told in self._pick(which):
            Appointment.objects.get(pk=told.booking_id).save()
        assert list(Message.objects.order_by("pk").values_list("pk", "status", "due_at")) == before

    def cancel(self, which: int) -> None:
        for told in self._pick(which):
            services.change(told.booking_id, status=Appointment.Status.CANCELLED)
            told.is_booked = False

    def book_again(self, which: int, ahead: int) -> None:
        cancelled = [told for told in self.told if not told.is_booked and self._booking(told)]
        for told in _one_of(cancelled, which):
            booked = Appointment.Status.BOOKED
            services.change(told.booking_id, status=booked, appointment_time=self._ahead(ahead))
            told.is_booked, told.is_imported = True, False

    def delete(self, which: int) -> None:
        for told in self._pick(which):
            Appointment.objects.filter(pk=told.booking_id).delete()
            told.is_booked = False

    def give_to_another(self, which: int) -> None:
        for told in self._pick(which):
            other = next(customer for customer in self.customers if customer != told.customer)
            before = Appointment.objects.get(pk=told.booking_id)
            services.change(told.booking_id, customer=other)
            if before.texts_planned_for is not None and before.texts_planned_for > database_now():
                told.former = (told.former | {told.customer}) - {other}
                told.is_imported = False
            told.customer = other

    def change_minutes(self, minutes: int) -> None:
        change_salon(self.salon, reminder_time_minutes=minutes)

    def change_zone(self, zone: str) -> None:
        change_salon(self.salon, timezone=zone)

    def reply(self, who: int, word: str) -> None:
        phone = str(self.customers[who % len(self.customers)].phone_number)
        inbox.receive(inbox.Incoming(f"SM{next(self.numbers):032}", phone, SENDER, word, is_answered_by_twilio=False))
        self.opted_out = self.opted_out | {phone} if word == "STOP" else self.opted_out - {phone}

    # --- What our processes do, and how they die -----------------------------------------------------------

    def deliver(self, which: int, mood: str, dies: str) -> None:
        for message in _one_of(due_messages(), which):
            with self._mood(mood), _dying(dies), contextlib.suppress(WorkerDied):
                DELIVER[Kind(message.kind)](message.booking_id)
        self._check_new_texts()

    def claim_and_sleep(self, which: int) -> None:
        for message in _one_of(due_messages(), which):
            with _asleep() as claims, contextlib.suppress(WorkerDied):
                DELIVER[Kind(message.kind)](message.booking_id)
            self.sleepers += [Sleeper(claim) for claim in claims]

    def wake_up(self, which: int, mood: str) -> None:
        for sleeper in _one_of(self.sleepers, which):
            self.sleepers.remove(sleeper)
            with self._mood(mood):
                _finish(sleeper.claim)
        self._new_texts()  # what was claimed in time may be overtaken by a change

    def time_passes(self, seconds: int) -> None:
        interval = timedelta(seconds=seconds)
        let_time_pass(interval)
        SenderHold.objects.all().update(probe_at=F("probe_at") - interval)
        for sleeper in self.sleepers:
            sleeper.claim = replace(sleeper.claim, deadline=sleeper.claim.deadline - seconds)

    def keep_house(self) -> None:
        planning.plan_unplanned()
        reconcile.trace_unknown()
        holds.choose_probe()

    # --- What Twilio reports ---------------------------------------------------------------------------------

    def report(self, which: int, status: str, times: int) -> None:
        for text in _one_of(self.texts, which) * times:
            callbacks.record(_report(text, status))

    def report_failure(self, which: int, code: int) -> None:
        for text in _one_of(self.texts, which):
            callbacks.record(_report(text, "undelivered", code))
            self.failures[_message_id(text)] += 1

    # --- What must hold --------------------------------------------------------------------------------------

    @invariant()
    def the_ledger_is_sound(self) -> None:
        rows = list(Message.objects.all()) if hasattr(self, "told") else []
        pending = Counter((row.booking_id, row.kind, row.customer_id) for row in rows if row.status == Status.PENDING)
        assert not [key for key, count in pending.items() if count > 1]
        for row in rows:
            assert row.sid or row.status not in ARRIVED
            assert row.reason or row.status in (*UNSETTLED, *ARRIVED), f"{row} without a reason"
            assert self.accepted[row.pk] <= 1 + min(self.failures[row.pk], 1), f"{row} was accepted twice"
        self._check_moments([row for row in rows if row.status == Status.PENDING and row.kind == Kind.REMINDER])

    def _check_moments(self, reminders: list[Message]) -> None:
        """They follow the salon's minutes, but for those whose moment had passed."""
        minutes, now = Salon.objects.get(pk=self.salon.pk).reminder_time_minutes, database_now()
        for row in reminders:
            moment = row.visit_at - timedelta(minutes=minutes)
            assert row.due_at == moment or moment <= now

    def teardown(self) -> None:
        """Quiet: everybody awake and healthy, for as long as it takes. Then nothing is owed any more."""
        if not hasattr(self, "told"):
            return
        for _ in range(40):
            self.keep_house()
            for message in due_messages():
                DELIVER[Kind(message.kind)](message.booking_id)
            self._check_new_texts()
            if not self._open_rows():
                break
            self.time_passes(16)
        assert self._open_rows() == []
        self.the_ledger_is_sound()
        for told in self.told:
            self._check_owed(told)

    def _open_rows(self) -> list[tuple[Any, ...]]:
        """What is not settled although its time has come."""
        overdue = Message.objects.filter(status__in=UNSETTLED, due_at__lte=database_now())
        return [(row.pk, row.kind, row.status, row.reason, row.trail) for row in overdue]

    def _check_owed(self, told: Told) -> None:
        for customer in told.former:
            told_so = Message.objects.filter(booking_id=told.booking_id, kind=Kind.CANCELLATION, customer=customer)
            assert any(self._is_settled(row) for row in told_so), f"{customer} does not know that the visit is lost"
        booking = self._booking(told)
        if booking is None or booking.status != Appointment.Status.BOOKED or booking.appointment_time <= database_now():
            return
        kinds = [Kind.REMINDER] if told.is_imported else [Kind.CONFIRMATION, Kind.REMINDER]
        for kind in kinds:
            rows = list(
                Message.objects.filter(booking_id=told.booking_id, kind=kind, visit_at=booking.appointment_time)
            )
            assert any(self._is_settled(row) for row in rows), (kind, [(r.status, r.reason) for r in rows])

    def _is_settled(self, row: Message) -> bool:
        return (
            row.status in ARRIVED
            or (row.status == Status.PENDING and row.due_at > database_now())
            or (row.status == Status.SKIPPED and row.reason in ("opted out", "booked inside the reminder window"))
            or (row.status == Status.FAILED and self.failures[row.pk] > 0)
            or (row.status == Status.EXPIRED)
        )

    def _check_new_texts(self) -> None:
        """Each text that Twilio has just taken is right at this moment."""
        for text in self._new_texts():
            assert text["to"] not in self.opted_out, "a text to somebody who opted out"
            row = Message.objects.get(pk=_message_id(text))
            booking = Appointment.objects.select_related("salon", "customer").filter(pk=row.booking_id).first()
            if row.kind == Kind.CANCELLATION:
                is_theirs = booking is not None and booking.customer_id == row.customer_id
                assert not (is_theirs and _takes_place(booking, row.visit_at)), "cancelled, but it takes place"
            else:
                assert booking is not None, f"{row.kind} of a visit that was deleted"
                assert _takes_place(booking, booking.appointment_time), f"{row.kind} of a visit that was cancelled"
                say = texts.confirmation if row.kind == Kind.CONFIRMATION else texts.reminder
                assert text["body"] == say(booking), f"a stale {row.kind}"
                assert row.visit_at == booking.appointment_time, f"a {row.kind} that was planned for another time"
                assert text["to"] == str(booking.customer.phone_number), "to the wrong person"
                assert booking.appointment_time > database_now() - timedelta(minutes=1), "too late to help"
            assert row.due_at <= database_now(), "before its time"

    def _new_texts(self) -> list[dict[str, Any]]:
        messages = self.twilio.messages()
        new, self.texts = messages[len(self.texts) :], messages
        self.accepted.update(_message_id(text) for text in new)
        return new

    # --- Small things ----------------------------------------------------------------------------------------

    def _ahead(self, minutes: int) -> datetime:
        """A time of its own for every call: the words of two texts never agree by chance."""
        number = next(self.numbers)
        return database_now() + timedelta(minutes=minutes + number % 7, microseconds=number)

    def _booking(self, told: Told) -> Appointment | None:
        return Appointment.objects.filter(pk=told.booking_id).first()

    def _pick(self, which: int) -> list[Told]:
        return _one_of([told for told in self.told if told.is_booked], which)

    @contextlib.contextmanager
    def _mood(self, mood: str) -> Iterator[None]:
        if mood == "unauthorised":
            self.twilio.fault("error", probability=1.0, code=20003, status=401)
        elif mood != "healthy":
            self.twilio.fault(mood, probability=1.0)
        yield
        self.twilio.clear_faults()


def _finish(claim: delivery.Claim) -> None:
    """The rest of `delivery.deliver`."""
    try:
        accepted = delivery.hand_over(claim)
    except TransportError as error:
        delivery.record_failure(claim, error)
    else:
        delivery.record_accepted(claim, accepted)


def _takes_place(booking: Appointment | None, visit_at: datetime) -> bool:
    return booking is not None and booking.status == Appointment.Status.BOOKED and booking.appointment_time == visit_at


def _message_id(text: dict[str, Any]) -> int:
    return int(parse_qs(urlsplit(text["status_callback"]).query)["message"][0])


def _report(text: dict[str, Any], status: str, code: int | None = None) -> callbacks.Report:
    query = parse_qs(urlsplit(text["status_callback"]).query)
    return callbacks.Report(text["sid"], status, code, int(query["message"][0]), int(query["attempt"][0]))


@contextlib.contextmanager
def _dying(when: str) -> Iterator[None]:
    """A worker that dies before a step of `delivery.deliver`."""
    steps = {
        "before claim": ("claim",),
        "before POST": ("hand_over",),
        "before record": ("record_accepted", "record_failure"),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name in steps.get(when, ()):
            patch.setattr(delivery, name, _die)
        yield


def _die(*_: object) -> None:
    raise WorkerDied


@contextlib.contextmanager
def _asleep() -> Iterator[list[delivery.Claim]]:
    """Claims that their worker holds without asking Twilio yet."""
    claims: list[delivery.Claim] = []

    def sleep(claim: delivery.Claim) -> None:
        claims.append(claim)
        raise WorkerDied

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delivery, "hand_over", sleep)
        yield claims


@pytest.mark.django_db(transaction=True)
def test_promises_hold_in_every_order_of_events(settings: Any, twilio: EmulatorClient, monkeypatch: Any) -> None:
    settings.PUBLIC_BASE_URL = "http://127.0.0.1:9"  # puts our message id into each text; nobody listens there
    settings.SMS_RECONCILE_SECONDS = 20.0
    monkeypatch.setattr(planning, "nudge", lambda *_: None)
    Deliveries.twilio = twilio
    run_state_machine_as_test(Deliveries, settings=SETTINGS)


SETTINGS = settings(
    max_examples=40,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
