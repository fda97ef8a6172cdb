"""`python -m gateway`: the commands of the gateway.

What a command runs is imported when it is given: the whole service takes a second of CPU, and a
report, or the parent of workers, needs little of it.
"""

import argparse
import asyncio
import getpass
import logging
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from gateway.cli import key_arguments, pausing
from gateway.cli.key_actions import LIST, action_of
from gateway.cli.keys import KeyProblem, Operator, print_new_key
from gateway.cli.usage_question import (
    BY_HELP,
    DEFAULT_BY,
    FORMATS,
    FROM_HELP,
    TO_HELP,
    question_of,
)
from gateway.ports.usage import LedgerDown
from gateway.review import summary, warnings
from gateway.settings.document import Settings
from gateway.settings.snapshot import snapshot_of
from gateway.settings.values import IDENTIFIER
from runtime import logs
from runtime.clock import SystemClock
from runtime.command import load_or_explain, run_service
from runtime.exits import EXIT_CONFIGURATION, EXIT_FAILED, EXIT_OK
from runtime.importing import many_modules
from runtime.version import VERSION

NO_CONFIG = "error: name the configuration file: python -m gateway --config F"
USUAL_GROUP = "engineering"
"""In the entry for the configuration that `keys new` prints without one."""
audit = logging.getLogger("gateway.audit")


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and do what it says; the process's exit code."""
    options = _parser().parse_args(arguments)
    if options.config is None and options.command == "keys" and options.action == "new":
        print_new_key(options.id, options.group or USUAL_GROUP)
        return EXIT_OK
    if options.config is None:
        print(NO_CONFIG, file=sys.stderr)
        return EXIT_CONFIGURATION
    begun = SystemClock().now()
    settings = load_or_explain(Settings, options.config)
    if settings is None:
        return EXIT_CONFIGURATION
    if options.command is not None:
        return COMMANDS[options.command](settings, options)
    if options.check:
        return _check(settings)
    if settings.listen.workers > 1 and options.worker is None:
        with many_modules():
            from gateway import parent

        return run_service(lambda: parent.serve_workers(settings, options.config))
    with many_modules():
        from gateway import bootstrap

    origin = bootstrap.Origin(options.config, begun, options.ops_socket)
    return run_service(lambda: bootstrap.serve(settings, origin))


def _check(settings: Settings) -> int:
    print("The configuration is valid.")
    for line in (*summary(settings), *(f"warning: {text}" for text in warnings(settings))):
        print(f"  {line}")
    return EXIT_OK


def _examine(settings: Settings, options: argparse.Namespace) -> int:
    with many_modules():
        from gateway.commands import upstream

    accounts = snapshot_of(settings).accounts
    account = accounts.get(options.account)
    if account is None:
        print(
            f"error: no group has the account '{options.account}'; there are: "
            f"{', '.join(sorted(accounts))}",
            file=sys.stderr,
        )
        return EXIT_CONFIGURATION
    is_good = asyncio.run(upstream.examine(settings, account, options.model, not options.no_chat))
    return EXIT_OK if is_good else EXIT_FAILED


def _report(settings: Settings, options: argparse.Namespace) -> int:
    with many_modules():
        from gateway.commands import ledger

    now = SystemClock().now()
    try:
        question = question_of(options.by, options.since, options.until, now)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_CONFIGURATION
    is_answered = asyncio.run(ledger.report_usage(settings, question, options.format))
    return EXIT_OK if is_answered else EXIT_FAILED


def _set_pause(settings: Settings, options: argparse.Namespace) -> int:
    with many_modules():
        from gateway.commands import store

    snapshot = snapshot_of(settings)
    problem = (
        pausing.unknown(options.kind, options.name, snapshot.groups, snapshot.accounts)
        if settings.store.is_shared
        else pausing.NO_SHARED_STORE
    )
    if problem is not None:
        print(problem, file=sys.stderr)
        return EXIT_CONFIGURATION
    _set_up_audit(settings)
    is_resumed = options.command == "resume"
    is_sent = asyncio.run(store.set_pause(settings, options.kind, options.name, is_resumed))
    if not is_sent:
        print("error: the shared store cannot be reached; nothing has changed", file=sys.stderr)
        return EXIT_FAILED
    audit.info(
        options.command,
        extra=logs.fields(what=options.kind, id=options.name, by=_user_name()),
    )
    print(f"{options.command}d: {options.kind} {options.name}, on every gateway of this store")
    return EXIT_OK


