"""Twilio's webhooks: signed, answered fast, harmless when repeated."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from twilio.request_validator import RequestValidator
from twilio.twiml.messaging_response import MessagingResponse

from sms import callbacks, inbox

log = structlog.get_logger(__name__)

View = Callable[[HttpRequest], HttpResponse]


def from_twilio(view: View) -> View:
    """Answer 403 to whatever does not bear Twilio's signature over the public URL and the form fields.

    https://www.twilio.com/docs/usage/security#validating-requests
    """

    @csrf_exempt
    @require_POST
    @wraps(view)
    def checked(request: HttpRequest) -> HttpResponse:
        signature = request.headers.get("X-Twilio-Signature", "")
        validator = RequestValidator(settings.TWILIO_AUTH_TOKEN)
        if not signature or not validator.validate(public_url(request), request.POST, signature):
            log.warning("forged_webhook", path=request.path)
            return HttpResponse("The X-Twilio-Signature does not fit this request.", status=403)
        return view(request)

    return checked


def public_url(request: HttpRequest) -> str:
    """The URL that Twilio called, which a proxy may have changed on the way."""
    if settings.PUBLIC_BASE_URL:
        return f"{settings.PUBLIC_BASE_URL}{request.get_full_path()}"
    return request.build_absolute_uri()


@from_twilio
def status(request: HttpRequest) -> HttpResponse:
    """What became of a text that Twilio took."""
    sid = request.POST.get("MessageSid", "")
    if sid:
        callbacks.record(
            callbacks.Report(
                sid=sid[:34],
                status=request.POST.get("MessageStatus", ""),
                error_code=_number(request.POST.get("ErrorCode")),
                message_id=_number(request.GET.get("message")),
                attempt=_number(request.GET.get("attempt")),
            )
        )
    return HttpResponse(status=204)


@from_twilio
def inbound(request: HttpRequest) -> HttpResponse:
    """A text from a customer."""
    answer = inbox.receive(
        inbox.Incoming(
            sid=request.POST.get("MessageSid", "")[:34],
            phone_number=request.POST.get("From", "")[:16],
            sender=request.POST.get("To", "")[:40],
            body=request.POST.get("Body", "").replace("\0", ""),
            is_answered_by_twilio="OptOutType" in request.POST,
        )
    )
    reply = MessagingResponse()
    if answer:
        reply.message(answer)
    return HttpResponse(str(reply), content_type="text/xml")


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 19 else None
