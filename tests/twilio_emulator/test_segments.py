import pytest

from twilio_emulator.segments import count_segments


@pytest.mark.parametrize(
    ("body", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("é" * 160, 1),
        ("€" * 80, 1),
        ("€" * 81, 2),
        # 152 places and a character of two: it moves to the next segment, so 153 x 2 places need three
        ("a" * 152 + "€" + "a" * 152, 3),
        ("a" * 153 + "€" + "a" * 151, 2),
        ("ë" * 70, 1),
        ("ë" * 71, 2),
        ("ë" * 134, 2),
        ("ë" * 135, 3),
        ("a" * 69 + "\u2019", 1),
        ("a" * 70 + "\u2019", 2),
        ("💇" * 35, 1),
        ("💇" * 36, 2),
        # 66 places and a pair: it is not cut in half
        ("ë" * 66 + "💇" + "ë" * 66, 3),
        ("line\r\nline", 1),
    ],
)
def test_segments_are_counted_as_twilio_counts_them(body: str, segments: int) -> None:
    assert count_segments(body) == segments
