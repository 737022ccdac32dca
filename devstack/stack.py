"""The whole stack: servers first, then the processes of the Procfile, then everything in the other order."""

import contextlib
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import redis

from devstack import environment
from devstack.embedded import forget, servers
from devstack.errors import DevstackError, ServerFailed
from devstack.guard import Guard, locked
from devstack.paths import CHECKOUT
from devstack.ports import TWILIO_PORT, WEB_PORT, Ports, choose

READY_SECONDS = 120.0
STOP_SECONDS = 12.0
DRAMATIQ_HEARTBEATS = "dramatiq:__heartbeats__"


class Stack:
    """A running stack: its environment, its URLs, and the process runner."""

    def __init__(self, environ: dict[str, str], ports: Ports, runner: "subprocess.Popen[bytes]") -> None:
        self.environ, self.ports, self.runner = environ, ports, runner
        self.started_at = time.time()

    @property
    def base_url(self) -> str:
        return environment.base_url(self.ports)

    @property
    def twilio_url(self) -> str:
        return environment.twilio_url(self.ports)

    def wait_until_ready(self) -> None:
        """Return once web, the local Twilio and the workers answer. Raises `ServerFailed` if they do not, or end."""
        waiting_for: dict[str, Callable[[], bool]] = {
            url: partial(answers, url) for url in (f"{self.base_url}/health/", f"{self.twilio_url}/_control/messages")
        } | {"the workers": self._workers_answer}
        until = time.monotonic() + READY_SECONDS
        while waiting_for:
            if self.runner.poll() is not None:
                raise ServerFailed("A process of the Procfile ended at its start: its own message says why.")
            if time.monotonic() > until:
                raise ServerFailed(f"No answer within {READY_SECONDS:.0f} s: {', '.join(waiting_for)}")
            waiting_for = {name: ready for name, ready in waiting_for.items() if not ready()}
            time.sleep(0.1)

    def wait_until_fit(self) -> None:
        """Return once web says that every part is at work, the dispatcher too. Raises `ServerFailed`."""
        url = f"{self.base_url}/health/ready/"
        until = time.monotonic() + READY_SECONDS
        while not answers(url):
            if self.runner.poll() is not None or time.monotonic() > until:
                raise ServerFailed(f"Not everything is at work: {url} says what is not.")
            time.sleep(0.1)

    def _workers_answer(self) -> bool:
        """Whether every worker process has been heard of in Redis since this stack was started."""
        try:
            with redis.Redis.from_url(self.environ["REDIS_URL"], socket_timeout=5) as client:
                heard = client.zcount(DRAMATIQ_HEARTBEATS, self.started_at * 1000, "+inf")
        except redis.RedisError:
            return False
        return int(heard) >= int(self.environ.get("WORKER_PROCESSES") or 2)


def answers(url: str) -> bool:
    """Whether `url` answers 200 now."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - loopback, from our own ports
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def manage(environ: Mapping[str, str], *command: str) -> None:
    """Run `manage.py` with `command`. Raises `ServerFailed` when it fails; its own output says why."""
    python(environ, "manage.py", *command)


def python(environ: Mapping[str, str], *command: str) -> None:
    """Run this interpreter with `command` in the checkout. Raises `ServerFailed` when that fails."""
    if subprocess.run([sys.executable, *command], cwd=CHECKOUT, env=dict(environ), check=False).returncode:
        raise ServerFailed(f"`{' '.join(command)}` failed: its own message says why.")


@contextlib.contextmanager
def running(
    data: Path,
    given: Mapping[str, str],
    *,
    what: str,
    web: int | None = WEB_PORT,
    twilio: int | None = TWILIO_PORT,
    debug: bool = False,
    fresh: bool = False,
    log: Path | None = None,
) -> Iterator[Stack]:
    """The stack of the directory `data`, migrated and answering; all of it is stopped afterwards.

    Args: `given` is the caller's environment, `what` the command's name for messages, `web` and `twilio`
    preferred ports (`None`: any free one), `fresh` begins with no data, `log` is a file for what the processes
    print (`None`: the terminal).
    Raises `DevstackError`.
    """
    with contextlib.ExitStack() as stop:
        stop.enter_context(locked(data, what))
        guard = stop.enter_context(Guard(data))
        if fresh:
            forget(data)
        print(f"Starting {what}: PostgreSQL, Valkey, then web, worker, dispatcher, the local Twilio …", flush=True)
        ports = choose(data / "ports.json", given, web=web, twilio=twilio)
        guard.note_urls({"API": environment.base_url(ports), "Phones": environment.twilio_url(ports)})
        made = environment.kept_secrets(data / "secrets.json")
        urls = stop.enter_context(servers(data, given, ports=ports, made=made, guard=guard, durable=True))
        environ = environment.compute(
            given,
            ports=ports,
            made=made,
            database_url=urls.database,
            redis_url=urls.redis,
            mark=guard.mark,
            debug=debug,
        )
        print("Bringing the database up to date …", flush=True)
        manage(environ, "migrate", "--no-input", "--verbosity", "0")
        runner = stop.enter_context(_processes(environ, log))
        stack = Stack(environ, ports, runner)
        stack.wait_until_ready()
        yield stack


@contextlib.contextmanager
def _processes(environ: Mapping[str, str], log: Path | None) -> "Iterator[subprocess.Popen[bytes]]":
    """Every process of the Procfile, by honcho; SIGTERM to it stops them all."""
    command = [sys.executable, "-m", "devstack.procfile"]
    with contextlib.ExitStack() as closing:
        output = closing.enter_context(log.open("wb")) if log else None
        runner = subprocess.Popen(
            command, cwd=CHECKOUT, env=dict(environ), stdout=output, stderr=output, start_new_session=True
        )
        try:
            yield runner
        finally:
            _stop(runner)


def _stop(runner: "subprocess.Popen[bytes]") -> None:
    if runner.poll() is None:
        runner.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        runner.wait(STOP_SECONDS)


def run_to_end(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run `command` in the checkout and return its exit code; it gets our signals' meaning with ours."""
    try:
        process = subprocess.Popen(command, cwd=CHECKOUT, env=dict(environ))
    except OSError as error:
        raise DevstackError(f"{command[0]}: {error.strerror}.") from error
    try:
        return process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
