"""What can come of handing a text to Twilio other than "accepted"."""


class TransportError(Exception):
    """The text was not, or perhaps not, accepted.

    Args:
      detail: what happened, for the ledger; no phone number, no body.
      code: Twilio's error code, where it gave one (https://www.twilio.com/docs/api/errors).
    """

    def __init__(self, detail: str, code: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code


class Rejected(TransportError):
    """This number or this text will never be accepted: do not try again."""


class OptedOut(Rejected):
    """The phone has sent STOP to this sender (21610)."""


class NotProcessed(TransportError):
    """Twilio certainly did not take it: safe to try again after ``retry_after_seconds`` (or a backoff)."""

    def __init__(self, detail: str, code: int | None = None, retry_after_seconds: float | None = None) -> None:
        super().__init__(detail, code)
        self.retry_after_seconds = retry_after_seconds


class SenderBlocked(NotProcessed):
    """Nothing goes out from this sender until a person has put it right (401, unregistered sender …)."""


class TextBlocked(NotProcessed):
    """This text's destination or words are refused until a person has put it right; other texts go on."""


class Ambiguous(TransportError):
    """Twilio may have accepted it: never try again before it has been traced."""
