from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import ArrayField, DateTimeRangeField, RangeOperators
from django.contrib.postgres.indexes import GistIndex
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models, transaction
from django.db.models import F, Q
from django.http import HttpRequest
from django.utils.functional import cached_property
from django_extensions.db.models import TimeStampedModel
from simple_history.models import HistoricalRecords

from appointment import occupancy, planning, rules, services
from customer.models import Customer
from salon.models import Salon
from schedule.fields import WallClockField
from schedule.models import Service
from sms.clock import database_now

if TYPE_CHECKING:
    from user.models import ExtendedUser


class AppointmentQuerySet(models.QuerySet["Appointment"]):
    def visible_to(self, user: ExtendedUser) -> AppointmentQuerySet:
        """The appointments of the salons a user works for."""
        return self if user.is_superuser else self.filter(salon__in=user.salon_ids)

    def with_booked(self) -> AppointmentQuerySet:
        """Each with its services, as `Appointment.booked`; one query for all of them."""
        rows = BookedService.objects.select_related("service").order_by("position")
        return self.prefetch_related(models.Prefetch("booked_services", rows, to_attr="booked"))  # type: ignore[no-redef]

    def ahead(self) -> AppointmentQuerySet:
        """Booked visits that have not begun."""
        return self.filter(status=Appointment.Status.BOOKED, appointment_time__gt=models.functions.Now())

    def with_unplanned_texts(self) -> AppointmentQuerySet:
        """Bookings whose texts do not match them: written by `bulk_create`, `update()` or SQL, past the hooks.

        The condition is that of a partial index, so that a look costs nothing while there are none.
        """
        return self.filter(UNPLANNED)


# A visit in one of these states keeps its chair and its person busy.
OCCUPYING = ("booked", "arrived", "in_service", "completed", "offered")
# In these the customer has come: nothing is planned anew, and what still waits is judged when it is due.
UNDER_WAY = ("arrived", "in_service")
# What a calendar shows of a visit (`appointment.calendars`).
IN_CALENDARS = ("appointment_time", "end_time", "status", "salon_id", "user_id", "customer_id")
# A visit's place in its series, which only `appointment.series` gives it.
IN_SERIES = ("series_id", "series_position", "series_starts_at", "changed_alone")
# One of these changed by itself, and the visit stays where the staff put it when its series changes.
OF_THE_PATTERN = ("appointment_time", "end_time", "user_id", "column_id", "busy_minutes")


def history_author(request: HttpRequest | None, **kwargs: Any) -> ExtendedUser | None:
    """Whose name a change bears: the user of the request; None for a shell, an import or an API key."""
    user = getattr(request, "user", None)
    return user if isinstance(user, get_user_model()) else None


class SeriesQuerySet(models.QuerySet["Series"]):
    def visible_to(self, user: ExtendedUser) -> SeriesQuerySet:
        """The series of the salons a user works for."""
        return self if user.is_superuser else self.filter(salon__in=user.salon_ids)

    def with_visits_ahead(self) -> SeriesQuerySet:
        """Each with `visits_ahead`: how many of its booked visits have not begun."""
        ahead = Appointment.objects.ahead().filter(series=models.OuterRef("pk")).order_by().values("series")
        number = models.Subquery(ahead.annotate(number=models.Count("pk")).values("number"))
        return self.annotate(visits_ahead=models.functions.Coalesce(number, 0))

    def with_visits(self) -> SeriesQuerySet:
        """Each with its visits, by their place, as the API shows them; in as many queries, however many they are."""
        shown = Appointment.objects.with_booked()
        return self.prefetch_related(models.Prefetch("visits", shown.order_by("series_position")))


class Series(models.Model):
    """Visits of one customer that recur by a rule, as it was made. Its visits are bookings like any other."""

    salon = models.ForeignKey(Salon, on_delete=models.CASCADE, related_name="series")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="series")
    rule = models.CharField(max_length=200, help_text="RFC 5545, such as FREQ=WEEKLY;INTERVAL=6;COUNT=8.")
    starts_at = WallClockField(help_text="The first visit by the rule, on the salon's clock.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="None: an API key, an import or a shell.",
    )
    created = models.DateTimeField(auto_now_add=True)

    objects = SeriesQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "series"

    def __str__(self) -> str:
        return f"{self.customer} at {self.salon}, {self.rule} from {self.starts_at:%Y-%m-%d %H:%M}"


