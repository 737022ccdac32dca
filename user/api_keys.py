"""API keys: what an integration of a salon shows instead of a login (docs/adr/0010)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from booking_api import credentials
from salon.models import Salon
from user.models import ApiKey

LAST_USED_PRECISION = timedelta(minutes=1)

_KEY = re.compile(r"bk_([0-9a-f]{12})_([0-9a-f]{64})")


class ApiKeyUser:
    """Who asks with an API key: sees its salon as staff do, may do what its scopes say, and owns nothing."""

    is_authenticated = is_active = True
    is_anonymous = is_superuser = is_staff = is_owner = False
    pk = id = None

    def __init__(self, key: ApiKey) -> None:
        self.key = key
        self.scopes = frozenset(key.scopes)

    def __str__(self) -> str:
        return f"API key {self.key.name}"

    @property
    def caller_id(self) -> str:
        return f"key:{self.key.pk}"

    @property
    def salon_ids(self) -> frozenset[int]:
        return frozenset({self.key.salon_id})

    def owns(self, salon: Salon) -> bool:
        return False


def make(**fields: Any) -> tuple[ApiKey, str]:
    """A new key, and the text to send, which is nowhere else: only a hash of its secret is stored."""
    prefix, secret, secret_hash = credentials.make()
    key = ApiKey.objects.create(prefix=prefix, secret_hash=secret_hash, **fields)
    return key, f"bk_{prefix}_{secret}"


def find(text: str) -> ApiKey | None:
    """The key that this is the text of, if it is still good; notes, at most once a minute, that it was used."""
    parts = _KEY.fullmatch(text)
    if parts is None:
        return None
    is_good = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=Now()))
    key = ApiKey.objects.filter(is_good, prefix=parts[1]).first()
    if key is None or not credentials.matches(parts[2], key.secret_hash):
        return None
    if key.last_used_at is None or timezone.now() - key.last_used_at >= LAST_USED_PRECISION:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=Now())
    return key


def revoke(key: ApiKey) -> None:
    """From now on nobody gets in with it; again, it changes nothing."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=Now())
