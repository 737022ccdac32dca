"""`python -m tests.faults`: run the scenarios, print the table, end with 1 unless every verdict is `pass`."""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

from devstack.signals import stop_on_signals
from tests.faults import report, suite
from tests.faults.plans_design import PlansDesign
from tests.faults.scenarios import BASELINE, SCENARIOS
from tests.faults.suite import FULL, SHORT, Row
from tests.faults.system import Product


def main() -> int:
    options = _parser().parse_args()
    stop_on_signals()
    scale = SHORT if options.short else FULL
    chosen = [scenario for scenario in SCENARIOS if not options.only or scenario.key in options.only]
    rows: list[Row] = []
    began_at = time.monotonic()
    say(report.head())
    if chosen:
        with suite.start(scale, logs=options.logs) as stack:
            for scenario in chosen:
                _show(suite.run(scenario, Product(stack), scale, bookings=options.bookings, seed=options.seed), rows)
    if options.baseline:
        with suite.start(scale, counts={"twilio": 1}, logs=options.logs) as stack:
            baseline = PlansDesign(stack)
            for scenario in (s for s in chosen if s.key in BASELINE):
                row = suite.run(scenario, baseline, scale, bookings=options.bookings, seed=options.seed)
                _show(replace(row, title=f"baseline (the plan's design): {row.title}", is_baseline=True), rows)
    took = time.monotonic() - began_at
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(report.as_json(rows, scale, took))
    failed = [row.key for row in rows if not row.passed and not row.is_baseline]
    say(f"\n{len(rows)} scenarios in {took / 60:.1f} min: {'failed: ' + ', '.join(failed) if failed else 'all pass'}")
    return 1 if failed else 0


def _show(row: Row, rows: list[Row]) -> None:
    rows.append(row)
    say(report.line(row))
    for detail in report.details(row, most=3 if row.is_baseline else 12):
        say(detail)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--short", action="store_true", help="few bookings, short outages, short leases")
    parser.add_argument("--only", nargs="+", metavar="KEY", choices=[s.key for s in SCENARIOS])
    parser.add_argument("--no-baseline", dest="baseline", action="store_false", help="leave out the plan's design")
    parser.add_argument("--bookings", type=int, metavar="N", help="bookings a scenario")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("build/faults.json"), metavar="FILE")
    parser.add_argument("--logs", type=Path, metavar="DIR", help="keep what the processes print")
    return parser


if __name__ == "__main__":
    sys.exit(main())
