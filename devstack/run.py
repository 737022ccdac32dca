"""`make run`: the whole stack on this machine, until Ctrl-C."""

import time
from collections.abc import Mapping

from devstack import logins
from devstack.errors import ServerFailed
from devstack.paths import RUN_DATA
from devstack.stack import Stack, python, running
from twilio_emulator.client import EmulatorClient

QUIET_SECONDS = 10.0


def run(given: Mapping[str, str]) -> int:
    """Start, seed, say where everything is, and wait. The exit code: 0 after Ctrl-C or SIGTERM."""
    try:
        with running(RUN_DATA, given, what="`make run`", debug=True) as stack:
            python(stack.environ, "-m", "devstack.seed")
            wait_for_quiet(stack)
            print(banner(stack), flush=True)
            code = stack.runner.wait()
            raise ServerFailed(f"A process of the Procfile ended, so all were stopped (exit code {code}).")
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0


def wait_for_quiet(stack: Stack) -> None:
    """Let the texts of the new bookings go out first, so that the banner is the last thing on the screen."""
    phones, seen = EmulatorClient(stack.twilio_url), -1
    until = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < until and seen != (seen := len(phones.messages())):
        time.sleep(1)


def banner(stack: Stack) -> str:
    """What a newcomer needs next: where to look, how to log in, how to stop."""
    lines = [
        f"Staff pages      {stack.base_url}/   (the day, with every text)",
        f"API              {stack.base_url}/docs/",
        f"Admin            {stack.base_url}/admin/",
        f"Phones           {stack.twilio_url}/   (every text the salon sends; reply there)",
        f"Salon owner      {logins.OWNER} / {logins.PASSWORD}",
        f"Platform admin   {logins.ADMIN} / {logins.PASSWORD}",
        "Ctrl-C stops all of it.",
    ]
    rule = "-" * max(map(len, lines))
    return "\n".join(["", rule, *lines, rule, ""])
