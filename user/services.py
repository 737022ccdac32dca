"""Passwords: changing and resetting them, and what that ends."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import send_mail
from django.db import transaction
from django.http import HttpRequest
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from user import guesses, texts
from user.models import ExtendedUser


class ResetRefused(Exception):
    """The link is wrong, too old, or has been used."""


def log_in(request: HttpRequest, email: str, password: str) -> ExtendedUser | None:
    """Whose e-mail and password these are; it takes as long to find out that they are nobody's.

    Raises:
      guesses.TooManyAttempts: neither was looked at.
    """
    attempt = guesses.begin(request, email)
    user = authenticate(request, username=email, password=password)
    if not isinstance(user, ExtendedUser):
        return None
    attempt.succeeded()
    return user


@transaction.atomic
def change_password(user: ExtendedUser, password: str) -> None:
    """Set a password and end every login that the user has."""
    user.set_password(password)
    user.save(update_fields=["password"])
    end_logins(user)


def end_logins(user: ExtendedUser) -> None:
    """Revoke all refresh tokens; access tokens end with the password they were given for (`CHECK_REVOKE_TOKEN`)."""
    tokens = OutstandingToken.objects.filter(user=user, blacklistedtoken=None)
    BlacklistedToken.objects.bulk_create([BlacklistedToken(token=token) for token in tokens], ignore_conflicts=True)


def send_password_reset(user_id: int) -> None:
    """Mail a link that sets a new password once, within `PASSWORD_RESET_TIMEOUT`; nobody by that id gets nothing."""
    user = ExtendedUser.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        return
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    token = default_token_generator.make_token(user)
    body = texts.password_reset(user, uid, token)
    send_mail(texts.PASSWORD_RESET_SUBJECT, body, settings.DEFAULT_FROM_EMAIL, [user.email])


def lock_by_reset_token(uid: str, token: str) -> ExtendedUser:
    """The user whom the mailed token is for, locked until the transaction ends, so that it counts once.

    Raises:
      ResetRefused: the two do not belong together any more.
    """
    try:
        user_id = int(urlsafe_base64_decode(uid))
    except ValueError as error:
        raise ResetRefused from error
    user = ExtendedUser.objects.select_for_update().filter(pk=user_id, is_active=True).first()
    if user is None or not default_token_generator.check_token(user, token):
        raise ResetRefused
    return user
