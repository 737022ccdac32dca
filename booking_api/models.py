from django.db import models
from phonenumber_field.modelfields import PhoneNumberField


class CommonInfo(models.Model):
    """What every party of the business has: a phone number, stored as E.164 (``+447400123456``)."""

    phone_number = PhoneNumberField()

    class Meta:
        abstract = True


class KeptAnswer(models.Model):
    """The answer to a POST that bore an Idempotency-Key (`booking_api.idempotency`)."""

    caller = models.CharField(max_length=40, help_text="Whose key it is, such as user:7.")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path and body.")
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    body = models.TextField(blank=True)
    kept_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="kept_answer_once_per_key")]

    def __str__(self) -> str:
        return f"{self.status} to {self.caller}"
