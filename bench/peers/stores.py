"""The two servers that peers keep their jobs in: how to empty them, and how many bytes they take."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import psycopg2
import redis

REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
DATABASE_URL = os.environ.get("DATABASE_URL", "postgres://127.0.0.1/booking").replace("postgres://", "postgresql://")


def empty_redis() -> None:
    with redis.Redis.from_url(REDIS_URL) as client:
        client.flushall()


def redis_bytes() -> int:
    """The memory that is in use, without what connections and the append-only file's buffer take."""
    with redis.Redis.from_url(REDIS_URL) as client:
        memory: Any = client.info("memory")
    return int(memory["used_memory"] - memory["mem_clients_normal"] - memory["mem_aof_buffer"])


def table_bytes(tables: Sequence[str]) -> int:
    """Of tables with their indexes."""
    rows = query("SELECT sum(pg_total_relation_size(name::regclass)) FROM unnest(%s) name", [list(tables)])
    return int(rows[0][0])


def query(sql: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
    with closing(psycopg2.connect(DATABASE_URL)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall() if cursor.description else []
