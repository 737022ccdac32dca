"""Reading the environment: a value that cannot be used ends the process with one line that names its variable."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import environ
from django.core.exceptions import ImproperlyConfigured

# gunicorn, without --preload, starts a worker that ends with any other code again, and again.
CANNOT_START = 3


class Env(environ.Env):
    """django-environ's, failing in plain words."""

    def get_value(self, var: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().get_value(var, *args, **kwargs)
        except ValueError:
            _refuse(var, "is not a number.")

    def email_url(self, var: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().email_url(var, *args, **kwargs)
        except ImproperlyConfigured:
            _refuse(var, "must be an address that begins with smtp://, smtp+tls://, smtp+ssl:// or consolemail://.")

    def one_of(self, var: str, accepted: Sequence[str], default: str) -> str:
        """One of a few words, in any case; empty is the default."""
        given = self.str(var, default="") or default
        for word in accepted:
            if word.lower() == given.lower():
                return word
        _refuse(var, f"must be one of {', '.join(accepted)}.")

    def address(self, var: str, schemes: Sequence[str], default: str = "") -> str:
        """An address that begins with one of ``schemes``; empty is the default."""
        given = self.str(var, default="") or default
        if given and given.partition("://")[0] not in schemes:
            _refuse(var, f"must be an address that begins with {schemes[0]}://.")
        return given


def _refuse(var: str, why: str) -> NoReturn:
    # Not the value: it may hold a password.
    print(f"{var} {why} .env.example says to what it can be set.", file=sys.stderr)  # noqa: T201
    sys.exit(CANNOT_START)
