"""What no log line may hold, whoever wrote it: an API key, the secret of a calendar's address, a customer's link."""

from __future__ import annotations

import re
from typing import Any

# As `booking_api.credentials` makes them: the prefix stays, to tell which one it was.
_SECRET = re.compile(r"([0-9a-f]{12}[-_])[0-9a-f]{16,}", re.IGNORECASE)
# Whoever has a customer's link can answer for them (`waitlist.links`).
_LINK = re.compile(r"(/waitlist/o/)[^/?\s'\"]+")


def redact(logger: Any, method: str, line: str) -> str:
    """A structlog processor, after the one that makes the line: tracebacks and what libraries log pass here too."""
    return _LINK.sub(r"\1[secret]", _SECRET.sub(r"\1[secret]", line))
