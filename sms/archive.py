"""Texts of visits long past leave the ledger for files, so that its size is that of the time kept, and not of all time.

Only rows that have come to an end go. A row is on the disk before it is deleted: a crash in between leaves it in both
places, never in none.
"""

from __future__ import annotations

import gzip
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from sms.ledger import UNSETTLED

BATCH = 5000

_TAKE = """
    SELECT message.id, (to_jsonb(message) || jsonb_build_object('replies', coalesce(
               (SELECT jsonb_agg(reply ORDER BY reply.received_at) FROM sms_inboundmessage reply
                 WHERE reply.in_reply_to_id = message.id), '[]')))::text
      FROM sms_message message
     WHERE visit_at < %(before)s AND status <> ALL(%(unsettled)s) AND id > %(after)s
     ORDER BY id LIMIT %(limit)s
       FOR UPDATE SKIP LOCKED
"""


def archive(before: datetime, directory: Path) -> tuple[Path | None, int]:
    """Move the texts of visits before a moment, with the replies to them, into one new file.

    Args:
      before: aware.
      directory: where ``texts-<now>.jsonl.gz`` is made: a JSON object a line, with ``replies`` in it.

    Returns: the file (None: there was nothing to move), and how many texts it holds.

    Raises:
      OSError: the file cannot be written; what it does not hold is still in the ledger.
    """
    path = directory / f"texts-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.jsonl.gz"
    moved = after = 0
    while ids := _move_some(before, after, path):
        after, moved = ids[-1], moved + len(ids)
    return (path if moved else None), moved


def _move_some(before: datetime, after: int, path: Path) -> list[int]:
    """The ids of the next batch, which has been moved."""
    asked: dict[str, Any] = {"before": before, "unsettled": list(UNSETTLED), "after": after, "limit": BATCH}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_TAKE, asked)
        rows = cursor.fetchall()
        ids = [key for key, _ in rows]
        if rows:
            _append(path, [line for _, line in rows])
            cursor.execute("DELETE FROM sms_inboundmessage WHERE in_reply_to_id = ANY(%s)", [ids])
            cursor.execute("DELETE FROM sms_message WHERE id = ANY(%s)", [ids])
    return ids


def _append(path: Path, lines: list[str]) -> None:
    """A gzip member of its own for each batch: what has been written can be read, whatever happens next."""
    with path.open("ab") as file:
        file.write(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
        file.flush()
        os.fsync(file.fileno())
