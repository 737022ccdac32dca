from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, Q
from django.http import HttpRequest
from django_extensions.db.models import TimeStampedModel
from simple_history.models import HistoricalRecords

from appointment import rules, services
from customer.models import Customer
from salon.models import Salon

if TYPE_CHECKING:
    from user.models import ExtendedUser


class AppointmentQuerySet(models.QuerySet["Appointment"]):
    def visible_to(self, user: ExtendedUser) -> AppointmentQuerySet:
        """The appointments of the salons a user works for."""
        return self if user.is_superuser else self.filter(salon__in=user.salons.all())

    def ahead(self) -> AppointmentQuerySet:
        """Booked visits that have not begun."""
        return self.filter(status=Appointment.Status.BOOKED, appointment_time__gt=models.functions.Now())

    def with_unplanned_texts(self) -> AppointmentQuerySet:
        """Bookings whose texts do not match them: written by `bulk_create`, `update()` or SQL, past the hooks.

        The condition is that of a partial index, so that a look costs nothing while there are none.
        """
        return self.filter(UNPLANNED)


VISIT_RANGE = models.Func(
    F("appointment_time"), F("end_time"), RangeBoundary(), function="TSTZRANGE", output_field=DateTimeRangeField()
)
# A visit in one of these states takes its column's time.
OCCUPYING = ("booked", "completed")


def history_author(request: HttpRequest | None, **kwargs: Any) -> ExtendedUser | None:
    """Whose name a change bears: the user of the request; None for a shell, an import or an API key."""
    user = getattr(request, "user", None)
    return user if isinstance(user, get_user_model()) else None


class Appointment(TimeStampedModel):
    """A visit. Saving and deleting are the hooks that plan its texts, in the same transaction."""

    class Status(models.TextChoices):
        BOOKED = "booked"
        CANCELLED = "cancelled"
        COMPLETED = "completed"
        NO_SHOW = "no_show"

    salon = models.ForeignKey(Salon, on_delete=models.CASCADE, related_name="appointments", db_index=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="appointments",
        help_text="Who serves the customer.",
    )
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="appointments")
    appointment_time = models.DateTimeField()
    end_time = models.DateTimeField(null=True, blank=True)
    comment = models.TextField(blank=True, default="", max_length=2000)
    column_id = models.PositiveSmallIntegerField(default=1, help_text="The chair: a column of the day.")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.BOOKED)
    cancel_reason = models.CharField(max_length=200, blank=True, default="", help_text="For the staff; not sent.")
    allow_overlap = models.BooleanField(
        default=False, help_text="Chosen by the staff: this booking may share its column's time with others."
    )
    task_id = models.CharField(
        max_length=50,
        blank=True,
        editable=False,
        help_text="The reminder now scheduled: its id in the ledger.",
    )
    texts_planned_for = models.DateTimeField(
        null=True, editable=False, help_text="The appointment time that the planned texts speak of."
    )

    objects = AppointmentQuerySet.as_manager()
    history = HistoricalRecords(
        excluded_fields=["created", "modified", "task_id", "texts_planned_for"], get_user=history_author
    )

    class Meta:
        ordering = ["appointment_time", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(end_time__isnull=True) | Q(end_time__gt=F("appointment_time")),
                name="appointment_ends_after_it_begins",
            ),
            # Against two requests at once, and whoever writes past the rules. That a booking which allows overlap still
            # stands in the way of later ones depends on who came first: `appointment.rules` sees to it, under a lock.
            ExclusionConstraint(
                name="appointment_no_overlap",
                expressions=[
                    ("salon", RangeOperators.EQUAL),
                    ("column_id", RangeOperators.EQUAL),
                    (VISIT_RANGE, RangeOperators.OVERLAPS),
                ],
                condition=Q(status__in=OCCUPYING, end_time__isnull=False, allow_overlap=False),
            ),
        ]
        indexes = [
            models.Index(fields=["salon", "appointment_time"], name="appointment_by_salon_day"),
            models.Index(
                fields=["id"],
                name="appointment_unplanned",
                condition=(
                    Q(status="booked")
                    & (Q(texts_planned_for__isnull=True) | ~Q(texts_planned_for=F("appointment_time")))
                )
                | (~Q(status="booked") & Q(texts_planned_for__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.customer} at {self.salon}, {self.appointment_time:%Y-%m-%d %H:%M} UTC"

    def clean(self) -> None:
        """The booking rules, for forms; the API calls the same ones (`appointment.services`)."""
        if None in (self.salon_id, self.user_id, self.customer_id, self.appointment_time):
            return  # the form itself says what is missing
        try:
            rules.check(self, services.stored(self))
        except rules.RuleBroken as broken:
            raise ValidationError({broken.field: ValidationError(broken.message, broken.code)}) from broken

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, and plan the texts that the change calls for; both commit together.

        After the commit a worker is nudged to send what is due now.
        """
        with transaction.atomic():
            before = services.lock(self)
            # What is planned is the database's to say: this object may be older than the row, or a copy of another.
            self.task_id = before.task_id if before else ""
            self.texts_planned_for = before.texts_planned_for if before else None
            super().save(*args, **kwargs)
            services.plan_texts(self, before)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete; the customer of a visit still ahead is told, and no reminder follows.

        The work is done by `appointment.signals`, since cascades and `QuerySet.delete()` do not pass here.
        """
        with transaction.atomic():
            return super().delete(*args, **kwargs)

    def send_confirmation_sms(self) -> None:
        """Plan a confirmation now, in place of one still waiting."""
        services.send_confirmation_sms(self)

    def schedule_reminder_sms(self) -> None:
        """Plan the reminder at the salon's minutes before the visit, in place of one still waiting."""
        services.schedule_reminder_sms(self)

    def cancel_task(self) -> None:
        """Withdraw the scheduled reminder, if there is one."""
        services.cancel_task(self)


UNPLANNED = next(index.condition for index in Appointment._meta.indexes if index.name == "appointment_unplanned")
