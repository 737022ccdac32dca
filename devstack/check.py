"""`make check`: what can be checked without running the product; every check runs, also after one failed."""

import difflib
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from devstack.embedded import throwaway
from devstack.paths import CHECKOUT

OPENAPI = Path("docs/openapi.yaml")
SHOWN_DIFFERENCES = 40


def check(given: Mapping[str, str]) -> int:
    """Run all checks, print a line for each; the exit code is 0 only if all passed."""
    with throwaway(given) as environ:
        results = [_timed(name, step, environ) for name, step in STEPS.items()]
    failed = [name for name, passed in results if not passed]
    print(f"\n{len(results) - len(failed)} of {len(results)} checks passed" + "".join(f"; {n} failed" for n in failed))
    return 1 if failed else 0


def _timed(name: str, step: "Callable[[dict[str, str]], bool]", environ: dict[str, str]) -> tuple[str, bool]:
    started = time.monotonic()
    passed = step(environ)
    print(f"{'ok    ' if passed else 'FAILED'} {name:<12} {time.monotonic() - started:5.1f} s", flush=True)
    return name, passed


def _python(*arguments: str) -> "Callable[[dict[str, str]], bool]":
    """A step that runs this interpreter; it prints what the program says only when that fails."""

    def step(environ: dict[str, str]) -> bool:
        result = subprocess.run(
            [sys.executable, *arguments], cwd=CHECKOUT, env=environ, capture_output=True, text=True, check=False
        )
        if result.returncode:
            print(result.stdout + result.stderr)
        return result.returncode == 0

    return step


def _openapi(environ: dict[str, str]) -> bool:
    """Whether the committed description is what the code says."""
    result = subprocess.run(
        [sys.executable, "manage.py", "spectacular", "--validate", "--fail-on-warn"],
        cwd=CHECKOUT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        print(result.stdout[-2000:] + result.stderr)
        return False
    differences = drift(CHECKOUT / OPENAPI, result.stdout)
    if differences:
        print("\n".join(differences[:SHOWN_DIFFERENCES]))
        print(f"{OPENAPI} is not what the code says: `make openapi` writes it anew.")
    return not differences


def drift(committed: Path, generated: str) -> list[str]:
    """The differences between the file `committed` (a missing one counts as empty) and `generated`."""
    text = committed.read_text() if committed.is_file() else ""
    lines = difflib.unified_diff(
        text.rstrip().splitlines(), generated.rstrip().splitlines(), str(OPENAPI), "code", n=1, lineterm=""
    )
    return list(lines)


STEPS: "dict[str, Callable[[dict[str, str]], bool]]" = {
    "lint": _python("-m", "ruff", "check", "."),
    "format": _python("-m", "ruff", "format", "--check", "."),
    "types": _python("-m", "mypy", "."),
    "settings": _python("manage.py", "check", "--database", "default", "--fail-level", "WARNING"),
    "migrations": _python("manage.py", "makemigrations", "--check", "--dry-run"),
    "openapi": _openapi,
}
