from django.apps import AppConfig


class BookingApiConfig(AppConfig):
    name = "booking_api"
    verbose_name = "Salon booking"

    def ready(self) -> None:
        from booking_api import broker, checks  # noqa: F401  (the broker exists before any actor does)
