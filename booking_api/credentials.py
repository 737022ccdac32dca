"""Secrets that programs show: shown to their owner once, stored as a hash.

SHA-256 needs no salt and no rounds here: a secret has 256 random bits, and nobody guesses those.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import NamedTuple


class Credential(NamedTuple):
    """The prefix finds the row and is no secret; the secret itself is nowhere but with its owner."""

    prefix: str
    secret: str
    secret_hash: str


def make() -> Credential:
    prefix, secret = secrets.token_hex(6), secrets.token_hex(32)
    return Credential(prefix, secret, _hash(secret))


def matches(secret: str, secret_hash: str) -> bool:
    """Takes as long for any secret."""
    return hmac.compare_digest(secret_hash, _hash(secret))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
