"""Twilio's errors: code, HTTP status, message (https://www.twilio.com/docs/api/errors)."""

from __future__ import annotations

MESSAGES: dict[int, tuple[int, str]] = {
    20001: (400, "Invalid parameter: {value}"),
    20003: (401, "Authenticate"),
    20004: (405, "Method not allowed"),
    20009: (409, "Cannot delete or redact this resource before it is complete"),
    20404: (404, "The requested resource {value} was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "Internal Server Error"),
    21211: (400, "Invalid 'To' Phone Number: {value}"),
    21212: (400, "Invalid From Number (caller ID): {value}"),
    21408: (
        400,
        "Permission to send an SMS has not been enabled for the region indicated by the 'To' number",
    ),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21606: (400, "The 'From' phone number {value} is not a valid, message-capable Twilio phone number."),
    21609: (400, "The 'StatusCallback' URL {value} is not a valid URL."),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21611: (429, "This 'From' number has exceeded the maximum number of queued messages"),
    21612: (400, "The 'To' phone number {value} is not currently reachable via SMS"),
    21614: (400, "'To' number is not a valid mobile number: {value}"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit."),
    21624: (400, "Invalid validity period value: {value} is not between 1 and 36000 seconds"),
    30400: (400, "Parameters are not valid: {value}"),
    30409: (409, "This message cannot be canceled"),
}

# https://www.twilio.com/docs/iam/test-credentials#test-sms-messages
MAGIC_TO = {
    "+15005550001": 21211,
    "+15005550002": 21612,
    "+15005550003": 21408,
    "+15005550004": 21610,
    "+15005550009": 21614,
}
MAGIC_FROM = {"+15005550001": 21212, "+15005550007": 21606, "+15005550008": 21611}


class TwilioError(Exception):
    """An error as Twilio's REST API answers it. `value` is what the request got wrong."""

    def __init__(self, code: int, value: str = "", *, status: int | None = None) -> None:
        known_status, text = MESSAGES.get(code, (400, f"Error {code}"))
        self.code = code
        self.status = status or known_status
        self.message = text.replace("{value}", value)
        super().__init__(self.message)

    def payload(self) -> dict[str, object]:
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


class ControlError(Exception):
    """A control request that makes no sense; the text says what is accepted. Answered with status 400."""
