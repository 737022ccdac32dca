from django.apps import AppConfig


class AppointmentConfig(AppConfig):
    name = "appointment"

    def ready(self) -> None:
        from appointment import signals, tasks  # noqa: F401  (receivers and actors register themselves)
        from appointment.belongings import BELONGINGS
        from customer.merging import add_belongings

        add_belongings(*BELONGINGS)
