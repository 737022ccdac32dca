from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench import namespaces, two_sets
from devstack.paths import CHECKOUT


def names() -> set[str]:
    """Of the namespaces and bridges that stand now."""
    listed = subprocess.run([str(namespaces.IP), "netns", "list"], capture_output=True, text=True).stdout
    listed += subprocess.run([str(namespaces.IP), "-o", "link", "show"], capture_output=True, text=True).stdout
    return {found[0] for found in namespaces.OURS.finditer(listed)}


@pytest.fixture
def _can_make_namespaces() -> None:
    try:
        with namespaces.bridged(1):
            pass
    except namespaces.NoNamespaces as error:
        pytest.skip(str(error))


@pytest.mark.usefixtures("_can_make_namespaces")
def test_small_form_sends_every_text_by_one_of_two_sets_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """In a process of its own: the sockets of this one reach loopback only."""
    kept, before = tmp_path / "two_sets.json", names()

    subprocess.run(
        [sys.executable, "-m", "bench.two_sets", "--quick", "--only", "waiting", "--json", str(kept)],
        cwd=CHECKOUT,
        check=True,
    )

    (case,) = json.loads(kept.read_text())["found"]
    (one,), (two,) = case["one"], case["two"]
    assert one["sent_by_set"] == [200]
    assert sum(two["sent_by_set"]) == 200
    assert min(two["sent_by_set"]) > 0
    assert names() == before


@pytest.mark.usefixtures("_can_make_namespaces")
def test_what_a_killed_run_left_goes_with_the_next_start() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    name = f"salon-{ended.pid}"
    for made in (f"netns add {name}-1", f"link add {name} type bridge"):
        subprocess.run([str(namespaces.IP), *made.split()], check=True)

    with namespaces.bridged(1):
        assert not {name, f"{name}-1"} & names()


@pytest.mark.parametrize(
    ("ip", "uid", "says"), [(None, 0, "install iproute2"), ("/sbin/ip", 1000, "need root: run it with sudo")]
)
def test_says_what_is_missing(
    ip: str | None, uid: int, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["two_sets", "--quick"])
    monkeypatch.setattr(namespaces, "IP", ip)
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(two_sets, "stop_on_signals", lambda: None)  # pytest has its own

    assert two_sets.main() == 1

    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
