from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from transfer.management.commands.import_csv import salon_by_key
from transfer.services import export_csv
from transfer.tables import TABLES


class Command(BaseCommand):
    help = "Write a salon's data as CSV, to a file or to stdout (docs/import.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=list(TABLES), metavar="WHAT", help=" | ".join(TABLES))
        parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="Stands right after WHAT.")
        parser.add_argument("--salon", type=int, required=True, metavar="ID")

    def handle(self, *args: Any, what: str, salon: int, file: Path | None, **options: Any) -> None:
        rows = export_csv(what, salon=salon_by_key(salon))
        if file is None:
            for part in rows:
                self.stdout.write(part, ending="")
            return
        try:
            with file.open("w", encoding="utf-8", newline="") as opened:
                opened.writelines(rows)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}.") from error
