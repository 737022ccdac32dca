"""The words of the mails that users get."""

from __future__ import annotations

from django.conf import settings

from user.models import ExtendedUser

PASSWORD_RESET_SUBJECT = "Set a new password"  # noqa: S105


def password_reset(user: ExtendedUser, uid: str, token: str) -> str:
    """Where ``PASSWORD_RESET_URL`` names a page, its link; else what `POST /users/password-reset/confirm/` wants."""
    minutes = settings.PASSWORD_RESET_TIMEOUT // 60
    if settings.PASSWORD_RESET_URL:
        what_to_do = settings.PASSWORD_RESET_URL.replace("{uid}", uid).replace("{token}", token)
    else:
        what_to_do = f"uid: {uid}\ntoken: {token}"
    return (
        f"Hi {user},\n\nSomebody, hopefully you, asked for a new password. Within {minutes} minutes, set it with:\n\n"
        f"{what_to_do}\n\nIf it was not you, ignore this mail: nothing has changed.\n"
    )
