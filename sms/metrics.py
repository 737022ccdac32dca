"""What a monitor wants to know of the texts, for Prometheus.

Counters and histograms are kept by each process; those of one machine meet in `PROMETHEUS_MULTIPROC_DIR` and are added
up by whichever web process is asked. What stands in the ledger at this moment is read from it when asked.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from django.db import connection
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from sms.transport import TEXT_BLOCKED_CODES

ENDED = Counter("sms_texts_total", "Texts that came to an end or were sent, by kind and state", ["kind", "state"])
LATENESS = Histogram(
    "sms_lateness_seconds",
    "From the moment a text was due to its acceptance by Twilio",
    ["kind"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)
SEND_SECONDS = Histogram("sms_send_seconds", "How long Twilio took to answer", buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5))
RETRIES = Counter("sms_retries_total", "Attempts that Twilio did not process, to be made again")
AMBIGUOUS = Counter("sms_ambiguous_total", "Attempts of unknown fate, to be traced")
LEASE_EXPIRIES = Counter("sms_lease_expiries_total", "Claims whose worker did not come back")

# Each count walks one small partial index, never the ledger.
_IN_LEDGER = """
    SELECT 'due', count(*) FROM sms_message WHERE status = 'pending' AND next_attempt_at <= now()
    UNION ALL
    SELECT status, count(*) FROM sms_message WHERE status IN ('sending', 'unknown') GROUP BY status
    UNION ALL
    SELECT 'oldest_overdue_seconds', coalesce(extract(epoch FROM now() - (
        SELECT due_at FROM sms_message
         WHERE status = 'pending' AND next_attempt_at <= now()
           AND (error_code IS NULL OR error_code <> ALL(%(blocked)s))
         ORDER BY next_attempt_at LIMIT 1)), 0)::bigint
    UNION ALL
    SELECT 'stopped_senders', count(*) FROM sms_senderhold
    UNION ALL
    SELECT 'blocked_texts', count(*) FROM sms_message
     WHERE status = 'pending' AND error_code IS NOT NULL AND error_code = ANY(%(blocked)s)
"""


def ledger_now() -> dict[str, int]:
    """Rows due, sending and unknown; seconds the oldest that could go is overdue; senders stopped, texts blocked."""
    with connection.cursor() as cursor:
        cursor.execute(_IN_LEDGER, {"blocked": list(TEXT_BLOCKED_CODES)})
        return {"due": 0, "sending": 0, "unknown": 0} | {name: int(value) for name, value in cursor.fetchall()}


class LedgerCollector(Collector):
    """The ledger and the queues as they stand when asked."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        from booking_api.broker import broker
        from sms.dispatch import LANES

        for name, value in ledger_now().items():
            yield GaugeMetricFamily(f"sms_{name}", f"Ledger: {name.replace('_', ' ')}", value=value)
        queued = GaugeMetricFamily("sms_queued", "Texts waiting in Redis for a worker", labels=["lane"])
        for lane in LANES:
            queued.add_metric([lane], broker.queue_length(lane))
        yield queued


def exposition() -> bytes:
    """Everything, in Prometheus' text format."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
    current = CollectorRegistry()
    current.register(LedgerCollector())
    return generate_latest(registry) + generate_latest(current)
