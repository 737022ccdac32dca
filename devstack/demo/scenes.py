"""The scenes of the demo: what staff do, and which texts that owes whom. They run beside each other."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from devstack import logins
from devstack.demo import wording
from devstack.demo.api import Api
from devstack.demo.verdict import ALLOWED_MS, Owed

ZONE = "America/New_York"  # never UTC, summer or winter
VISIT_MINUTES = 30
ARRIVAL_SECONDS = 10.0
PAUSE_SECONDS = 2.0  # so that a reader can follow
FIRST_PHONE, PHONES = 7_400_100_000, 800_000


@dataclass(frozen=True)
class Salon:
    """A salon of the demo."""

    id: int
    name: str
    reminder_minutes: int


@dataclass(frozen=True)
class Cast:
    """Who is on stage: a member of staff who books, an admin, a salon for each scene that changes one."""

    admin: Api
    staff: Api
    staff_id: int
    salons: dict[str, Salon]
    zone: ZoneInfo
    first_phone: int

    @classmethod
    def assemble(cls, admin: Api, run: str) -> "Cast":
        """Make the salons and the member of staff over the API, as `admin`. `run` keeps e-mails apart."""
        minutes = {"Corner Cuts": 1, "Longer Notice": 1, "Shorter Notice": 2}
        salons = {name: _make_salon(admin, name, lead) for name, lead in minutes.items()}
        email = f"staff-{run}@demo.example"
        passwords = {"password1": logins.PASSWORD, "password2": logins.PASSWORD}
        registration = {
            "email": email,
            "full_name": "Sam Reid",
            "phone_number": "+447400999999",
            "salons": [salon.id for salon in salons.values()],
        }
        staff_id = admin.post("/users/register/", registration | passwords).body["id"]
        staff = admin.copy()
        staff.log_in(email, logins.PASSWORD)
        first_phone = FIRST_PHONE + int(run, 16) % PHONES
        return cls(admin, staff, staff_id, salons, ZoneInfo(ZONE), first_phone)


def _make_salon(admin: Api, name: str, minutes: int) -> Salon:
    body = {
        "name": name,
        "phone_number": "+12125550100",
        "addresses": [{"street": "12 Mercer Street", "city": "New York", "postal_code": "10013", "country": "US"}],
        "reminder_time_minutes": minutes,
        "timezone": ZONE,
    }
    return Salon(admin.post("/salons/", body).body["id"], name, minutes)


@dataclass
class Visit:
    """A booking as the demo knows it."""

    id: int
    at: datetime
    confirmed: Owed


@dataclass
class Scene:
    """One customer's story: does things over the API and notes what each of them owes."""

    name: str
    cast: Cast
    salon: Salon
    customer: str
    number: int
    say: Callable[[str], None]
    has_arrived: Callable[[Owed], bool]
    allowed_ms: float = ALLOWED_MS
    owed: list[Owed] = field(default_factory=list)
    # Moments at which a withdrawn text would have gone: the demo lasts until they have passed.
    watched_until_ms: float = 0

    def __post_init__(self) -> None:
        self.staff, self.admin = self.cast.staff.copy(), self.cast.admin.copy()
        self.phone = f"+44{self.cast.first_phone + self.number}"

    def book(self, in_seconds: float) -> Visit:
        """Make the customer and the booking; its confirmation is owed now."""
        customer = {"full_name": self.customer, "phone_number": self.phone, "salon_ids": [self.salon.id]}
        customer_id = self.staff.post("/customers/", customer).body["id"]
        at = _in(in_seconds)
        booking = {
            "salon": self.salon.id,
            "user": self.cast.staff_id,
            "customer": customer_id,
            "comment": self.name,
            "column_id": self.number,
        }
        self.say(f"books {self.customer} at {self.salon.name} for {self._clock(at)}, {in_seconds:.0f} s ahead")
        answer = self.staff.post("/appointments/", booking | _times(at))
        return Visit(answer.body["id"], at, self._owe_confirmation(at, answer.at_ms))

    def move(self, visit: Visit, in_seconds: float) -> None:
        """Change the time; a second confirmation is owed, and at the old reminder's moment nothing."""
        self._watch(visit.at - self._lead())
        visit.at = _in(in_seconds)
        self.say(f"moves {self.customer} to {self._clock(visit.at)}, {in_seconds:.0f} s ahead")
        answer = self.staff.patch(f"/appointments/{visit.id}/", _times(visit.at))
        visit.confirmed = self._owe_confirmation(visit.at, answer.at_ms)

    def comment(self, visit: Visit) -> None:
        """Change something else than the time: nothing is owed."""
        self.say(f"notes something about {self.customer}'s visit (no text)")
        self.staff.patch(f"/appointments/{visit.id}/", {"comment": "Prefers the chair by the window"})

    def delete(self, visit: Visit) -> None:
        """Delete the booking: a cancellation is owed, and no reminder."""
        self._watch(visit.at - self._lead())
        self.say(f"deletes {self.customer}'s booking")
        at_ms = self.staff.delete(f"/appointments/{visit.id}/").at_ms
        self._owe("cancellation", wording.cancellation(visit.at, self.cast.zone), at_ms)

    def change_minutes(self, visit: Visit, minutes: int) -> None:
        """Change the salon's reminder time: at the old moment nothing is owed."""
        self._watch(visit.at - self._lead())
        self.say(f"PATCHes {self.salon.name}: reminder_time_minutes {self.salon.reminder_minutes} to {minutes}")
        self.admin.patch(f"/salons/{self.salon.id}/", {"reminder_time_minutes": minutes})
        self.salon = Salon(self.salon.id, self.salon.name, minutes)

    def owe_reminder(self, visit: Visit) -> None:
        body = wording.reminder(self.customer, self.salon.name, visit.at, self.cast.zone)
        self._owe("reminder", body, (visit.at - self._lead()).timestamp() * 1000)

    def nothing_at(self, moment: datetime) -> None:
        """Watch `moment` too: a text at it would be one too many."""
        self._watch(moment)

    def wait_for(self, owed: Owed) -> None:
        """Let `owed` arrive before the story goes on (a text that is overtaken is rightly never sent)."""
        until = time.monotonic() + ARRIVAL_SECONDS
        while time.monotonic() < until and not self.has_arrived(owed):
            time.sleep(0.05)
        time.sleep(PAUSE_SECONDS)

    def _owe_confirmation(self, at: datetime, answered_ms: float) -> Owed:
        body = wording.confirmation(self.customer, self.salon.name, at, self.cast.zone)
        return self._owe("confirmation", body, answered_ms)

    def _owe(self, kind: str, body: str, due_ms: float) -> Owed:
        text = Owed(self.name, kind, self.phone, body, due_ms, self.allowed_ms)
        self.owed.append(text)
        self._watch(datetime.fromtimestamp(due_ms / 1000, UTC))
        return text

    def _watch(self, moment: datetime) -> None:
        self.watched_until_ms = max(self.watched_until_ms, moment.timestamp() * 1000)

    def _lead(self) -> timedelta:
        return timedelta(minutes=self.salon.reminder_minutes)

    def _clock(self, moment: datetime) -> str:
        return f"{moment.astimezone(self.cast.zone):%H:%M:%S}"


