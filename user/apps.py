from django.apps import AppConfig


class UserConfig(AppConfig):
    name = "user"

    def ready(self) -> None:
        from user import schema, tasks  # noqa: F401  (both register themselves)
