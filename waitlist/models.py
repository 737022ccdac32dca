"""Who waits for a time, and what they have been offered."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.postgres.fields import DateTimeRangeField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django_extensions.db.models import TimeStampedModel

from appointment.models import Appointment
from customer.models import Customer
from salon.models import Salon
from schedule.models import Service

if TYPE_CHECKING:
    from user.models import ExtendedUser


class EntryQuerySet(models.QuerySet["Entry"]):
    def visible_to(self, user: ExtendedUser) -> EntryQuerySet:
        """The entries of the salons a user works for."""
        return self if user.is_superuser else self.filter(salon__in=user.salon_ids)


class Entry(TimeStampedModel):
    """A customer who waits for a time. First come, first offered: by `created`, then `id`."""

    class State(models.TextChoices):
        WAITING = "waiting"
        OFFERED = "offered", "offered: a time is kept for the customer"
        BOOKED = "booked", "booked: the customer took a time"
        WITHDRAWN = "withdrawn"
        EXPIRED = "expired", "expired: the last day has passed"

    salon = models.ForeignKey(Salon, on_delete=models.CASCADE, related_name="waitlist", db_index=False)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="waitlist")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="waitlist",
        help_text="Who is to serve the customer. Null: anybody who does the services.",
    )
    first_day = models.DateField(help_text="On the salon's clock, as all of these.")
    last_day = models.DateField(help_text="Included.")
    not_before = models.TimeField(null=True, blank=True, help_text="The visit begins then or later. Null: any time.")
    not_after = models.TimeField(null=True, blank=True, help_text="The visit is over by then. Null: any time.")
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING, editable=False)

    objects = EntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "entries"
        ordering = ["created", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(last_day__gte=F("first_day")), name="waitlist_days_in_order"),
            models.CheckConstraint(
                condition=Q(not_before=None) | Q(not_after=None) | Q(not_after__gt=F("not_before")),
                name="waitlist_times_in_order",
            ),
        ]
        indexes = [
            models.Index(fields=["salon", "created"], name="waitlist_of_salon"),
            # What is over does not stand here: whoever frees a time asks whether anybody waits for one.
            models.Index(
                fields=["salon", "last_day"], condition=Q(state__in=["waiting", "offered"]), name="waitlist_waiting"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.customer} at {self.salon}, {self.first_day} to {self.last_day}"

    @property
    def services(self) -> list[Service]:
        """In the order in which they are to be done."""
        return [wanted.service for wanted in self.wanted_services.all()]

    @property
    def shown_offer(self) -> Offer | None:
        """The offer that is open, or that was taken."""
        shown = (Offer.Outcome.OPEN, Offer.Outcome.ACCEPTED)
        return next((offer for offer in self.offers.all() if offer.outcome in shown), None)

    @property
    def is_over(self) -> bool:
        """Nothing will be offered to it any more."""
        return self.state not in (self.State.WAITING, self.State.OFFERED)

    def clean(self) -> None:
        errors = {}
        if self.first_day and self.last_day:
            if self.last_day < self.first_day:
                errors["last_day"] = ValidationError("End no earlier than you begin.", code="ends_before_it_begins")
            elif self.last_day < timezone.localdate(timezone=self.salon.zone):
                errors["last_day"] = ValidationError("Choose a day that is still ahead.", code="in_the_past")
        if self.not_before and self.not_after and self.not_after <= self.not_before:
            errors["not_after"] = ValidationError("End later than you begin.", code="ends_before_it_begins")
        if self.customer_id and not self.customer.salons.filter(pk=self.salon_id).exists():
            errors["customer"] = ValidationError("Choose a customer of this salon.", code="not_of_this_salon")
        if errors:
            raise ValidationError(errors)


class WantedService(models.Model):
    """A service that a customer waits for."""

    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="wanted_services")
    service = models.ForeignKey(Service, on_delete=models.RESTRICT, related_name="+")
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["entry", "position"]
        constraints = [models.UniqueConstraint(fields=["entry", "position"], name="wanted_service_once_per_position")]

    def __str__(self) -> str:
        return self.service.name


# A text in one of these states never reached its phone, and never will.
UNSENT = ("failed", "skipped", "cancelled", "superseded", "expired")


class OfferQuerySet(models.QuerySet["Offer"]):
    def open(self) -> OfferQuerySet:
        """Those that nothing has come of yet."""
        return self.filter(outcome=Offer.Outcome.OPEN)

    def to_end(self) -> OfferQuerySet:
        """Open ones that cannot stay so: their hold has ended, or staff or the sender have decided otherwise."""
        offered = Q(appointment__status=Appointment.Status.OFFERED)
        unsent = Q(
            appointment__messages__kind="offer",
            appointment__messages__status__in=UNSENT,
        )
        return self.open().filter(Q(expires_at__lte=Now()) | Q(appointment=None) | ~offered | unsent).distinct()


class Offer(models.Model):
    """A time kept for somebody who waits: an appointment in status offered, so that nobody else can have it."""

    class Outcome(models.TextChoices):
        OPEN = "open"
        ACCEPTED = "accepted"
        DECLINED = "declined"
        LAPSED = "lapsed", "lapsed: no answer in time"
        WITHDRAWN = "withdrawn", "withdrawn by the salon"
        UNREACHABLE = "unreachable", "unreachable: the text could not be sent"

    entry = models.ForeignKey(Entry, on_delete=models.CASCADE, related_name="offers")
    appointment = models.OneToOneField(
        Appointment, null=True, on_delete=models.SET_NULL, related_name="waitlist_offer", help_text="None: deleted."
    )
    starts_at = models.DateTimeField(help_text="As offered, as is the end.")
    ends_at = models.DateTimeField()
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="Kept until then, on the database's clock.")
    outcome = models.CharField(max_length=11, choices=Outcome.choices, default=Outcome.OPEN)

    objects = OfferQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["entry"], condition=Q(outcome="open"), name="waitlist_one_open_offer"),
        ]
        indexes = [models.Index(fields=["expires_at"], condition=Q(outcome="open"), name="waitlist_open_offers")]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} UTC to entry {self.entry_id}: {self.get_outcome_display()}"

    def is_open(self, now: datetime) -> bool:
        """May it still be accepted?"""
        booking = self.appointment
        is_offered = booking is not None and booking.status == Appointment.Status.OFFERED
        return self.outcome == self.Outcome.OPEN and is_offered and now < self.expires_at


class FreedTime(models.Model):
    """Time that was given up and that somebody may wait for; gone once it has been looked at.

    Written by a trigger of the database (migration ``0002``), in the transaction that gives the time up and whatever
    its door: a cancellation, a move, a deletion, a cascade, SQL. Its keys carry no constraint, as what they name may
    be deleted in the same breath.
    """

    salon = models.ForeignKey(Salon, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+")
    column_id = models.PositiveSmallIntegerField(null=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    during = DateTimeRangeField()
    look_at = models.DateTimeField(help_text="Not looked at before: later where a fault got into the way.")

    class Meta:
        indexes = [models.Index(fields=["look_at"], name="waitlist_freed")]

    def __str__(self) -> str:
        return f"{self.begins_at:%Y-%m-%d %H:%M}-{self.ends_at:%H:%M} UTC"

    @property
    def begins_at(self) -> datetime:
        return self.during.lower  # type: ignore[return-value] # both ends are always set

    @property
    def ends_at(self) -> datetime:
        return self.during.upper  # type: ignore[return-value]
