"""Embedded PostgreSQL and Valkey: real servers on loopback, each with a password, data in one directory.

Both listen on 127.0.0.1 only, unless another `host` is named. The password keeps other accounts of a shared
machine out: PostgreSQL's superuser can run programs.
"""

import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import psutil  # type: ignore[import-untyped]
import psycopg2
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from devstack import programs
from devstack.errors import ServerFailed
from devstack.home import Account, directory_for, server_account
from devstack.ports import HOST
from devstack.processes import end

USER = DATABASE = "booking"
MAX_CONNECTIONS = 200
START_SECONDS = 30.0
# After kill -9 of the postmaster its children and its pid take a moment to go.
START_TRIES, TRY_AGAIN_SECONDS = 12, 0.5
THROWAWAY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class Server:
    """A server process, its log, and whether it answers."""

    name = "server"
    stop_signal: int = signal.SIGTERM

    def __init__(self, log: Path, mark: str) -> None:
        self.log, self.mark = log, mark
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        if self.process is None:
            raise ServerFailed(f"{self.name} is not running")
        return self.process.pid

    def answers(self) -> bool:
        """Whether the server takes commands now."""
        raise NotImplementedError

    def open_log(self) -> BinaryIO:
        return self.log.open("ab")

    def wait_until_it_answers(self) -> bool:
        """True once it answers, False when it ended instead. Raises `ServerFailed` after `START_SECONDS`."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self.process is None or self.process.poll() is not None:
                return False
            if self.answers():
                return True
            time.sleep(0.02)
        raise ServerFailed(f"{self.name} did not answer within {START_SECONDS:.0f} s: see {self.log}")

    def last_words(self) -> str:
        """The end of the log, for a message."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-8:])
        except OSError:
            return ""

    def start(self) -> None:
        raise NotImplementedError

    def stop(self) -> None:
        """Stop it, everything on disk; by force if it takes too long."""
        if self.process is None:
            return
        if self.process.poll() is None:
            end([psutil.Process(self.process.pid)], first=self.stop_signal)
        self.process.wait()
        self.process = None


