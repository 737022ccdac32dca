from django.db import models
from phonenumber_field.modelfields import PhoneNumberField


class CommonInfo(models.Model):
    """What every party of the business has: a phone number, stored as E.164 (``+447400123456``)."""

    phone_number = PhoneNumberField()

    class Meta:
        abstract = True
