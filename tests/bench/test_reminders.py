from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from bench import peers, reminders
from tests.test_architecture import PRODUCTION, imports

PEERS = sorted(Path(next(iter(peers.__path__))).glob("*.py"))


def test_small_form_measures_ours_and_writes_it_down(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The peers are left out: their libraries are installed only where the benchmark itself is run."""
    kept = tmp_path / "reminders.json"
    monkeypatch.setattr("sys.argv", ["reminders", "--quick", "--only", "ours", "--json", str(kept)])

    assert reminders.main() == 0

    (case,) = json.loads(kept.read_text())["found"]
    (burst,) = case["bursts"]
    assert (burst["ran"], burst["of"], burst["twice"]) == (100, 100, 0)
    assert 0 < burst["late_p50"] <= burst["late_p99"] <= burst["late_max"]
    assert case["restart_seconds"] > 0
    assert set(case["killed"]) == {"workers", "workers and dispatcher"}
    assert {"dispatcher 1", "worker 2", "PostgreSQL", "Valkey"} == set(case["idle"])
    assert "1,000 pending" in capsys.readouterr().out


@pytest.mark.parametrize("path", PEERS, ids=lambda path: path.stem)
def test_peer_knows_nothing_of_the_product(path: Path) -> None:
    named = {name for name, _ in imports(path)}
    own = [
        node.module or ""
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bench")
    ]

    assert not named & (PRODUCTION | {"devstack", "tests", "twilio_emulator"})
    assert all(module.startswith("bench.peers") for module in own)
