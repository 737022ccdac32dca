"""The Dramatiq actors: an id in, one service call."""

import dramatiq

from user import services


@dramatiq.actor(queue_name="mail", priority=5)
def send_password_reset(user_id: int) -> None:
    """Mail a password reset. Of an unknown address the id is 0, so that asking takes as long for any address."""
    services.send_password_reset(user_id)
