"""The account PostgreSQL runs as, and a place for its files that this account can use.

PostgreSQL refuses to run as root. As root, devstack runs it as an unprivileged account, and where that
account cannot reach the checkout (below a closed home directory, say) its files live under /var/tmp.
"""

import contextlib
import hashlib
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devstack.errors import DevstackError
from devstack.paths import CHECKOUT, DATA
from devstack.processes import SERVER_MARK

ACCOUNTS = ("nobody", "postgres", "daemon")
ELSEWHERE = (Path("/var/tmp"), Path("/tmp"), Path("/srv"))  # noqa: S108 - checked for owner and kind
# Which directory outside the checkout holds server files, for `make clean`.
ELSEWHERE_NOTE = "server-files-are-in"


@dataclass(frozen=True)
class Account:
    """An account to run a server as; `uid is None` means: as whoever we are."""

    uid: int | None = None
    gid: int | None = None

    def popen(self, command: Sequence[str | Path], mark: str = "", **options: object) -> "subprocess.Popen[bytes]":
        """`subprocess.Popen` as this account, in a session of its own, with none of our environment but `mark`."""
        if self.uid is not None:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", SERVER_MARK: mark}
        return subprocess.Popen(  # type: ignore[call-overload]
            [str(part) for part in command], env=environment, start_new_session=True, umask=0o077, **options
        )

    def run(self, command: Sequence[str | Path], cwd: Path = Path("/")) -> tuple[int, str]:
        """Run `command` to its end; its exit code (127: cannot be started) and all it printed."""
        try:
            process = self.popen(
                command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
        except OSError as error:
            return 127, str(error)
        output, _ = process.communicate()
        return process.returncode, output.decode(errors="replace")

    def own(self, path: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def can_write(self, directory: Path) -> bool:
        """Whether this account can reach `directory` and write there."""
        return self.run(["/bin/sh", "-c", 'cd "$1" && test -w .', "sh", directory])[0] == 0


def server_account() -> Account:
    """Ourselves, or an unprivileged account of this machine when we are root."""
    if os.geteuid() != 0:
        return Account()
    for name in ACCOUNTS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            account = Account(entry.pw_uid, entry.pw_gid)
            if account.run(["/bin/sh", "-c", "exit 0"])[0] == 0:
                return account
    raise DevstackError(
        "PostgreSQL does not run as root, and none of the accounts "
        f"{', '.join(ACCOUNTS)} can be used here: run this as an ordinary account, or set DATABASE_URL."
    )


def make_directory(path: Path, account: Account) -> bool:
    """Make `path` a private directory of `account`; whether the account can use it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    account.own(path)
    path.chmod(0o700)
    return account.can_write(path)


def directory_for(wanted: Path, account: Account) -> Path:
    """`wanted`, or a stand-in for it outside the checkout where `account` cannot use `wanted`."""
    if make_directory(wanted, account):
        return wanted
    with contextlib.suppress(OSError):
        wanted.rmdir()
    for parent in ELSEWHERE:
        with contextlib.suppress(OSError):
            place = _elsewhere(parent) / _relative(wanted)
            if _open_path(place.parent, below=parent) and make_directory(place, account):
                return place
    raise DevstackError(f"PostgreSQL's account (uid {account.uid}) can write neither here nor in /var/tmp.")


def binaries_for(wanted: Path, tree: Sequence[Path], account: Account) -> Path:
    """`wanted`, or a copy of it outside the checkout where `account` cannot run it.

    `wanted` is a directory of programs; `tree` are the directories beside each other that a copy needs.
    """
    if account.run([wanted / "postgres", "--version"])[0] == 0:
        return wanted
    for parent in ELSEWHERE:
        with contextlib.suppress(OSError):
            place = _copied(tree, parent) / wanted.relative_to(tree[0].parent)
            if account.run([place / "postgres", "--version"])[0] == 0:
                return place
    raise DevstackError(f"PostgreSQL's account (uid {account.uid}) can run {wanted.name} from nowhere here.")


def elsewhere_in_use() -> list[Path]:
    """The directories outside the checkout that were made for it."""
    candidates = [_elsewhere(parent) for parent in ELSEWHERE]
    return [place for place in candidates if place.is_dir() and not place.is_symlink()]


def stand_ins(directory: Path) -> list[Path]:
    """What stands in for `directory` outside the checkout."""
    return [place / _relative(directory) for place in elsewhere_in_use()]


def _elsewhere(parent: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(CHECKOUT)).hexdigest()[:12]
    return parent / f"booking-{os.geteuid()}-{digest}"


def _relative(path: Path) -> Path:
    return path.relative_to(DATA) if path.is_relative_to(DATA) else Path(*path.parts[1:])


def _open_path(directory: Path, below: Path) -> bool:
    """Make `directory` and let other accounts pass through it and its parents, up to `below`.

    False where somebody else owns one of them: in a world-writable directory a name proves nothing.
    """
    for step in reversed([directory, *directory.parents]):
        if not step.is_relative_to(below) or step == below:
            continue
        step.mkdir(mode=0o711, exist_ok=True)
        found = step.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            return False
        step.chmod(0o711)
    _note(directory)
    return True


def _note(directory: Path) -> None:
    with contextlib.suppress(OSError):
        (DATA / ELSEWHERE_NOTE).write_text(f"{directory}\n")


def _copied(tree: Sequence[Path], parent: Path) -> Path:
    """A copy of the directories `tree`, readable for everyone; made once for each version."""
    version = hashlib.sha256(repr([(p.name, p.stat().st_mtime_ns) for p in tree]).encode()).hexdigest()[:12]
    place = _elsewhere(parent) / f"programs-{version}"
    if place.is_dir() and not place.is_symlink() and place.stat().st_uid == os.geteuid():
        return place
    half = place.with_name(f"{place.name}.{os.getpid()}")
    if not _open_path(half, below=parent):
        raise PermissionError(half)
    for directory in tree:
        shutil.copytree(directory, half / directory.name, symlinks=True)
    for path in (half, *half.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644))
    half.replace(place)
    return place
