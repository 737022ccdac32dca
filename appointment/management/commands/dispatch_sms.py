import os
import signal
import sys
import threading
from typing import Any

from django.core.management.base import BaseCommand

from appointment import planning
from booking_api import idempotency
from sms.dispatch import CHORES, Chore, Dispatcher


class Command(BaseCommand):
    help = "Offer due texts to the workers, until told to stop. Any number of these may run."

    def handle(self, *args: Any, **options: Any) -> None:
        own_chores = [
            Chore(planning.plan_unplanned, interval_seconds=2.0),
            Chore(idempotency.forget_expired, interval_seconds=60.0),
        ]
        dispatcher = Dispatcher([*own_chores, *CHORES])
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: dispatcher.stop())
        dispatcher.run()
        if threading.active_count() > 1:
            # A lookup hangs at Twilio. Nothing is lost with it: whoever looks next begins anew.
            sys.stderr.flush()
            os._exit(0)
