from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from sms.archive import archive

SHORTEST_KEPT_DAYS = 31


class Command(BaseCommand):
    help = (
        "Move the texts of visits before a day, with the replies to them, from the ledger into a file (docs/scale.md)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--before", required=True, metavar="YYYY-MM-DD", help="Visits of that day (UTC) stay.")
        parser.add_argument("--to", type=Path, required=True, metavar="DIRECTORY")

    def handle(self, *args: Any, before: str, to: Path, **options: Any) -> None:
        try:
            day = date.fromisoformat(before)
        except ValueError as error:
            raise CommandError(f"--before {before}: give a day such as 2026-01-31.") from error
        if (datetime.now(UTC).date() - day).days < SHORTEST_KEPT_DAYS:
            raise CommandError(
                f"--before {before}: staff still look at it. Give a day at least {SHORTEST_KEPT_DAYS} days ago."
            )
        if not to.is_dir():
            raise CommandError(f"{to}: there is no such directory. Make it first.")
        try:
            path, moved = archive(datetime.combine(day, time(), UTC), to)
        except OSError as error:
            raise CommandError(f"{to}: {error.strerror}. What was not written is still in the ledger.") from error
        self.stdout.write(f"{moved} texts moved to {path}." if path else "There is nothing to move.")
