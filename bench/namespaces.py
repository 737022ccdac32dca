"""Network namespaces on a bridge: each is a host of its own to what runs in it, with one address and nothing else."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]

NETWORK = "10.213.{}.0/24"
NAME = "salon-{}"  # with the pid, and a number for each namespace: 15 characters, as many as a link may have
OURS = re.compile(r"\bsalon-(\d+)(?:-\d)?\b")
IP = shutil.which("ip") or shutil.which("ip", path="/usr/sbin:/sbin")


class NoNamespaces(Exception):
    """They cannot be made here; the message says what to do."""


@dataclass(frozen=True)
class Namespace:
    name: str
    address: str

    def command(self, line: str) -> str:
        """The shell line that runs ``line`` inside, as the same process."""
        return f"exec {IP} netns exec {self.name} /bin/sh -c {shlex.quote(line)}"


@contextlib.contextmanager
def bridged(count: int) -> Iterator[tuple[str, list[Namespace]]]:
    """This machine's address on a new bridge, and ``count`` namespaces that reach it; all gone afterwards.

    Raises NoNamespaces.
    """
    _refuse_without_means()
    _remove_leftovers()
    network = _free_network()
    own, *addresses = (str(address) for address, _ in zip(network.hosts(), range(count + 1), strict=False))
    bridge = NAME.format(os.getpid())
    with contextlib.ExitStack() as stop:
        stop.callback(_try_ip, f"link del {bridge}")
        _ip(f"link add {bridge} type bridge")
        _ip(f"address add {own}/{network.prefixlen} dev {bridge}")
        _ip(f"link set {bridge} up")
        namespaces = []
        for number, address in enumerate(addresses, 1):
            name = f"{bridge}-{number}"
            stop.callback(_try_ip, f"netns del {name}")
            _ip(f"netns add {name}")
            stop.callback(_try_ip, f"link del {name}")
            _ip(f"link add {name} type veth peer name eth0 netns {name}")
            _ip(f"link set {name} master {bridge} up")
            _ip(f"-n {name} address add {address}/{network.prefixlen} dev eth0")
            for link in ("lo", "eth0"):
                _ip(f"-n {name} link set {link} up")
            namespaces.append(Namespace(name, address))
        yield own, namespaces


def _refuse_without_means() -> None:
    if IP is None:
        raise NoNamespaces("Network namespaces need `ip`: install iproute2 (Debian: apt-get install iproute2).")
    if os.geteuid() != 0:
        raise NoNamespaces("Network namespaces need root: run it with sudo.")


def _remove_leftovers() -> None:
    """Of runs that were killed."""
    for kind, listed in (("netns", _try_ip("netns list")), ("link", _try_ip("-o link show type bridge"))):
        for name, pid in {(found[0], int(found[1])) for found in OURS.finditer(listed)}:
            if not psutil.pid_exists(pid):
                _try_ip(f"{kind} del {name}")


def _free_network() -> ipaddress.IPv4Network:
    taken = [
        ipaddress.ip_network(route["dst"]) for route in json.loads(_ip("-j -4 route show")) if route["dst"] != "default"
    ]
    for number in range(256):
        network = ipaddress.IPv4Network(NETWORK.format((os.getpid() + number) % 256))
        if not any(network.overlaps(other) for other in taken):
            return network
    raise NoNamespaces("All of 10.213.0.0/16 is routed somewhere: free a part of it.")


def _ip(arguments: str) -> str:
    done = subprocess.run([str(IP), *arguments.split()], capture_output=True, text=True)
    if done.returncode:
        raise NoNamespaces(
            f"`ip {arguments}` failed ({done.stderr.strip()}): run it where root may make network namespaces"
            " (in a container: --privileged)."
        )
    return done.stdout


def _try_ip(arguments: str) -> str:
    return subprocess.run([str(IP), *arguments.split()], capture_output=True, text=True).stdout
