"""Why something cannot be done to an entry; each with a stable code, and a message that says what to do."""

from __future__ import annotations


class WaitlistError(Exception):
    code = "not_possible"
    message = "That is not possible at the moment."


class NotOffered(WaitlistError):
    code = "not_offered"
    message = "No time is kept for this customer now: the hold has ended, or there was none. Book one as usual."


class EntryOver(WaitlistError):
    code = "entry_over"
    message = "This entry is over. Make a new one."
