"""What the `dramatiq` command loads: Django with its system checks, then the broker and every actor."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "booking_api.settings")
django.setup()

from booking_api.broker import broker  # noqa: E402
from booking_api.checks import check_or_exit  # noqa: E402
from sms import delivery, transport  # noqa: E402
from sms.batches import StartBatches  # noqa: E402
from sms.heartbeats import WorkerHeartbeat  # noqa: E402

check_or_exit()
transport.preload()
broker.add_middleware(WorkerHeartbeat())
broker.add_middleware(StartBatches(delivery.claims, delivery.records))

__all__ = ["broker"]
