"""`make clean`: end what runs, remove what devstack keeps."""

import shutil

from devstack.embedded import remove
from devstack.guard import Guard, locked
from devstack.home import elsewhere_in_use
from devstack.paths import DATA, DEMO_DATA, RUN_DATA


def clean() -> int:
    """Remove all data. Raises `AlreadyRunning` while a stack is up."""
    for data, what in ((RUN_DATA, "`make run`"), (DEMO_DATA, "`make demo`")):
        with locked(data, what), Guard(data):
            pass
        remove(data)
    for directory in (DATA, *elsewhere_in_use()):
        shutil.rmtree(directory, ignore_errors=True)
    return 0
