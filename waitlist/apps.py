from django.apps import AppConfig


class WaitlistConfig(AppConfig):
    name = "waitlist"

    def ready(self) -> None:
        from customer.merging import Belongings, add_belongings
        from sms.dispatch import Chore, add_chore
        from waitlist import services, signals  # noqa: F401  (receivers register themselves)
        from waitlist.models import Entry

        add_belongings(Belongings(Entry, rank=10))  # an entry is locked before its visit (`waitlist.services`)
        add_chore(Chore(services.keep_offers, interval_seconds=1.0))
        add_chore(Chore(services.expire_entries, interval_seconds=60.0))
