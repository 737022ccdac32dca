"""`make run`: the whole stack on this machine, until Ctrl-C."""

from collections.abc import Mapping

from devstack import logins
from devstack.errors import ServerFailed
from devstack.paths import RUN_DATA
from devstack.stack import Stack, python, running


def run(given: Mapping[str, str]) -> int:
    """Start, seed, say where everything is, and wait. The exit code: 0 after Ctrl-C or SIGTERM."""
    print("Starting: PostgreSQL, Valkey, then web, worker, dispatcher and the local Twilio …")
    try:
        with running(RUN_DATA, given, what="`make run`", debug=True) as stack:
            python(stack.environ, "-m", "devstack.seed")
            print(banner(stack), flush=True)
            code = stack.runner.wait()
            raise ServerFailed(f"A process of the Procfile ended, so all were stopped (exit code {code}).")
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0


def banner(stack: Stack) -> str:
    """What a newcomer needs next: where to look, how to log in, how to stop."""
    lines = [
        f"API              {stack.base_url}/docs/",
        f"Admin            {stack.base_url}/admin/",
        f"Phones           {stack.twilio_url}/   (every text the salon sends; reply there)",
        f"Salon owner      {logins.OWNER} / {logins.PASSWORD}",
        f"Platform admin   {logins.ADMIN} / {logins.PASSWORD}",
        "Ctrl-C stops all of it.",
    ]
    rule = "-" * max(map(len, lines))
    return "\n".join(["", rule, *lines, rule, ""])
