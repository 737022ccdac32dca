"""How many segments a text takes on the air, which is what a carrier bills.

GSM 03.38: 160 characters of 7 bits in one segment, 153 in each of several; a text with one character
outside that alphabet goes out as UCS-2, 70 and 67 (https://www.twilio.com/docs/glossary/what-sms-character-limit).
"""

from dataclasses import dataclass

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION = frozenset("\f^{}\\[~]|€")  # an escape and a character: two each
GSM_SINGLE, GSM_PART = 160, 153
UCS2_SINGLE, UCS2_PART = 70, 67


@dataclass(frozen=True)
class SegmentCount:
    """``encoding`` is ``GSM-7`` or ``UCS-2``; ``units`` are 7-bit or 16-bit characters."""

    encoding: str
    units: int
    segments: int


def count_segments(body: str) -> SegmentCount:
    """Count what ``body`` costs; an empty text is one segment."""
    if all(character in GSM_BASIC or character in GSM_EXTENSION for character in body):
        widths = [2 if character in GSM_EXTENSION else 1 for character in body]
        return _count("GSM-7", widths, GSM_SINGLE, GSM_PART)
    widths = [2 if ord(character) > 0xFFFF else 1 for character in body]
    return _count("UCS-2", widths, UCS2_SINGLE, UCS2_PART)


def _count(encoding: str, widths: list[int], single: int, part: int) -> SegmentCount:
    units = sum(widths)
    if units <= single:
        return SegmentCount(encoding, units, 1)
    segments, used = 1, 0
    for width in widths:  # a two-unit character is never split over two segments
        if used + width > part:
            segments, used = segments + 1, 0
        used += width
    return SegmentCount(encoding, units, segments)
