"""Real processes killed, starved and lied to while bookings go on; then every phone is asked what it got.

`python -m tests.faults` runs all of it (`--help` says more), `tests/faults/test_faults.py` a short form.

- `workload` books, moves and cancels over HTTP, and keeps a log of what it was answered;
- `scenarios` breaks something meanwhile;
- `verdict` works out from the log alone what every phone was owed, and compares;
- `suite` puts the three together, `report` prints the table, `plans_design` is the baseline.
"""
