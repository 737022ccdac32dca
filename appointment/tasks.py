"""The Dramatiq actors: a booking's id in, one service call. Losing or doubling one of them does no harm."""

import dramatiq

from appointment import due_texts


@dramatiq.actor(queue_name="sms.now", priority=0)
def send_sms_confirmation(booking_id: int) -> None:
    """Send the confirmation that the booking owes now."""
    due_texts.deliver_confirmation(booking_id)


@dramatiq.actor(queue_name="sms.reminders", priority=10)
def send_sms_reminder(booking_id: int, cancelled_info: object = None) -> None:
    """Send the reminder that the booking owes now. ``cancelled_info`` is accepted from old callers and ignored."""
    due_texts.deliver_reminder(booking_id)


@dramatiq.actor(queue_name="sms.now", priority=0)
def send_sms_cancellation(booking_id: int) -> None:
    """Send the cancellation that the booking owes now; the booking itself may be gone."""
    due_texts.deliver_cancellation(booking_id)


@dramatiq.actor(queue_name="sms.now", priority=0)
def send_sms_offer(booking_id: int) -> None:
    """Tell somebody on the waitlist of the time that is kept for them."""
    due_texts.deliver_offer(booking_id)
