"""`make demo`: a booking end to end against a running stack, and a judgement of every text the phones got."""

import os
import secrets
from collections.abc import Mapping

from devstack import logins
from devstack.demo.api import Api
from devstack.demo.play import play
from devstack.demo.scenes import Cast
from devstack.demo.verdict import judge, table
from devstack.demo.week import shown_week
from devstack.errors import ServerFailed
from devstack.paths import DEMO_DATA
from devstack.stack import Stack, manage, python, running
from twilio_emulator.client import EmulatorClient

LOG_LINES = 40


def demo(given: Mapping[str, str]) -> int:
    """Start a fresh stack, play, judge; 0 only if exactly the right texts arrived."""
    log = DEMO_DATA / "processes.log"
    try:
        with running(DEMO_DATA, given, what="`make demo`", web=None, twilio=None, fresh=True, log=log) as stack:
            failures = perform(stack)
    except ServerFailed as failed:
        words = log.read_text(errors="replace").splitlines()[-LOG_LINES:] if log.exists() else []
        raise ServerFailed("\n".join([*words, str(failed)])) from failed
    if failures:
        print(f"\nNOT as owed:{os.linesep}" + "\n".join(f"  {failure}" for failure in failures))
        print(f"What the processes said is in {log.relative_to(DEMO_DATA.parent.parent)}.")
        return 1
    print("\nExactly the right texts arrived: none missing, none extra, none late.")
    return 0


def perform(stack: Stack) -> list[str]:
    """Play every scene against `stack`; what went wrong, nothing if all went right."""
    run = secrets.token_hex(3)
    admin = f"admin-{run}@demo.example"
    superuser = {"DJANGO_SUPERUSER_EMAIL": admin, "DJANGO_SUPERUSER_PASSWORD": logins.PASSWORD}
    manage(stack.environ | superuser, "createsuperuser", "--noinput")
    api = Api(stack.base_url)
    api.log_in(admin, logins.PASSWORD)
    python(stack.environ, "-m", "devstack.seed", "--quietly")
    print("\n" + shown_week(api, logins.SALON), flush=True)
    cast = Cast.assemble(api, run)
    stack.wait_until_fit()
    performance = play(cast, EmulatorClient(stack.twilio_url))
    judgement = judge(performance.owed, performance.arrived)
    print("\n" + table(judgement, cast.zone))
    return [*performance.accidents, *judgement.failures]
