"""`python -m devstack COMMAND`: what the Makefile calls."""

import argparse
import os
import sys
from collections.abc import Sequence

from devstack.errors import DevstackError
from devstack.signals import stop_on_signals, stop_with_parent


def main(arguments: Sequence[str]) -> int:
    """Run one command; its exit code. What a developer can act on is one message, not a traceback."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if options.command not in ("test", "exec") and rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if options.command == "exec" and not [word for word in rest if word != "--"]:
        parser.error("exec needs a command")
    stop_on_signals()
    if options.with_parent:
        stop_with_parent()
    try:
        return _run(options.command, rest)
    except DevstackError as error:
        print(error, file=sys.stderr)
        return 1
    except PermissionError as error:
        print(f"{error.filename}: {error.strerror}. Use a checkout that you can write to.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(command: str, rest: list[str]) -> int:
    """Imports only what `command` needs: a test run must not wait for the demo's imports."""
    given = dict(os.environ)
    if command == "run":
        from devstack.run import run

        return run(given)
    if command == "demo":
        from devstack.demo import demo

        return demo(given)
    if command == "shots":
        from devstack.shots import shots

        return shots(given)
    if command == "check":
        from devstack.check import check

        return check(given)
    if command == "clean":
        from devstack.clean import clean

        return clean()
    from devstack.embedded import throwaway
    from devstack.stack import run_to_end

    program = [sys.executable, "-m", "pytest"] if command == "test" else []
    with throwaway(given) as environ:
        return run_to_end([*program, *(rest[1:] if rest[:1] == ["--"] else rest)], environ)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="devstack", description=__doc__)
    parser.add_argument("--with-parent", action="store_true", help="stop when the parent process ends")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in (
        ("run", "the whole stack, until Ctrl-C"),
        ("demo", "play a booking end to end and check every text"),
        ("shots", "take the pictures of docs/img/"),
        ("test", "pytest, with servers of its own"),
        ("exec", "any command, with servers of its own"),
        ("check", "everything that can be checked without running the product"),
        ("clean", "remove all data"),
    ):
        commands.add_parser(name, help=what, add_help=name not in ("test", "exec"), prefix_chars="+")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