class Appointment(TimeStampedModel):
    """A visit. Saving and deleting are the hooks that plan its texts, in the same transaction."""

    class Status(models.TextChoices):
        OFFERED = "offered", "offered to somebody on the waitlist"
        BOOKED = "booked"
        ARRIVED = "arrived"
        IN_SERVICE = "in_service"
        COMPLETED = "completed"
        CANCELLED = "cancelled"
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
    allow_outside_hours = models.BooleanField(
        default=False, help_text="Chosen by an owner: this booking may lie outside of the person's working hours."
    )
    busy_minutes = ArrayField(
        models.SmallIntegerField(),
        null=True,
        editable=False,
        help_text="When its services keep chair and person busy (`schedule.timing`); none without services.",
    )
    series = models.ForeignKey(
        Series, null=True, editable=False, on_delete=models.SET_NULL, related_name="visits", db_index=False
    )
    series_position = models.PositiveSmallIntegerField(
        null=True, editable=False, help_text="Its place in its series, from 1; it keeps it when it is moved."
    )
    series_starts_at = WallClockField(
        null=True, editable=False, help_text="Where its series puts it, on the salon's clock."
    )
    changed_alone = models.BooleanField(
        default=False,
        db_default=False,
        editable=False,
        help_text="Moved, or given to another person or chair, by itself: what changes its series leaves it alone.",
    )
    cancelled_at = models.DateTimeField(null=True, editable=False)
    cancelled_by_customer = models.BooleanField(default=False, help_text="Counts, if it was late.")
    calendar_sequence = models.PositiveIntegerField(
        default=0, editable=False, help_text="How often it has changed for a calendar (RFC 5545, SEQUENCE)."
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
        excluded_fields=[
            "created",
            "modified",
            "task_id",
            "texts_planned_for",
            "busy_minutes",
            "series",
            "series_position",
            "series_starts_at",
            "changed_alone",
        ],
        get_user=history_author,
    )

    class Meta:
        ordering = ["appointment_time", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(end_time__isnull=True) | Q(end_time__gt=F("appointment_time")),
                name="appointment_ends_after_it_begins",
            ),
            models.UniqueConstraint(
                fields=["series", "series_position"],
                condition=Q(series__isnull=False),
                name="appointment_once_per_place_in_series",
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
                | (~Q(status__in=("booked", *UNDER_WAY)) & Q(texts_planned_for__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.customer} at {self.salon}, {self.appointment_time:%Y-%m-%d %H:%M} UTC"

    @cached_property
    def booked(self) -> list[BookedService]:
        """Its services as they were booked, in the order in which they are done; read once."""
        return list(self.booked_services.select_related("service").order_by("position")) if self.pk else []

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        super().refresh_from_db(*args, **kwargs)
        self.__dict__.pop("booked", None)

    @property
    def services(self) -> list[Service]:
        """In the order in which they are done."""
        return [booked.service for booked in self.booked]

    @property
    def currency(self) -> str | None:
        """Of the price, as booked; None without services."""
        return next((booked.currency for booked in self.booked), None)

    @property
    def price(self) -> Decimal | None:
        """What its services cost, as booked; None without any, or where one has no price."""
        prices = [booked.price for booked in self.booked]
        given = [price for price in prices if price is not None]
        return sum(given, Decimal()) if prices and len(given) == len(prices) else None

    def clean(self) -> None:
        """The booking rules, for forms; the API calls the same ones (`appointment.services`)."""
        if None in (self.salon_id, self.user_id, self.customer_id, self.appointment_time):
            return  # the form itself says what is missing
        if self.busy_minutes is not None:
            services.fit(self, self.booked, ends_as_given=True)
        try:
            rules.check(self, planning.stored(self))
        except rules.RuleBroken as broken:
            raise ValidationError({broken.field: ValidationError(broken.message, broken.code)}) from broken

    def save(
        self,
        *args: Any,
        confirm: bool = True,
        is_history: bool = False,
        before: Appointment | None = None,
        **kwargs: Any,
    ) -> None:
        """Save, take the time that the visit needs, and plan the texts that the change calls for; all commit together.

        After the commit a worker is nudged to send what is due now.

        Args:
          confirm: False for an import, which must not wake a town: a new booking gets its reminder only.
          is_history: when it was cancelled is as given, and not now.
          before: the row as it is, where the caller has locked it; else it is locked and read here.

        Raises:
          IntegrityError: another booking has the chair or the person then; `appointment.rules` says so more kindly.
        """
        with transaction.atomic(savepoint=False):  # as Django's own `save()`
            before = before or planning.lock(self)
            self._note_what_only_the_row_knows(before, kwargs, is_history=is_history)
            is_partly_saved = kwargs.get("update_fields") is not None or bool(self.get_deferred_fields())
            super().save(*args, **kwargs)
            saved = planning.as_saved(self, is_partly_saved=is_partly_saved)
            occupancy.follow(saved, before)
            planning.plan_texts(self, saved, before, confirm=confirm)

    def _note_what_only_the_row_knows(
        self, before: Appointment | None, kwargs: dict[str, Any], *, is_history: bool
    ) -> None:
        """This object may be older than the row, or a copy of another."""
        self.task_id = before.task_id if before else ""
        self.texts_planned_for = before.texts_planned_for if before else None
        self.calendar_sequence = before.calendar_sequence if before else 0
        if before and any(getattr(self, name) != getattr(before, name) for name in IN_CALENDARS):
            self.calendar_sequence += 1
        self._note_its_place_in_its_series(before)
        if self.status != self.Status.CANCELLED:
            self.cancelled_at, self.cancelled_by_customer = None, False
        elif not is_history and (before is None or before.status != self.Status.CANCELLED):
            self.cancelled_at = database_now()
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {
                *kwargs["update_fields"],
                "calendar_sequence",
                "cancelled_at",
                "cancelled_by_customer",
                "modified",
                *(name.removesuffix("_id") for name in IN_SERIES),
            }

    def _note_its_place_in_its_series(self, before: Appointment | None) -> None:
        """A visit given to another customer or salon leaves its series; one moved by itself is left alone by it."""
        if before is None or (self.salon_id, self.customer_id) != (before.salon_id, before.customer_id):
            self.series, self.series_position, self.series_starts_at, self.changed_alone = None, None, None, False
            return
        for name in IN_SERIES:
            setattr(self, name, getattr(before, name))
        if self.series_id and any(getattr(self, name) != getattr(before, name) for name in OF_THE_PATTERN):
            self.changed_alone = True

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete; the customer of a visit still ahead is told, and no reminder follows.

        The work is done by `appointment.signals`, since cascades and `QuerySet.delete()` do not pass here.
        """
        with transaction.atomic():
            return super().delete(*args, **kwargs)

    def send_confirmation_sms(self) -> None:
        """Plan a confirmation now, in place of one still waiting."""
        planning.send_confirmation_sms(self)

    def schedule_reminder_sms(self) -> None:
        """Plan the reminder at the salon's minutes before the visit, in place of one still waiting."""
        planning.schedule_reminder_sms(self)

    def cancel_task(self) -> None:
        """Withdraw the scheduled reminder, if there is one."""
        planning.cancel_task(self)


class BookedService(models.Model):
    """A service of a visit, with its minutes and its price as they were when it was booked."""

    appointment = models.ForeignKey(Appointment, on_delete=models.CASCADE, related_name="booked_services")
    service = models.ForeignKey(Service, on_delete=models.RESTRICT, related_name="booked")
    position = models.PositiveSmallIntegerField()
    duration_minutes = models.PositiveSmallIntegerField()
    buffer_before_minutes = models.PositiveSmallIntegerField()
    buffer_after_minutes = models.PositiveSmallIntegerField()
    gap_after_minutes = models.PositiveSmallIntegerField()
    gap_minutes = models.PositiveSmallIntegerField()
    price = models.DecimalField(max_digits=9, decimal_places=2, null=True)
    currency = models.CharField(max_length=3)

    class Meta:
        ordering = ["appointment", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["appointment", "position"],
                name="booked_service_once_per_position",
                deferrable=models.Deferrable.DEFERRED,
            )
        ]

    def __str__(self) -> str:
        return f"{self.service.name} of booking {self.appointment_id}"


class BlockQuerySet(models.QuerySet["Block"]):
    def visible_to(self, user: ExtendedUser) -> BlockQuerySet:
        """The blocks of the salons a user works for."""
        return self if user.is_superuser else self.filter(salon__in=user.salon_ids)


class Block(TimeStampedModel):
    """Time of a chair or a person in which nobody is served: lunch, a meeting. It sends nothing."""

    salon = models.ForeignKey(Salon, on_delete=models.CASCADE, related_name="blocks", db_index=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="blocks"
    )
    column_id = models.PositiveSmallIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    label = models.CharField(max_length=80, blank=True, help_text="Such as lunch.")

    objects = BlockQuerySet.as_manager()

    class Meta:
        ordering = ["starts_at", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="block_ends_after_it_begins"),
            models.CheckConstraint(
                condition=Q(user__isnull=False) | Q(column_id__isnull=False), name="block_of_a_chair_or_a_person"
            ),
        ]
        indexes = [models.Index(fields=["salon", "starts_at"], name="block_by_salon_day")]

    def __str__(self) -> str:
        return f"{self.label or 'blocked'}, {self.starts_at:%Y-%m-%d %H:%M}-{self.ends_at:%H:%M} UTC"

    def clean(self) -> None:
        """The rules of blocks, for forms; the API calls the same ones."""
        if None in (self.salon_id, self.starts_at, self.ends_at):
            return  # the form itself says what is missing
        try:
            rules.check_block(self)
        except rules.RuleBroken as broken:
            raise ValidationError({broken.field: ValidationError(broken.message, broken.code)}) from broken

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, and take its time. Raises: IntegrityError, as `Appointment.save`."""
        with transaction.atomic():
            super().save(*args, **kwargs)
            self.refresh_from_db()  # as saved: it may have been given strings
            occupancy.occupy(self)


class OccupiedTime(models.Model):
    """A stretch of time in which a chair, a person or both are busy with a visit or a block (`appointment.occupancy`).

    A visit with a gap in the middle has two. The database refuses a second stretch that *holds* the same chair or
    person at the same time; one that does not hold, since overlap was allowed, is seen by the rules all the same.
    """

    appointment = models.ForeignKey(Appointment, null=True, on_delete=models.CASCADE, related_name="occupied")
    block = models.ForeignKey(Block, null=True, on_delete=models.CASCADE, related_name="occupied")
    salon = models.ForeignKey(Salon, on_delete=models.CASCADE, related_name="+", db_index=False)
    column_id = models.PositiveSmallIntegerField(null=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    during = DateTimeRangeField()
    holds_chair = models.BooleanField()
    holds_person = models.BooleanField()

    class Meta:
        constraints = [
            ExclusionConstraint(
                name="appointment_no_overlap",
                expressions=[
                    ("salon", RangeOperators.EQUAL),
                    ("column_id", RangeOperators.EQUAL),
                    ("during", RangeOperators.OVERLAPS),
                ],
                condition=Q(holds_chair=True),
            ),
            ExclusionConstraint(
                name="appointment_person_no_overlap",
                expressions=[("user", RangeOperators.EQUAL), ("during", RangeOperators.OVERLAPS)],
                condition=Q(holds_person=True),
            ),
        ]
        indexes = [
            # Those that overlap were allowed to are searched for as well, and a salon's day as a whole.
            GistIndex(fields=["salon", "during"], name="occupied_by_salon"),
            GistIndex(fields=["user", "during"], name="occupied_by_person"),
        ]

    def __str__(self) -> str:
        return f"{self.during.lower:%Y-%m-%d %H:%M}-{self.during.upper:%H:%M} UTC"


class CalendarFeed(models.Model):
    """Who knows its address may read what a person does (`appointment.calendar_feeds`)."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="calendar_feeds")
    salon = models.ForeignKey(
        Salon,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        help_text="The only salon that it shows. None: every one that the person works for.",
    )
    name = models.CharField(max_length=80, blank=True, help_text="What it is for, such as my phone.")
    shows_customers = models.BooleanField(default=True, help_text="Off: it tells no customer's name.")
    prefix = models.CharField(max_length=12, unique=True, help_text="Begins its address; no secret.")
    secret_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    last_fetched_at = models.DateTimeField(null=True, help_text="To the minute.")
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name or 'calendar'} of {self.user} ({self.prefix}…)"


def new_calendar_domain() -> str:
    return uuid4().hex


class CalendarDomain(models.Model):
    """What stands behind the @ in what calendars know our visits by. One row, made when it is first asked for.

    Kept, and not taken from the installation's address: that may change, and every calendar would show all twice.
    """

    name = models.CharField(max_length=32, default=new_calendar_domain, editable=False)

    def __str__(self) -> str:
        return self.name


UNPLANNED = next(index.condition for index in Appointment._meta.indexes if index.name == "appointment_unplanned")
