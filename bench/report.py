"""What every benchmark says of itself: where it ran, which commit; a table to read and JSON to keep."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(".data") / "bench"


def facts() -> dict[str, Any]:
    """The machine, the versions and the commit that the figures belong to."""
    return {
        "at": datetime.now().astimezone().isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in ("django", "djangorestframework", "dramatiq", "redis", "twilio")},
        "commit": _commit(),
    }


def table(title: str, headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns as wide as what stands in them; the first to the left, the others to the right."""
    cells = [list(headings), *([_shown(value) for value in row] for row in rows)]
    widths = [max(len(row[number]) for row in cells) for number in range(len(headings))]
    lines = [
        "  ".join(
            cell.ljust(width) if number == 0 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    return "\n".join([title, *lines[:1], "-" * len(lines[0]), *lines[1:]])


def main(name: str, description: str | None, measure: Callable[[bool], Mapping[str, Any]]) -> int:
    """The command line of a benchmark: ``measure(quick)`` gives ``tables`` (printed) and whatever else JSON keeps."""
    options = parser(name, description).parse_args()
    return show(options, measure(options.quick))


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """What every benchmark can be told; one that can be told more adds to it."""
    made = argparse.ArgumentParser(prog=f"python -m bench.{name}", description=description)
    made.add_argument("--quick", action="store_true", help="a small form, to see that it runs")
    made.add_argument("--json", type=Path, help=f"where the figures are kept (default {RESULTS}/{name}.json)")
    made.set_defaults(name=name)
    return made


def show(options: argparse.Namespace, measured: Mapping[str, Any]) -> int:
    """Print the ``tables`` and keep the rest; the exit status."""
    figures = dict(measured)
    where = facts()
    for shown in figures.pop("tables"):
        print(f"\n{shown}", flush=True)
    print(f"\n{where['machine']}, Python {where['versions']['python']}, commit {where['commit']}, {where['at']}")
    kept: Path = options.json or RESULTS / f"{options.name}{'-quick' if options.quick else ''}.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps({**where, "quick": options.quick, **figures}, indent=2, default=str))
    return 0


def say(line: str) -> None:
    """What is going on, beside the table."""
    print(line, file=sys.stderr, flush=True)


def _shown(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}" if abs(value) < 1 else f"{value:.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _commit() -> str:
    found = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"
