"""The servers a command needs: embedded ones, or those that DATABASE_URL and REDIS_URL name."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import psutil  # type: ignore[import-untyped]
import psycopg2
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from devstack import environment
from devstack.environment import Secrets
from devstack.errors import ServerFailed
from devstack.guard import LOCK, NOTES, Guard
from devstack.home import stand_ins
from devstack.paths import TEST_DATA
from devstack.ports import Ports, choose
from devstack.servers import Postgres, Server, Valkey
from twilio_emulator.settings import LOCAL_AUTH_TOKEN, Settings

LOCAL_NUMBER = Settings().default_number


class Urls(NamedTuple):
    """Where PostgreSQL and Redis are."""

    database: str
    redis: str


@contextlib.contextmanager
def servers(
    data: Path, given: Mapping[str, str], *, ports: Ports, made: Secrets, guard: Guard, durable: bool
) -> Iterator[Urls]:
    """Start what `given` does not name, stop it afterwards; yields where both are."""
    with contextlib.ExitStack() as stop:
        urls = {"DATABASE_URL": given.get("DATABASE_URL", ""), "REDIS_URL": given.get("REDIS_URL", "")}
        valkey = Valkey(data / "valkey", port=ports.valkey, password=made.valkey, durable=durable, mark=guard.mark)
        postgres = Postgres(
            data / "postgres", port=ports.postgres, password=made.postgres, durable=durable, mark=guard.mark
        )
        embedded: dict[str, Postgres | Valkey] = {"DATABASE_URL": postgres, "REDIS_URL": valkey}
        for variable, server in embedded.items():
            if not urls[variable]:
                _start(server, guard, stop)
                urls[variable] = server.url
            else:
                REFUSALS[variable](urls[variable])
        yield Urls(urls["DATABASE_URL"], urls["REDIS_URL"])


def refuse_silent_postgres(url: str) -> None:
    """Raises `ServerFailed` where no PostgreSQL answers at `url`; whether it has the database is for later."""
    try:
        psycopg2.connect(url, connect_timeout=5).close()
    except psycopg2.Error as error:
        if "does not exist" not in str(error):
            raise _silent("DATABASE_URL", "PostgreSQL", error) from error


def refuse_silent_redis(url: str) -> None:
    """Raises `ServerFailed` where no Redis answers at `url`."""
    try:
        with redis.Redis.from_url(url, socket_timeout=5, retry=Retry(NoBackoff(), 0)) as client:
            client.ping()
    except (redis.RedisError, ValueError) as error:
        raise _silent("REDIS_URL", "Redis", error) from error


def _silent(variable: str, server: str, error: Exception) -> ServerFailed:
    why = " ".join(str(error).split())
    return ServerFailed(
        f"No {server} answers at {variable} ({why}). Correct it, or unset it and an embedded one is started."
    )


REFUSALS = {"DATABASE_URL": refuse_silent_postgres, "REDIS_URL": refuse_silent_redis}


def _start(server: Server, guard: Guard, stop: contextlib.ExitStack) -> None:
    stop.callback(server.stop)
    server.start()
    guard.note_server(server.name, server.pid)


@contextlib.contextmanager
def throwaway(given: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Servers of our own for one command, gone afterwards with their data; yields the command's environment.

    Any number of them run beside each other and beside `make run`.
    """
    _forget_ended()
    TEST_DATA.mkdir(parents=True, exist_ok=True)
    data = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=TEST_DATA))
    data.chmod(0o755)
    try:
        with Guard(data) as guard:
            ports = choose(data / "ports.json", {}, web=None, twilio=None)
            # Tests start local Twilios of their own, with the token and the number these have by default.
            made = replace(environment.kept_secrets(data / "secrets.json"), twilio=LOCAL_AUTH_TOKEN)
            with servers(data, given, ports=ports, made=made, guard=guard, durable=False) as urls:
                yield environment.compute(
                    given,
                    ports=ports,
                    made=made,
                    database_url=urls.database,
                    redis_url=urls.redis,
                    mark=guard.mark,
                ) | {
                    "DEBUG": "false",
                    "TWILIO_PHONE_NUMBER": LOCAL_NUMBER,
                    "REDIS_TIMEOUT_SECONDS": "5",  # a busy machine is no fault of Redis
                }
    finally:
        remove(data)


def remove(data: Path) -> None:
    """Remove a stack's data, also what lies outside the checkout."""
    for directory in (data, *stand_ins(data)):
        shutil.rmtree(directory, ignore_errors=True)


def forget(data: Path) -> None:
    """Remove what a stack keeps in `data`, but for what tells that it is running."""
    for directory in stand_ins(data):
        shutil.rmtree(directory, ignore_errors=True)
    for path in data.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in (LOCK, NOTES):
            path.unlink()


def _forget_ended() -> None:
    """Remove the data of test servers whose command was killed."""
    for data in TEST_DATA.glob("*-*"):
        pid = data.name.split("-", 1)[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            with Guard(data):
                pass
            remove(data)
