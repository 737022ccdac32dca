"""The product's settings, one app further."""

from booking_api.settings import *  # noqa: F403
from booking_api.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.next_release"]
