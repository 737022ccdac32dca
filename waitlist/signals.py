"""The one door that deletions leave open: an entry goes by cascade or in the admin, and its kept time must not stay."""

from typing import Any

from django.db.models.signals import pre_delete
from django.dispatch import receiver

from waitlist import services
from waitlist.models import Offer


@receiver(pre_delete, sender=Offer, dispatch_uid="waitlist_free_kept_time")
def free_kept_time(sender: type[Offer], instance: Offer, **kwargs: Any) -> None:
    services.give_up_deleted(instance.pk)
