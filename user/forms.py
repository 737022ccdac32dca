from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from user import guesses, services


class GuardedLogin(AuthenticationForm):
    """Logging in by session, with the same brake on guessing as the API's."""

    def clean(self) -> dict[str, Any]:
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if email and password:
            try:
                user = services.log_in(cast(HttpRequest, self.request), email, password)
            except guesses.TooManyAttempts as error:
                raise ValidationError(str(error), code="throttled") from error
            if user is None:
                raise self.get_invalid_login_error()
            self.confirm_login_allowed(user)
            self.user_cache = user
        return self.cleaned_data


class LoginForm(GuardedLogin):
    """The login of the staff pages."""
