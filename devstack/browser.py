"""The machine's own Chromium, without a window: for the tests, pictures and measurements of the pages."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping

from playwright.sync_api import Browser, sync_playwright

from devstack.errors import DevstackError

NAMES = ("chromium", "chromium-browser", "google-chrome")
ADVICE = (
    "Chromium is needed for this, and none was found. Install it (Debian: apt-get install --no-install-recommends "
    "chromium), or set CHROMIUM to the path of one."
)
ARGUMENTS = ("--disable-gpu", "--disable-background-networking", "--no-first-run")


def find(given: Mapping[str, str]) -> str | None:
    """The path of Chromium: what CHROMIUM names, else the first of the usual names on PATH."""
    names = [given["CHROMIUM"]] if given.get("CHROMIUM") else NAMES
    return next(filter(None, map(shutil.which, names)), None)


@contextlib.contextmanager
def chromium(given: Mapping[str, str]) -> Iterator[Browser]:
    """A running Chromium. Raises `DevstackError`, with what to do, where there is none."""
    path = find(given)
    if path is None:
        raise DevstackError(ADVICE)
    # Root has no sandbox to go into.
    arguments = [*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            browser.close()
