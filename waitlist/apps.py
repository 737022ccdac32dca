from django.apps import AppConfig


class WaitlistConfig(AppConfig):
    name = "waitlist"

    def ready(self) -> None:
        from sms.dispatch import Chore, add_chore
        from waitlist import services, signals  # noqa: F401  (receivers register themselves)

        add_chore(Chore(services.keep_offers, interval_seconds=1.0))
        add_chore(Chore(services.expire_entries, interval_seconds=60.0))
