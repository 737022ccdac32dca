from __future__ import annotations

from typing import Any

import pytest

from devstack import bootstrap


def test_without_npm_and_without_pypi_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capfd: Any, tmp_path: Any
) -> None:
    monkeypatch.setattr(bootstrap, "runs", lambda *command: False)
    monkeypatch.setattr(bootstrap, "install_command", lambda uv, requirements: ["false"])
    assert bootstrap.install_pages() == 1
    assert "Install Node.js" in capfd.readouterr().err


def test_pages_are_installed_anew_only_when_their_lock_changes(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    assert bootstrap.are_pages_current()  # this checkout's, or no page could be tested
    monkeypatch.setattr(bootstrap, "fingerprint_of_pages", lambda: "another lock")
    assert not bootstrap.are_pages_current()