class Postgres(Server):
    """A PostgreSQL cluster in `data`, made at the first start.

    One made for another `host` than loopback lets in whoever knows the password on the networks of this machine.
    """

    name = "PostgreSQL"
    stop_signal = signal.SIGINT  # a fast shutdown: sessions end

    def __init__(
        self, data: Path, *, port: int, password: str, durable: bool, mark: str = "", host: str = HOST
    ) -> None:
        super().__init__(data.with_name("postgres.log"), mark)
        self.data, self.host, self.port, self.password, self.durable = data, host, port, password, durable

    @property
    def url(self) -> str:
        return f"postgres://{USER}:{self.password}@{self.host}:{self.port}/{DATABASE}"

    def start(self) -> None:
        """Make the cluster if needed, start it, and make the database. Raises `ServerFailed`."""
        account = server_account()
        binaries = programs.postgres(account)
        data = self.data = directory_for(self.data, account)
        if not (data / "PG_VERSION").is_file():
            self._initialise(binaries, data, account)
        _refuse_other_version(binaries, data, account)
        _end_previous(data)
        for _ in range(START_TRIES):
            self._launch(binaries, data, account)
            if self.wait_until_it_answers():
                self._make_database()
                return
            time.sleep(TRY_AGAIN_SECONDS)
        raise ServerFailed(f"PostgreSQL did not start; the end of {self.log}:\n{self.last_words()}")

    def answers(self) -> bool:
        try:
            self._connect("postgres").close()
        except psycopg2.OperationalError:
            return False
        return True

    def _initialise(self, binaries: Path, data: Path, account: Account) -> None:
        """Make a cluster; one that was interrupted half way is made again from nothing."""
        _empty(data)
        password_file = data.with_name(f"{data.name}.password")
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        account.own(password_file)
        command: list[str | Path] = [binaries / "initdb", "-D", data, "-U", USER, "-E", "UTF8"]
        command += ["--auth=scram-sha-256", f"--pwfile={password_file}", "--no-sync", "--no-instructions"]
        try:
            for locale in ("C.UTF-8", "C"):
                code, output = account.run([*command, f"--locale={locale}"], cwd=data)
                if code == 0:
                    self._let_in_its_networks(data)
                    return
                _empty(data)
        finally:
            password_file.unlink()
        raise ServerFailed(f"initdb could not make {data}:\n{output.strip()}")

    def _let_in_its_networks(self, data: Path) -> None:
        """Initdb lets in loopback alone."""
        if self.host != HOST:
            with (data / "pg_hba.conf").open("a") as rules:
                rules.write("host all all samenet scram-sha-256\n")

    def _launch(self, binaries: Path, data: Path, account: Account) -> None:
        options = [f"listen_addresses={self.host}", "unix_socket_directories=", f"max_connections={MAX_CONNECTIONS}"]
        options += () if self.durable else THROWAWAY
        command: list[str | Path] = [binaries / "postgres", "-D", data, "-p", str(self.port)]
        for option in options:
            command += ["-c", option]
        with self.open_log() as log:
            self.process = account.popen(
                command, self.mark, cwd=data, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def _connect(self, database: str) -> "psycopg2.extensions.connection":
        return psycopg2.connect(
            host=self.host, port=self.port, user=USER, password=self.password, dbname=database, connect_timeout=2
        )

    def _make_database(self) -> None:
        connection = self._connect("postgres")
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
                if cursor.fetchone() is None:
                    cursor.execute(f'CREATE DATABASE "{DATABASE}"')
        finally:
            connection.close()


class Valkey(Server):
    """A Valkey (Redis protocol) in `data`, with an append-only file unless it is thrown away."""

    name = "Valkey"

    def __init__(
        self, data: Path, *, port: int, password: str, durable: bool, mark: str = "", host: str = HOST
    ) -> None:
        super().__init__(data.with_name("valkey.log"), mark)
        self.data, self.host, self.port, self.password, self.durable = data, host, port, password, durable

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{self.host}:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it answers. Raises `ServerFailed`."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        settings = self.data / "valkey.conf"
        settings.touch(mode=0o600)
        settings.write_text("\n".join(self._settings()) + "\n")
        with self.open_log() as log:
            self.process = Account().popen(
                [programs.valkey(), settings],
                self.mark,
                cwd=self.data,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        if not self.wait_until_it_answers():
            raise ServerFailed(f"Valkey did not start; the end of {self.log}:\n{self.last_words()}")

    def answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=2, retry=Retry(NoBackoff(), 0)) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def _settings(self) -> Sequence[str]:
        return (
            f"bind {self.host}",
            f"port {self.port}",
            f'dir "{self.data}"',
            f"requirepass {self.password}",
            f"appendonly {'yes' if self.durable else 'no'}",
            'save ""',
            "daemonize no",
            "set-proc-title no",  # it would overwrite the mark
        )


def _empty(directory: Path) -> None:
    for path in directory.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _refuse_other_version(binaries: Path, data: Path, account: Account) -> None:
    made_by = (data / "PG_VERSION").read_text().strip()
    version = account.run([binaries / "postgres", "--version"])[1].split()
    if made_by not in [word.split(".")[0] for word in version]:
        raise ServerFailed(
            f"{data} was made by PostgreSQL {made_by}, this is {' '.join(version)}: "
            "`make clean` removes the old data, then start again."
        )


def _end_previous(data: Path) -> None:
    """End a postmaster that still serves `data`, and drop a pid file that names some other process."""
    pid_file = data / "postmaster.pid"
    try:
        pid = abs(int(pid_file.read_text().split("\n", 1)[0]))
    except (OSError, ValueError):
        return
    if not _serves(pid, data):
        pid_file.unlink(missing_ok=True)
        return
    end([psutil.Process(pid)], first=signal.SIGINT)


def _serves(pid: int, data: Path) -> bool:
    """Whether the process `pid` is a postmaster of `data`."""
    try:
        process = psutil.Process(pid)
        return "postgres" in process.name() and str(data) in process.cmdline()
    except psutil.Error:
        return False
