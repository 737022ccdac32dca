"""How many SMS segments a body takes.

GSM-7 carries 160 characters alone or 153 a part, UCS-2 70 or 67; one character outside GSM-7 switches the
whole body to UCS-2 (https://www.twilio.com/docs/glossary/what-sms-character-limit). The extension characters
take two places (https://www.twilio.com/docs/glossary/what-is-gsm-7-character-encoding). Written apart from
the product's counter, so that the two check each other.
"""

from __future__ import annotations

GSM7_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_EXTENSION = frozenset("^{}\\[~]|€\f")
GSM7 = GSM7_BASIC | GSM7_EXTENSION


def count_segments(body: str) -> int:
    """Segments for `body`; an empty one still goes out as one."""
    used = set(body)
    if used <= GSM7:
        costs = [2 if c in GSM7_EXTENSION else 1 for c in body] if used & GSM7_EXTENSION else None
        return _parts(len(body), costs, alone=160, part=153)
    costs = [2 if c > "\uffff" else 1 for c in body] if max(used) > "\uffff" else None
    return _parts(len(body), costs, alone=70, part=67)


def _parts(length: int, costs: list[int] | None, *, alone: int, part: int) -> int:
    """Pack characters into parts; one that costs two is never cut in half."""
    if (length if costs is None else sum(costs)) <= alone:
        return 1
    if costs is None:
        return -(-length // part)
    parts, room = 1, part
    for cost in costs:
        if cost > room:
            parts, room = parts + 1, part
        room -= cost
    return parts
