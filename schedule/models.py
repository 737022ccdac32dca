"""What a salon offers and when: services, chairs, working hours, time off.

Every time of day is on the salon's own clock (`schedule.wall_clock`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q

from salon.models import Salon
from schedule.wall_clock import MIDNIGHT

if TYPE_CHECKING:
    from user.models import ExtendedUser

LONGEST_SERVICE_MINUTES = 720
LONGEST_BUFFER_MINUTES = 120
PERSON = settings.AUTH_USER_MODEL


class OfSalonQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: ExtendedUser) -> OfSalonQuerySet:
        """Those of the salons that a user works for."""
        return self if user.is_superuser else self.filter(salon__in=user.salon_ids)


class Service(models.Model):
    """Something that a salon sells: how long it takes, and what it costs.

    ``gap_minutes``, which begin ``gap_after_minutes`` into the service, are part of its duration for the customer (the
    colour takes), while the chair and the person are free for others. Buffers come on top of the duration.
    """

    salon = models.ForeignKey(Salon, on_delete=models.CASCADE, related_name="services", db_index=False)
    name = models.CharField(max_length=80)
    duration_minutes = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_SERVICE_MINUTES)]
    )
    buffer_before_minutes = models.PositiveSmallIntegerField(
        default=0, validators=[MaxValueValidator(LONGEST_BUFFER_MINUTES)], help_text="To prepare; not the customer's."
    )
    buffer_after_minutes = models.PositiveSmallIntegerField(
        default=0, validators=[MaxValueValidator(LONGEST_BUFFER_MINUTES)], help_text="To tidy; not the customer's."
    )
    gap_after_minutes = models.PositiveSmallIntegerField(
        default=0, help_text="How far into the service the chair and the person become free."
    )
    gap_minutes = models.PositiveSmallIntegerField(default=0, help_text="For how long they are free. 0: never.")
    price = models.DecimalField(
        max_digits=9, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    currency = models.CharField(
        max_length=3,
        default="GBP",
        validators=[RegexValidator(r"^[A-Z]{3}\Z", "Give an ISO 4217 code, such as GBP.")],
    )
    is_active = models.BooleanField(default=True, help_text="Off: not offered any more; past visits keep it.")
    position = models.PositiveSmallIntegerField(default=0, help_text="Its place in the list.")
    colour = models.CharField(
        max_length=7, blank=True, validators=[RegexValidator(r"^#[0-9a-f]{6}\Z", "Give a colour such as #3b82f6.")]
    )
    people: models.ManyToManyField[Any, Any] = models.ManyToManyField(
        PERSON, blank=True, related_name="services", help_text="Who does it. None: all do."
    )

    objects = OfSalonQuerySet.as_manager()

    class Meta:
        ordering = ["position", "name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["salon", "name"], name="service_name_once_per_salon"),
            models.CheckConstraint(
                condition=Q(gap_minutes=0)
                | Q(gap_after_minutes__gt=0, duration_minutes__gt=F("gap_after_minutes") + F("gap_minutes")),
                name="service_gap_lies_within",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.duration_minutes} min"

    def clean(self) -> None:
        if self.gap_minutes and not 0 < self.gap_after_minutes < self.duration_minutes - self.gap_minutes:
            raise ValidationError(
                {
                    "gap_minutes": ValidationError(
                        "The gap must leave work before it and after it: begin after 0 minutes and end before the "
                        "service does.",
                        code="gap_outside_service",
                    )
                }
            )


class Chair(models.Model):
    """A column of the day: a place where one customer at a time is served."""

    salon = models.ForeignKey(Salon, on_delete=models.CASCADE, related_name="chairs", db_index=False)
    column_id = models.PositiveSmallIntegerField(validators=[MinValueValidator(1)])
    name = models.CharField(max_length=40)
    position = models.PositiveSmallIntegerField(default=0, help_text="Its place from left to right.")
    services = models.ManyToManyField(
        Service, blank=True, related_name="chairs", help_text="What can be done here. None: everything."
    )
    people: models.ManyToManyField[Any, Any] = models.ManyToManyField(
        PERSON, blank=True, related_name="chairs", help_text="Who works here. None: all."
    )

    objects = OfSalonQuerySet.as_manager()

    class Meta:
        ordering = ["position", "column_id"]
        constraints = [models.UniqueConstraint(fields=["salon", "column_id"], name="chair_once_per_column")]

    def __str__(self) -> str:
        return self.name


CLOSES_TOO_EARLY = ValidationError("Close later than you open.", code="ends_before_it_begins")


class Hours(models.Model):
    """From one time of day to another."""

    opens = models.TimeField()
    closes = models.TimeField(help_text="00:00 is the midnight that ends the day.")

    class Meta:
        abstract = True

    def clean(self) -> None:
        if self.opens is not None and self.closes is not None and not are_in_order(self.opens, self.closes):
            raise ValidationError(
                {"closes": ValidationError("Close later than you open.", code="ends_before_it_begins")}
            )


def are_in_order(opens: Any, closes: Any) -> bool:
    """Does ``closes``, of which 00:00 is the end of the day, come after ``opens``?"""
    return bool(closes == MIDNIGHT or opens < closes)


IN_ORDER = Q(closes=MIDNIGHT) | Q(closes__gt=F("opens"))


class WorkingHours(Hours):
    """When a person works at a salon in an ordinary week; a break is the time between two of these on one day."""

    class Weekday(models.IntegerChoices):
        MONDAY = 0
        TUESDAY = 1
        WEDNESDAY = 2
        THURSDAY = 3
        FRIDAY = 4
        SATURDAY = 5
        SUNDAY = 6

    salon = models.ForeignKey(Salon, on_delete=models.CASCADE, related_name="working_hours", db_index=False)
    user = models.ForeignKey(PERSON, on_delete=models.CASCADE, related_name="working_hours")
    weekday = models.PositiveSmallIntegerField(choices=Weekday.choices, help_text="0 is Monday.")
    valid_from = models.DateField(null=True, blank=True, help_text="The first day. None: always has been.")
    valid_until = models.DateField(null=True, blank=True, help_text="The last day. None: until further notice.")

    objects = OfSalonQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "working hours"
        ordering = ["salon", "user", "weekday", "opens", "id"]
        indexes = [models.Index(fields=["salon", "user"], name="working_hours_of_salon")]
        constraints = [
            models.CheckConstraint(condition=IN_ORDER, name="working_hours_in_order"),
            models.CheckConstraint(
                condition=Q(valid_from=None) | Q(valid_until=None) | Q(valid_until__gte=F("valid_from")),
                name="working_hours_valid_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.get_weekday_display()} {self.opens:%H:%M}-{self.closes:%H:%M}"

    def clean(self) -> None:
        super().clean()
        if self.valid_from and self.valid_until and self.valid_until < self.valid_from:
            raise ValidationError(
                {"valid_until": ValidationError("End no earlier than you begin.", code="ends_before_it_begins")}
            )


class SpecialHours(models.Model):
    """What holds on one date instead of a person's ordinary week: other hours, or none at all."""

    salon = models.ForeignKey(Salon, on_delete=models.CASCADE, related_name="special_hours", db_index=False)
    user = models.ForeignKey(PERSON, on_delete=models.CASCADE, related_name="special_hours")
    date = models.DateField()
    opens = models.TimeField(null=True, blank=True, help_text="None, as is the end: does not work on that date.")
    closes = models.TimeField(null=True, blank=True, help_text="00:00 is the midnight that ends the day.")

    objects = OfSalonQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "special hours"
        ordering = ["salon", "user", "date", "opens", "id"]
        indexes = [models.Index(fields=["salon", "user", "date"], name="special_hours_of_salon")]
        constraints = [
            models.CheckConstraint(
                condition=Q(opens=None, closes=None) | Q(opens__isnull=False, closes__isnull=False) & IN_ORDER,
                name="special_hours_in_order",
            )
        ]

    def __str__(self) -> str:
        if self.opens is None or self.closes is None:
            return f"{self.user}, {self.date}: off"
        return f"{self.user}, {self.date} {self.opens:%H:%M}-{self.closes:%H:%M}"

    def clean(self) -> None:
        if (self.opens is None) != (self.closes is None):
            raise ValidationError(
                {"closes": ValidationError("Give both times, or neither for a day off.", code="half_given")}
            )
        if self.opens is not None and not are_in_order(self.opens, self.closes):
            raise ValidationError(
                {"closes": ValidationError("Close later than you open.", code="ends_before_it_begins")}
            )


