"""The documents say what is there: every symbol, path, setting and command that they name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.utils.module_loading import import_string

ROOT = Path(__file__).resolve().parent.parent
DOCS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
APPS = ("address", "appointment", "booking_api", "customer", "salon", "schedule", "sms", "transfer", "user", "waitlist")

SYMBOL = re.compile(rf"`((?:{'|'.join(APPS)})(?:\.\w+)+)`")
NO_SYMBOLS = {"salon.reminder_time_minutes", "sms.now", "sms.reminders"}  # a salon's field, two queues
FILE = re.compile(r"`([\w./-]+\.(?:py|md|yml|yaml|txt|in|toml|html))`|\]\(([\w./-]+)\)")
MAKE = re.compile(r"`make ([a-z-]+)|^make ([a-z-]+)", re.MULTILINE)
SETTING_READ = re.compile(r"""env\.\w+\(\s*"([A-Z_]+)\"""")


def resolve(name: str) -> object:
    """Import a dotted name, which may be a module, or an attribute of a class in one."""
    for split in range(name.count(".") + 1, 0, -1):
        parts = name.split(".")
        try:
            found: object = import_string(".".join(parts[:split])) if split > 1 else __import__(parts[0])
        except ImportError:
            try:
                found = __import__(".".join(parts[:split]), fromlist=["*"])
            except ImportError:
                continue
        for attribute in parts[split:]:
            found = getattr(found, attribute)
        return found
    raise ImportError(name)


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_every_symbol_named_exists(document):
    for name in SYMBOL.findall(document.read_text()):
        if name not in NO_SYMBOLS:
            assert resolve(name) is not None, name


def test_flow_names_symbols_at_all():
    assert len(SYMBOL.findall((ROOT / "docs/flow.md").read_text())) > 20


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_every_file_named_exists(document):
    for groups in FILE.findall(document.read_text()):
        name = next(filter(None, groups))
        candidates = [ROOT / name, document.parent / name, *(ROOT / app / name for app in APPS)]
        assert any(path.exists() for path in candidates), name


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_every_make_target_named_exists(document):
    makefile = (ROOT / "Makefile").read_text()
    for groups in MAKE.findall(document.read_text()):
        target = next(filter(None, groups))
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_env_example_lists_every_setting_read_and_no_other_of_ours():
    read = set(SETTING_READ.findall((ROOT / "booking_api/settings.py").read_text()))
    read |= {"DATABASE_URL"}
    listed = set(re.findall(r"^#?\s?([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert read - listed == set()
    everywhere = "\n".join(
        path.read_text()
        for pattern in ("booking_api/*.py", "Procfile", "twilio_emulator/*.py", "docs/*.md", "sms/*.py")
        for path in ROOT.glob(pattern)
    )
    assert {name for name in listed if name not in everywhere} == set()
