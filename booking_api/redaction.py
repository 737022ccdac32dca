"""What no line of a log may hold, whoever wrote it: the secret of an API key or of a calendar's address."""

from __future__ import annotations

import re
from typing import Any

# As `booking_api.credentials` makes them: the prefix stays, to tell which one it was.
_SECRET = re.compile(r"([0-9a-f]{12}[-_])[0-9a-f]{16,}", re.IGNORECASE)


def redact(logger: Any, method: str, line: str) -> str:
    """A structlog processor, after the one that makes the line: tracebacks and what libraries log pass here too."""
    return _SECRET.sub(r"\1[secret]", line)
