from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models, transaction
from django_extensions.db.models import TimeStampedModel

from address.countries import country_of
from address.models import Address
from booking_api.models import CommonInfo
from salon.timezones import validate_timezone
from sms import ledger

if TYPE_CHECKING:
    from user.models import ExtendedUser

MAX_REMINDER_TIME_MINUTES = 43_200  # 30 days
MAX_LATE_CANCEL_HOURS = 720


def default_timezone() -> str:
    timezone: str = settings.DEFAULT_TIMEZONE
    return timezone


class SalonQuerySet(models.QuerySet["Salon"]):
    def visible_to(self, user: ExtendedUser) -> SalonQuerySet:
        """The salons a user works for; all of them for a platform admin."""
        return self if user.is_superuser else self.filter(pk__in=user.salon_ids)


class Salon(CommonInfo, TimeStampedModel):
    name = models.CharField(max_length=120)
    addresses = models.ManyToManyField(Address, blank=True, related_name="salons")
    reminder_time_minutes = models.PositiveIntegerField(
        default=60,
        validators=[MaxValueValidator(MAX_REMINDER_TIME_MINUTES)],
        help_text="How many minutes before the visit the reminder goes out.",
    )
    late_cancel_hours = models.PositiveSmallIntegerField(
        default=24,
        validators=[MaxValueValidator(MAX_LATE_CANCEL_HOURS)],
        help_text="A customer who cancels later than this before the visit cancels late.",
    )
    timezone = models.CharField(
        max_length=64,
        default=default_timezone,
        validators=[validate_timezone],
        help_text="IANA name; texts show the salon's local time.",
    )

    objects = SalonQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(reminder_time_minutes__lte=MAX_REMINDER_TIME_MINUTES),
                name="salon_reminder_time_minutes_max",
            )
        ]

    # How many pending reminders the last save moved.
    reminders_moved: int = 0

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def country(self) -> str:
        """Where it lies (ISO 3166-1 alpha-2): by its first address, else by its phone number."""
        address = self.addresses.order_by("pk").first()
        return address.country if address else country_of(self.phone_number)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, and in the same transaction move every pending reminder to the salon's minutes.

        Bookings made at the same time wait for this row (`appointment.planning`), so none keeps the old minutes.
        A changed time zone moves no reminder: visits are stored in UTC, and a text is worded when it goes out.
        """
        with transaction.atomic():
            is_new = self._state.adding
            super().save(*args, **kwargs)
            fields = kwargs.get("update_fields")
            are_minutes_saved = not is_new and (fields is None or "reminder_time_minutes" in fields)
            self.reminders_moved = (
                ledger.move_reminders(self.pk, self.reminder_time_minutes) if are_minutes_saved else 0
            )
