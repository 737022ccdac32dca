"""The one door that cascades and `QuerySet.delete()` leave open: they never call `Appointment.delete()`."""

from typing import Any

from django.db.models.signals import pre_delete
from django.dispatch import receiver

from appointment import planning
from appointment.models import Appointment


@receiver(pre_delete, sender=Appointment, dispatch_uid="appointment_withdraw_texts")
def withdraw_texts(sender: type[Appointment], instance: Appointment, **kwargs: Any) -> None:
    planning.plan_texts_of_deleted(instance)
