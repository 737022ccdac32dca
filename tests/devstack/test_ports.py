"""Ports are chosen once, kept, and moved only when somebody else has one."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack import ports
from devstack.errors import DevstackError, PortTaken


@pytest.fixture
def busy() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind((ports.HOST, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_all_four_differ_and_are_kept(tmp_path: Path) -> None:
    first = ports.choose(tmp_path / "ports.json", {}, web=None, twilio=None)

    assert len({first.web, first.twilio, first.postgres, first.valkey}) == 4
    assert ports.choose(tmp_path / "ports.json", {}, web=None, twilio=None) == first


def test_a_busy_default_moves_to_the_next_and_says_so(tmp_path: Path, busy: int) -> None:
    said: list[str] = []

    chosen = ports.choose(tmp_path / "ports.json", {}, web=busy, twilio=None, say=said.append)

    assert busy < chosen.web
    assert said == [f"Port {busy} is taken; web uses {chosen.web}."]


def test_a_kept_port_that_got_busy_is_given_up(tmp_path: Path, busy: int) -> None:
    (tmp_path / "ports.json").write_text(json.dumps({"postgres": busy}))

    assert ports.choose(tmp_path / "ports.json", {}, web=None, twilio=None).postgres != busy


def test_a_damaged_note_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text("[1, 2")

    assert ports.choose(tmp_path / "ports.json", {}, web=None, twilio=None).web > 0


def test_a_port_asked_for_is_used_over_the_kept_one(tmp_path: Path) -> None:
    wanted = ports.any_free()
    (tmp_path / "ports.json").write_text(json.dumps({"web": ports.any_free({wanted})}))

    assert ports.choose(tmp_path / "ports.json", {"PORT": str(wanted)}, twilio=None).web == wanted


@pytest.mark.parametrize("variable", ["PORT", "TWILIO_EMULATOR_PORT"])
def test_a_busy_port_asked_for_is_an_error_that_names_it(tmp_path: Path, busy: int, variable: str) -> None:
    with pytest.raises(PortTaken, match=rf"Port {busy} \({variable}"):
        ports.choose(tmp_path / "ports.json", {variable: str(busy)}, web=None, twilio=None)

    assert not (tmp_path / "ports.json").exists()


@pytest.mark.parametrize("value", ["http", "0", "65536", "-1"])
def test_what_is_no_port_is_an_error(tmp_path: Path, value: str) -> None:
    with pytest.raises(DevstackError, match="not a port number"):
        ports.choose(tmp_path / "ports.json", {"PORT": value})


def test_one_port_cannot_be_asked_for_twice(tmp_path: Path) -> None:
    port = str(ports.any_free())

    with pytest.raises(PortTaken, match="TWILIO_EMULATOR_PORT"):
        ports.choose(tmp_path / "ports.json", {"PORT": port, "TWILIO_EMULATOR_PORT": port})
