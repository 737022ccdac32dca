"""docs/api.md is true: its lines are run, in one shell, against real processes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from devstack.paths import CHECKOUT
from tests.processes import Stack

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="the tour is told in curl, which is not here")


def test_every_line_of_the_tour_prints_what_the_page_says(stack: Stack) -> None:
    script = "\n".join(BLOCK.findall((CHECKOUT / "docs/api.md").read_text()))
    promised = re.findall(r"^#> (.*)$", script, re.MULTILINE)
    salon = stack.seed(salons=1, customers=0)[0]
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={
            "PATH": os.environ["PATH"],
            "API": stack.base_url,
            "EMAIL": salon.owner.email,
            "PASSWORD": salon.owner.password,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == promised
    assert len(promised) > 15
