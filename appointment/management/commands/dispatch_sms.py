import signal
from typing import Any

from django.core.management.base import BaseCommand

from appointment import services
from sms.dispatch import CHORES, Chore, Dispatcher


class Command(BaseCommand):
    help = "Offer due texts to the workers, until told to stop. Any number of these may run."

    def handle(self, *args: Any, **options: Any) -> None:
        dispatcher = Dispatcher([Chore(services.plan_unplanned, interval_seconds=2.0), *CHORES])
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: dispatcher.stop())
        dispatcher.run()
