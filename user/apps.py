from django.apps import AppConfig


class UserConfig(AppConfig):
    name = "user"

    def ready(self) -> None:
        from user import schema  # noqa: F401  (registers itself with drf-spectacular)
