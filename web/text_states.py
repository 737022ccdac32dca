"""What became of texts, in the words of the pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from sms.models import Message
from sms.opt_outs import REASON as OPTED_OUT
from web.names import Words, kind_name

Status = Message.Status
ON_ITS_WAY = (Status.SENDING, Status.UNKNOWN)
GONE_OUT = (Status.SENT, Status.DELIVERED)
# Of a text that is not sent, and why nobody need worry.
QUIET = (Status.SKIPPED, Status.CANCELLED, Status.SUPERSEDED, Status.EXPIRED)


@dataclass(frozen=True)
class Badge:
    """The state of a visit's texts at a glance: ``state`` names the look, ``label`` says it."""

    state: str
    label: Words


NO_TEXTS = Badge("none", gettext_lazy("No texts"))


def badge_of(texts: Sequence[Message], *, is_opted_out: bool) -> Badge:
    """What most needs to be known of the newest text of each kind: a failure first, what is planned last."""
    failed = [text for text in texts if text.status == Status.FAILED and text.reason != OPTED_OUT]
    if failed:
        return Badge("failed", gettext("%(kind)s failed") % _kind(failed[0]))
    if is_opted_out:
        return Badge("opted-out", gettext("Opted out: gets no texts"))
    under_way = [text for text in texts if text.status in ON_ITS_WAY]
    if under_way:
        return Badge("sending", gettext("%(kind)s is being sent") % _kind(under_way[0]))
    gone = sorted((text for text in texts if text.sent_at), key=lambda text: text.sent_at or text.due_at)
    if gone:
        if gone[-1].status == Status.DELIVERED:
            return Badge("delivered", gettext("%(kind)s delivered") % _kind(gone[-1]))
        return Badge("sent", gettext("%(kind)s sent") % _kind(gone[-1]))
    planned = [text for text in texts if text.status == Status.PENDING]
    return Badge("planned", gettext("%(kind)s planned") % _kind(planned[0])) if planned else NO_TEXTS


def _kind(text: Message) -> dict[str, str]:
    return {"kind": kind_name(text.kind)}


@dataclass(frozen=True)
class Step:
    """``is_another_day``: on the clock of the page, than the step before."""

    label: str
    at: datetime | None = None
    is_another_day: bool = True


@dataclass(frozen=True)
class Told:
    """A text with its story: planned → sent → delivered, or why it was not sent."""

    text: Message
    state: str
    steps: list[Step]
    words: str
    may_go_again: bool = False


def told(text: Message, words: str = "", *, may_go_again: bool = False, is_opted_out: bool = False) -> Told:
    """``words`` are what a text still waiting would say; ``is_opted_out`` says that it will not be sent."""
    steps: list[Step] = []
    for label, at in (
        (gettext("planned"), text.due_at),
        (gettext("sent"), text.sent_at),
        (gettext("delivered"), text.delivered_at),
    ):
        if at is not None:
            before = steps[-1].at if steps else None
            steps.append(Step(label, at, before is None or timezone.localdate(at) != timezone.localdate(before)))
    if text.status == Status.FAILED:
        words = gettext("failed: %(reason)s") if text.sent_at else gettext("not sent: %(reason)s")
        steps.append(Step(words % {"reason": text.reason}))
    elif text.status in QUIET:
        steps.append(Step(gettext("not sent: %(reason)s") % {"reason": text.reason or text.status}))
    elif is_opted_out and text.status == Status.PENDING:
        steps.append(Step(gettext("will not be sent: opted out")))
    elif text.status in ON_ITS_WAY:
        steps.append(
            Step(gettext("being sent") if text.status == Status.SENDING else gettext("being traced at Twilio"))
        )
    return Told(text, state_of(text), steps, text.body or words, may_go_again)


def state_of(text: Message) -> str:
    """The look of a text's state."""
    if text.status == Status.FAILED:
        return "opted-out" if text.reason == OPTED_OUT else "failed"
    if text.status in ON_ITS_WAY:
        return "sending"
    if text.status in QUIET:
        return "opted-out" if text.reason == OPTED_OUT else "none"
    return "planned" if text.status == Status.PENDING else str(text.status)
