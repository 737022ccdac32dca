"""Counted like npm's sms-segments-calculator 1.2.0, whose answers stand here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sms.segments import count_segments
from twilio_emulator.segments import count_segments as counted_by_the_local_twilio


@pytest.mark.parametrize(
    ("body", "encoding", "segments"),
    [
        ("", "GSM-7", 1),
        ("a", "GSM-7", 1),
        ("a" * 160, "GSM-7", 1),
        ("a" * 161, "GSM-7", 2),
        ("a" * 306, "GSM-7", 2),
        ("a" * 307, "GSM-7", 3),
        ("€" * 80, "GSM-7", 1),
        ("€" * 81, "GSM-7", 2),
        ("a" * 159 + "€", "GSM-7", 2),
        ("a" * 152 + "€" + "a" * 10, "GSM-7", 2),
        ("^{}[]\\~|", "GSM-7", 1),
        ("é" * 160, "GSM-7", 1),
        ("£" * 161, "GSM-7", 2),
        ("a\nb", "GSM-7", 1),
        ("Ç", "GSM-7", 1),
        ("ç", "UCS-2", 1),
        ("ë", "UCS-2", 1),
        ("`", "UCS-2", 1),
        ("\t", "UCS-2", 1),
        ("\u00a0", "UCS-2", 1),
        ("Ł" * 70, "UCS-2", 1),
        ("\u2019" * 70, "UCS-2", 1),
        ("\u2019" * 71, "UCS-2", 2),
        ("\u2019" * 134, "UCS-2", 2),
        ("\u2019" * 135, "UCS-2", 3),
        ("a" * 159 + "\u2019", "UCS-2", 3),
        ("😀" * 35, "UCS-2", 1),
        ("😀" * 36, "UCS-2", 2),
        ("a" * 66 + "😀" + "a" * 10, "UCS-2", 2),
    ],
)
def test_segments_are_counted_as_carriers_bill_them(body, encoding, segments):
    counted = count_segments(body)
    assert (counted.encoding, counted.segments) == (encoding, segments)


def test_character_of_two_units_is_never_split_over_two_segments():
    assert count_segments("a" * 152 + "€" + "a" * 152).segments == 3
    assert count_segments("\u2019" * 66 + "😀" + "\u2019" * 66).segments == 3


@given(st.text(alphabet=st.characters(codec="utf-16"), max_size=700))
def test_any_text_is_counted_like_the_local_twilio_counts_it(body):
    assert count_segments(body).segments == counted_by_the_local_twilio(body)