def _in(seconds: float) -> datetime:
    """The whole second about `seconds` from now."""
    return datetime.fromtimestamp(math.ceil(time.time() + seconds), UTC)


def _times(at: datetime) -> dict[str, Any]:
    end = at + timedelta(minutes=VISIT_MINUTES)
    return {"appointment_time": at.isoformat(), "end_time": end.isoformat()}


def opening(scene: Scene) -> None:
    """The first text of processes that have just started; whoever measures them lets them do one first."""
    visit = scene.book(in_seconds=7200)
    scene.wait_for(visit.confirmed)


def reminded(scene: Scene) -> None:
    visit = scene.book(in_seconds=75)
    scene.owe_reminder(visit)
    scene.wait_for(visit.confirmed)
    scene.comment(visit)


def moved(scene: Scene) -> None:
    visit = scene.book(in_seconds=80)
    scene.wait_for(visit.confirmed)
    scene.move(visit, in_seconds=110)
    scene.owe_reminder(visit)


def deleted(scene: Scene) -> None:
    visit = scene.book(in_seconds=85)
    scene.wait_for(visit.confirmed)
    scene.delete(visit)


def booked_late(scene: Scene) -> None:
    visit = scene.book(in_seconds=30)
    scene.nothing_at(visit.at)


def reminder_earlier(scene: Scene) -> None:
    visit = scene.book(in_seconds=140)
    scene.wait_for(visit.confirmed)
    scene.change_minutes(visit, 2)
    scene.owe_reminder(visit)


def reminder_later(scene: Scene) -> None:
    visit = scene.book(in_seconds=140)
    scene.wait_for(visit.confirmed)
    scene.change_minutes(visit, 1)
    scene.owe_reminder(visit)


@dataclass(frozen=True)
class Story:
    """A scene's place in the programme."""

    name: str
    salon: str
    customer: str
    act: Callable[[Scene], None]


OPENING = Story("opening: the first text of all", "Corner Cuts", "Zoe Quill", opening)
OPENING_ALLOWED_MS = 10_000.0
PROGRAMME = (
    Story("booked, reminded a minute ahead", "Corner Cuts", "Ada Byron", reminded),
    Story("moved: the old reminder never goes", "Corner Cuts", "Ben Whitaker", moved),
    Story("deleted: cancellation, no reminder", "Corner Cuts", "Cleo Martin", deleted),
    Story("booked too late for a reminder", "Corner Cuts", "Dev Patel", booked_late),
    Story("salon's minutes 1 to 2: goes earlier", "Longer Notice", "Elif Demir", reminder_earlier),
    Story("salon's minutes 2 to 1: goes later", "Shorter Notice", "Fergus Boyd", reminder_later),
)
