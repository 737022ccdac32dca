"""The signed address by which a customer answers an offer, without a login.

It names the offer and nothing else. It has no age of its own: the offer's row says until when it is good, on the
database's clock (docs/adr/0014).
"""

from __future__ import annotations

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from waitlist.models import Offer

_SALT = "waitlist.offer"


def token_of(offer: Offer) -> str:
    return _signer().sign(str(offer.pk))


def address_of(offer: Offer) -> str:
    """What goes into the text."""
    return settings.PUBLIC_BASE_URL + reverse("waitlist-offer", args=[token_of(offer)])


def offer_id_of(token: str) -> int | None:
    """The offer that a token names; None where we did not sign it."""
    try:
        return int(_signer().unsign(token))
    except (BadSignature, ValueError):
        return None


def _signer() -> Signer:
    return Signer(salt=_SALT, sep=".")  # a colon ends what some phones make a link of
