"""What one text costs: reminders due at once, through the whole engine, beside the bare `twilio` client in a loop.

Both post the same texts to the same local Twilio from as many processes and threads. The peer only posts; ours
claims, checks, renders, posts and records, with PostgreSQL and Redis as durable as in production.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench import ledger, report, usage
from tests.processes import SeededSalon, Stack

CUSTOMERS = 1000
# Processes, threads of each, and how many milliseconds Twilio takes to answer.
FULL = [(2, 8, 0), (1, 64, 0), (2, 64, 0), (4, 64, 0), (2, 64, 50), (2, 96, 150), (2, 96, 200)]
QUICK = [(2, 8, 0), (2, 64, 150)]
RUNS, QUICK_RUNS = 3, 1
TEXTS, QUICK_TEXTS = 5000, 1000
GIVE_UP_SECONDS = 120.0


def measure(quick: bool) -> dict[str, Any]:
    runs, texts = (QUICK_RUNS, QUICK_TEXTS) if quick else (RUNS, TEXTS)
    found: list[dict[str, Any]] = []
    # Without callbacks: their webhooks are another process's work, and the peer has none.
    with Stack(counts={"twilio": 1}, overrides={"PUBLIC_BASE_URL": "", "LOG_FORMAT": "json"}) as stack:
        salon = stack.seed(salons=1, customers=CUSTOMERS)[0]
        for processes, threads, answer_ms in QUICK if quick else FULL:
            ours: list[dict[str, float]] = []
            peers: list[dict[str, float]] = []
            for run in range(runs):
                report.say(f"{processes} x {threads}, Twilio answers in {answer_ms} ms, run {run + 1} of {runs}")
                for side, post in ((peers, _peer), (ours, _ours)):
                    stack.twilio.reset()
                    stack.twilio.latency(answer_ms)
                    side.append(post(stack, salon, processes, threads, texts))
            found.append(
                {"processes": processes, "threads": threads, "answer_ms": answer_ms, "ours": ours, "peer": peers}
            )
    return {"texts": texts, "runs": runs, "found": found, "tables": [_table(found, texts, runs)]}


def _ours(stack: Stack, salon: SeededSalon, processes: int, threads: int, texts: int) -> dict[str, float]:
    """Texts a second of a burst that is due when everything runs; CPU and memory of all that is ours."""
    dispatcher = stack.add("dispatcher")
    worker = stack.add("worker", WORKER_PROCESSES=str(processes), WORKER_THREADS=str(threads))
    try:
        _warm(stack, salon)
        burst = ledger.add_burst(stack, salon, texts, due_in_seconds=2.0)
        pids = {"engine": [dispatcher.pid, worker.pid], "servers": [stack.postgres.pid, stack.valkey.pid]}  # type: ignore[union-attr]
        before = {name: usage.of(those) for name, those in pids.items()}
        late = ledger.wait_until_sent(stack, burst, GIVE_UP_SECONDS)
        spent = {name: usage.of(those).since(before[name]) for name, those in pids.items()}
    finally:
        stack.remove(worker)
        stack.remove(dispatcher)
    if len(late) < texts:
        raise RuntimeError(f"only {len(late)} of {texts} texts went out:\n{stack.log_end('worker')}")
    return {
        "texts_per_second": texts / late[-1],
        "cpu_ms_a_text": spent["engine"].cpu_seconds / texts * 1000,
        "servers_cpu_ms_a_text": spent["servers"].cpu_seconds / texts * 1000,
        "memory_mib": spent["engine"].memory_mib,
    }


def _warm(stack: Stack, salon: SeededSalon) -> None:
    """Imports, connections and caches are there before anything is timed."""
    burst = ledger.add_burst(stack, salon, 300, due_in_seconds=0.0)
    ledger.wait_until_sent(stack, burst, GIVE_UP_SECONDS)
    time.sleep(1.0)


def _peer(stack: Stack, _: SeededSalon, processes: int, threads: int, texts: int) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.bare_client", str(threads), str(texts // processes)]

    def post(_: int) -> float:
        done = subprocess.run(command, env=stack.environ, capture_output=True, text=True, check=True)
        return float(done.stdout)

    with ThreadPoolExecutor(processes) as pool:
        return {"texts_per_second": texts / max(pool.map(post, range(processes)))}


def _table(found: list[dict[str, Any]], texts: int, runs: int) -> str:
    rows = []
    for case in found:
        ours, peer = _medians(case["ours"]), _medians(case["peer"])
        rows.append(
            [
                f"{case['processes']} x {case['threads']}, {case['answer_ms']} ms",
                ours["texts_per_second"],
                peer["texts_per_second"],
                ours["texts_per_second"] / peer["texts_per_second"],
                ours["cpu_ms_a_text"],
                ours["servers_cpu_ms_a_text"],
                ours["memory_mib"],
            ]
        )
    headings = [
        "processes x threads, answer",
        "texts/s",
        "bare client/s",
        "ratio",
        "CPU ms/text",
        "servers' CPU ms/text",
        "MiB",
    ]
    title = (
        f"Texts a second: {texts} reminders due at once, medians of {runs} (bare client: posts only, records nothing)"
    )
    return report.table(title, headings, rows)


def _medians(runs: list[Mapping[str, float]]) -> dict[str, float]:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


if __name__ == "__main__":
    sys.exit(report.main("texts", __doc__, measure))
