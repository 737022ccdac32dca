from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from appointment.models import Appointment
from sms import diagnosis
from sms.models import Message


class Command(BaseCommand):
    help = "Say in plain words what is stuck, why, and what will happen next."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--booking", type=int, metavar="ID", help="Tell the story of this booking's texts.")

    def handle(self, *args: Any, booking: int | None = None, **options: Any) -> None:
        try:
            if booking is not None:
                self._tell_story(booking)
            else:
                self._tell_findings()
        except DatabaseError as error:
            why = str(error).strip().splitlines()[0]
            raise CommandError(
                f"PostgreSQL does not give the ledger ({why}). Nothing can be booked or sent until it does; look at "
                "DATABASE_URL and at the server, and after a release run manage.py migrate."
            ) from error

    def _tell_findings(self) -> None:
        findings = list(diagnosis.findings())
        unplanned = Appointment.objects.with_unplanned_texts().count()
        if unplanned:
            findings.append(f"{unplanned} bookings have no texts planned yet; a dispatcher plans them within seconds.")
        for finding in findings or ["All is well: nothing is overdue, in doubt or stopped."]:
            self.stdout.write(finding)

    def _tell_story(self, booking_id: int) -> None:
        exists = Appointment.objects.filter(pk=booking_id).exists()
        if not exists and not Message.objects.filter(booking_id=booking_id).exists():
            raise CommandError(f"There is no booking {booking_id}, and there never was a text for one.")
        self.stdout.write(f"Booking {booking_id}{'' if exists else ' (deleted)'}")
        for line in diagnosis.story(booking_id):
            self.stdout.write(line)