def _user_name() -> str:
    """Who gives this command. A container's user need not have a name (Python 3.13: OSError)."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _change_keys(settings: Settings, options: argparse.Namespace) -> int:
    with many_modules():
        from gateway.commands import ledger

    who = Operator(_user_name(), SystemClock().now())
    in_file = frozenset(key.id for key in settings.keys)
    _set_up_audit(settings)
    try:
        action = action_of(options, snapshot_of(settings).groups, in_file, who)
        said = asyncio.run(ledger.on_keys(settings, action))
    except KeyProblem as problem:
        print(f"error: {problem}", file=sys.stderr)
        return EXIT_CONFIGURATION
    except LedgerDown as error:
        print(f"error: the database of keys cannot be used: {error}", file=sys.stderr)
        return EXIT_FAILED
    if options.action != LIST:
        values = logs.fields(what="key", id=options.id, by=who.name)
        audit.info(f"keys {options.action}", extra=values)
    print(said)
    return EXIT_OK


def _migrate(settings: Settings, options: argparse.Namespace) -> int:
    with many_modules():
        from gateway.commands import ledger

    return EXIT_OK if asyncio.run(ledger.migrate(settings)) else EXIT_FAILED


def _set_up_audit(settings: Settings) -> None:
    logs.setup("warning", settings.log.format)
    audit.setLevel(logging.INFO)


COMMANDS: Mapping[str, Callable[[Settings, argparse.Namespace], int]] = {
    "keys": _change_keys,
    "doctor": _examine,
    "pause": _set_pause,
    "resume": _set_pause,
    "usage": _report,
    "migrate": _migrate,
}
"""Those that need the configuration and are no service."""


# --- arguments --------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m gateway", description="The HTTP gateway to a company's Copilot seats."
    )
    parser.add_argument("--config", type=Path, metavar="F", help="the YAML file to run with")
    parser.add_argument(
        "--check", action="store_true", help="validate the configuration, print every problem, end"
    )
    # What a parent tells its workers.
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--ops-socket", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    keys = commands.add_parser("keys", help="make API keys, and take them back")
    key_arguments.add_arguments(keys, _identifier, _add_config)
    _add_doctor(commands.add_parser("doctor", help="examine an account, step by step"))
    _add_usage(commands.add_parser("usage", help="say what was used, for the one who pays"))
    _add_config(
        commands.add_parser("migrate", help="bring the ledger's tables up to date, remove the old")
    )
    for name, kinds, words in (
        ("pause", pausing.PAUSABLE, "set something aside, over the whole fleet"),
        ("resume", pausing.RESUMABLE, "end a pause or a cool-down, over the whole fleet"),
    ):
        pausing_parser = commands.add_parser(name, help=words)
        pausing_parser.add_argument("kind", choices=kinds)
        pausing_parser.add_argument("name", help="an account, group, model or platform")
        _add_config(pausing_parser)
    return parser


def _add_config(parser: argparse.ArgumentParser) -> None:
    """`--config` may stand before the command or after it."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="F",
        default=argparse.SUPPRESS,
        help="the gateway's YAML file",
    )


def _add_usage(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--by", default=DEFAULT_BY, metavar="WORDS", help=BY_HELP)
    parser.add_argument("--from", dest="since", metavar="TIME", help=FROM_HELP)
    parser.add_argument("--to", dest="until", metavar="TIME", help=TO_HELP)
    parser.add_argument("--format", default=FORMATS[0], choices=FORMATS)
    _add_config(parser)


def _identifier(text: str) -> str:
    """What the configuration takes as an id."""
    if not re.fullmatch(IDENTIFIER, text):
        raise argparse.ArgumentTypeError(
            "must be letters, digits, '.', '_' and '-', at most 128, and begin with one of the "
            "first two"
        )
    return text


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--account", required=True, metavar="X", help="the account to examine")
    parser.add_argument("--model", metavar="M", help="the model of the one chat; else a cheap one")
    parser.add_argument("--no-chat", action="store_true", help="send no chat, which may cost a bit")
    _add_config(parser)


if __name__ == "__main__":
    sys.exit(main())
