"""`python -m devstack.procfile`: the processes of the Procfile, by honcho, stopped as a service manager stops them.

honcho signals whole process groups. A Dramatiq worker process takes the second SIGTERM (one from honcho, one from its
own master) as an order to drop what it does, so only the leader of each group is asked; all of it is killed only if
that takes too long.
"""

import os
import signal
import sys
from pathlib import Path

from honcho import environ, manager
from honcho.compat import ProcessManager
from honcho.printer import Printer

from devstack.paths import CHECKOUT
from devstack.processes import STOP_SECONDS


class AskLeaders(ProcessManager):
    """Ask the process itself to stop; honcho's own way, by group, to kill."""

    def terminate(self, pid: int) -> None:
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            return


def main(procfile: Path) -> int:
    """Run every process of `procfile` until one ends or we are told to stop; honcho's exit code."""
    manager.KILL_WAIT = STOP_SECONDS
    runner = manager.Manager(Printer(sys.stdout, colour=sys.stdout.isatty()))
    runner._procmgr = AskLeaders()
    for name, command in environ.parse_procfile(procfile.read_text()).processes.items():
        runner.add_process(name, command, env=dict(os.environ), cwd=str(CHECKOUT))
    runner.loop()
    return int(runner.returncode or 0)


if __name__ == "__main__":
    sys.exit(main(CHECKOUT / "Procfile"))