class TimeOff(models.Model):
    """When a person is away, or, where no person is named, the whole salon is closed."""

    salon = models.ForeignKey(Salon, on_delete=models.CASCADE, related_name="time_off", db_index=False)
    user = models.ForeignKey(
        PERSON, null=True, blank=True, on_delete=models.CASCADE, related_name="time_off", help_text="None: the salon."
    )
    first_day = models.DateField()
    last_day = models.DateField(help_text="Included.")
    begins = models.TimeField(null=True, blank=True, help_text="On the first day. None: all of it.")
    ends = models.TimeField(null=True, blank=True, help_text="On the last day. None, or 00:00: all of it.")
    is_yearly = models.BooleanField(default=False, help_text="On the same dates of every year, past and to come.")
    reason = models.CharField(max_length=120, blank=True, help_text="For the staff.")

    objects = OfSalonQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "time off"
        ordering = ["first_day", "id"]
        indexes = [models.Index(fields=["salon", "last_day"], name="time_off_of_salon")]
        constraints = [
            models.CheckConstraint(condition=Q(last_day__gte=F("first_day")), name="time_off_days_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.salon}: {self.first_day}-{self.last_day}"

    def clean(self) -> None:
        if not (self.first_day and self.last_day):
            return
        if self.last_day < self.first_day:
            raise ValidationError(
                {"last_day": ValidationError("End no earlier than you begin.", code="ends_before_it_begins")}
            )
        is_one_day = self.first_day == self.last_day
        if is_one_day and self.begins and self.ends and not are_in_order(self.begins, self.ends):
            raise ValidationError({"ends": ValidationError("End later than you begin.", code="ends_before_it_begins")})
        if self.is_yearly and (self.last_day - self.first_day).days >= 365:
            raise ValidationError({"is_yearly": ValidationError("It would never end.", code="longer_than_a_year")})
