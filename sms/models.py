"""The ledger: one row for every text that a booking owes its customer, from plan to delivery."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q


class MessageQuerySet(models.QuerySet["Message"]):
    def visible_to(self, user: Any) -> MessageQuerySet:
        """The texts of the salons a user works for."""
        return self if user.is_superuser else self.filter(salon__in=user.salon_ids)


class Message(models.Model):
    """One text. Nothing is sent without a row, and every row ends in a state with a reason.

    ::

        pending ──claim──▶ sending ──▶ sent ──▶ delivered
           │ ▲                │  │        └────▶ failed
           │ └─not processed──┘  └─▶ unknown ──▶ sent (traced) / pending (no trace) / failed
           └──▶ skipped, cancelled, superseded, expired

    A booking, customer or salon may be deleted; its id stays here, so those keys carry no constraint.
    """

    class Kind(models.TextChoices):
        CONFIRMATION = "confirmation"
        REMINDER = "reminder"
        CANCELLATION = "cancellation"
        OFFER = "offer"

    class Status(models.TextChoices):
        PENDING = "pending", "pending: goes out when due"
        SENDING = "sending", "sending: a worker has claimed it"
        UNKNOWN = "unknown", "unknown: Twilio may have accepted it; being traced"
        SENT = "sent", "sent: accepted by Twilio"
        DELIVERED = "delivered", "delivered to the phone"
        FAILED = "failed", "failed: refused or undeliverable"
        SKIPPED = "skipped", "skipped: never owed"
        CANCELLED = "cancelled", "cancelled with its booking"
        SUPERSEDED = "superseded", "superseded by a later change"
        EXPIRED = "expired", "expired: too late to help"

    booking = models.ForeignKey(
        "appointment.Appointment",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="messages",
    )
    salon = models.ForeignKey(
        "salon.Salon", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    customer = models.ForeignKey(
        "customer.Customer", on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    kind = models.CharField(max_length=12, choices=Kind.choices)
    to = models.CharField("phone number", max_length=16, help_text="E.164")
    body = models.TextField(blank=True, help_text="As sent; empty until then unless fixed when planned.")

    visit_at = models.DateTimeField(help_text="The appointment time that the text speaks of.")
    due_at = models.DateTimeField(help_text="The moment it should go out.")
    expires_at = models.DateTimeField(help_text="From then on it would not help: never sent later.")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    reason = models.CharField(max_length=200, blank=True, help_text="Why it is in this state.")

    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(help_text="Not offered to a worker before.")
    leased_until = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Pending: already offered, until then. Sending: the worker's, until then. Unknown: next trace.",
    )
    trail = models.JSONField(default=list, blank=True, help_text="Earlier attempts and what came of them.")

    sid = models.CharField("Twilio sid", max_length=34, blank=True)
    error_code = models.PositiveIntegerField(null=True, blank=True)
    segments = models.PositiveSmallIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()
    attempted_at = models.DateTimeField(null=True, blank=True, help_text="When it was last claimed.")
    sent_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            # Two reminders for one visit cannot both be waiting; also how a worker finds its row. Two customers can
            # wait to hear that a visit is no longer theirs.
            models.UniqueConstraint(
                fields=["booking", "kind", "customer"], condition=Q(status="pending"), name="sms_one_pending_per_kind"
            ),
            models.UniqueConstraint(fields=["sid"], condition=~Q(sid=""), name="sms_one_row_per_sid"),
        ]
        indexes = [
            # Only what is not finished stands in these four, whatever the ledger's size.
            models.Index(fields=["next_attempt_at"], condition=Q(status="pending"), name="sms_pending"),
            models.Index(fields=["leased_until"], condition=Q(status__in=["sending", "unknown"]), name="sms_in_flight"),
            models.Index(
                fields=["salon", "visit_at"],
                condition=Q(status="pending", kind="reminder"),
                name="sms_pending_reminders",
            ),
            models.Index(
                fields=["error_code"], condition=Q(status="pending", error_code__isnull=False), name="sms_refused"
            ),
            models.Index(fields=["due_at"], condition=Q(status="failed"), name="sms_failed"),
            models.Index(fields=["salon", "-due_at"], name="sms_by_salon"),
            models.Index(fields=["to", "sent_at"], name="sms_by_phone"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk} for booking {self.booking_id}: {self.status}"


class SenderHold(models.Model):
    """A sender that Twilio will not serve until a person has put something right; texts wait meanwhile.

    Now and then one due text is let through as a probe; when Twilio takes it the hold is lifted.
    """

    sender = models.CharField(max_length=40, unique=True)
    error_code = models.PositiveIntegerField(null=True, blank=True)
    detail = models.CharField(max_length=200)
    since = models.DateTimeField()
    probe_at = models.DateTimeField(help_text="When the next text is let through.")
    probe_id = models.BigIntegerField(null=True, blank=True, help_text="The text let through last.")

    def __str__(self) -> str:
        return f"{self.sender} stopped since {self.since:%Y-%m-%d %H:%M} UTC: {self.detail}"


class OptOut(models.Model):
    """A phone that has told a sender STOP: nothing is sent from it until START."""

    phone_number = models.CharField(max_length=16)
    sender = models.CharField(max_length=40)
    since = models.DateTimeField()
    source = models.CharField(max_length=40, help_text="What told us: the word replied, or Twilio's error code.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["phone_number", "sender"], name="sms_one_opt_out_per_phone_and_sender")
        ]

    def __str__(self) -> str:
        return f"{self.phone_number} to {self.sender} since {self.since:%Y-%m-%d}"


class InboundMessage(models.Model):
    """A text that a customer sent us, beside the booking that it most likely answers."""

    sid = models.CharField("Twilio sid", max_length=34, unique=True)
    sender = models.CharField(max_length=40, help_text="Our number, which it was sent to.")
    phone_number = models.CharField(max_length=16, help_text="The customer's.", db_index=True)
    body = models.TextField(blank=True)
    received_at = models.DateTimeField()
    in_reply_to = models.ForeignKey(Message, null=True, blank=True, on_delete=models.SET_NULL, related_name="replies")

    class Meta:
        ordering = ["-received_at", "-id"]

    def __str__(self) -> str:
        return f"reply {self.pk} to message {self.in_reply_to_id}"


class Heartbeat(models.Model):
    """When a kind of process was last seen at work; any one of them will do."""

    process = models.CharField(max_length=20, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.process} at {self.at:%H:%M:%S}"
