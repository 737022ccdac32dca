"""The system on trial, as the suite needs it: salons to book at, whether it has gone quiet, what came of a booking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tests.faults.verdict import Minutes
from tests.faults.workload import SALONS, SCRIPTS, ZONE, Salon
from tests.processes import BookingApi, SeededSalon, Stack

SPARE = 6.0  # customers for each booking: one whose answer is lost is tried again with another
CLIENT_TIMEOUT_SECONDS = 10.0
SCENARIOS_SEEDED_AT_ONCE = 8


@dataclass(frozen=True)
class Stored:
    """A booking as the database has it."""

    visit_at: datetime
    is_cancelled: bool


class System(Protocol):
    stack: Stack

    def open_salons(self, bookings: int) -> dict[str, Salon]: ...

    def close_salons(self) -> None:
        """Forget what waits for later: half an hour on it would go out in the middle of another scenario."""

    def unfinished(self, due_before: float) -> int:
        """How many texts that were due by then (seconds since the epoch) are not settled."""

    def stored(self, customer_id: int) -> Stored | None: ...

    def outcomes(self, since: float) -> Mapping[str, int]:
        """How texts that did not go out at the first attempt ended, for the report."""


class Product:
    """The product: its own API, its ledger."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._api: BookingApi | None = None
        self._seeded: list[SeededSalon] = []

    def open_salons(self, bookings: int) -> dict[str, Salon]:
        if not self._seeded:
            self._seed(bookings)
        salons, self._seeded = self._seeded[: len(SALONS)], self._seeded[len(SALONS) :]
        if self._api is None:
            self._api = self.stack.login(salons[0].owner, timeout_seconds=CLIENT_TIMEOUT_SECONDS)
        return {
            name: Salon(salon, self._api, [Minutes(minutes, 0.0, 0.0)])
            for salon, (name, (minutes, _)) in zip(salons, SALONS.items(), strict=True)
        }

    def _seed(self, bookings: int) -> None:
        wanted = [
            {
                "customers": customers_needed(name, bookings),
                "owner": "owner@salon.example",
                "fields": {"timezone": ZONE, "reminder_time_minutes": minutes},
            }
            for name, (minutes, _) in SALONS.items()
        ]
        self._seeded = self.stack.seed_each(wanted * SCENARIOS_SEEDED_AT_ONCE)

    def close_salons(self) -> None:
        self.stack.query(
            "UPDATE sms_message SET status = 'cancelled', reason = 'the scenario is over' WHERE status = 'pending'"
        )

    def unfinished(self, due_before: float) -> int:
        ((count,),) = self.stack.query(
            "SELECT count(*) FROM sms_message WHERE status IN ('pending', 'sending', 'unknown')"
            " AND due_at <= to_timestamp(%s)",
            [due_before],
        )
        return int(count)

    def stored(self, customer_id: int) -> Stored | None:
        rows = self.stack.query(
            "SELECT appointment_time, status = 'cancelled' FROM appointment_appointment WHERE customer_id = %s",
            [customer_id],
        )
        return Stored(*rows[0]) if rows else None

    def outcomes(self, since: float) -> Mapping[str, int]:
        rows = self.stack.query(
            "SELECT concat_ws(': ', status, nullif(reason, '')), count(*) FROM sms_message"
            " WHERE created_at >= to_timestamp(%s) AND trail <> '[]'::jsonb GROUP BY 1 ORDER BY 2 DESC",
            [since],
        )
        return dict(rows)


def customers_needed(salon: str, bookings: int) -> int:
    share = sum(weight for weight, name, _ in SCRIPTS if name == salon) / sum(weight for weight, _, _ in SCRIPTS)
    return int(bookings * share * (1 + SPARE)) + 40
