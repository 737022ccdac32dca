"""Where a request comes from, as far as that can be known."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from django.conf import settings
from django.http import HttpRequest


def client_network(request: HttpRequest) -> str:
    """The client's IPv4 address, or the /64 that its IPv6 address lies in, which is one household's or firm's.

    Each of the ``TRUSTED_PROXIES`` adds the address that it was called from at the end of X-Forwarded-For; whatever
    stands before that may be the client's own invention.
    """
    address: str = request.META.get("REMOTE_ADDR") or ""
    if settings.TRUSTED_PROXIES:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(forwarded) >= settings.TRUSTED_PROXIES:
            address = forwarded[-settings.TRUSTED_PROXIES].strip()
    return _network(address)


def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> 64 << 64))
