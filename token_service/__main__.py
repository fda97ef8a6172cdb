"""`python -m token_service`: arguments in, exit code out.

The service itself is imported when it is to run: a check needs little of it.
"""

import argparse
import asyncio
import gc
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from runtime import logs
from runtime.clock import SystemClock
from runtime.command import load_or_explain, run_service
from runtime.exits import EXIT_CONFIGURATION, EXIT_FAILED, EXIT_OK
from runtime.importing import many_modules
from token_service.cli.account_entry import Destination
from token_service.cli.login import NO_CLIENT_ID
from token_service.domain.device_flow import LoginFailed
from token_service.domain.hosts import tenant_of
from token_service.settings.document import CheckedSettings, Settings
from token_service.settings.values import check_secure_url

NO_CONFIG = "error: no configuration; name its file: python -m token_service --config F"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, check, or sign in; the process's exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "login":
        return _login(options)
    if options.config is None:
        print(NO_CONFIG, file=sys.stderr)
        return EXIT_CONFIGURATION
    return _check(options.config) if options.check else _serve(options.config)


def _serve(config: Path) -> int:
    with many_modules():
        from token_service import bootstrap

    origin = bootstrap.Origin(config, SystemClock().now())
    settings = load_or_explain(Settings, config)
    if settings is None:
        return EXIT_CONFIGURATION
    logs.setup(settings.log.level, settings.log.format)
    return run_service(lambda: bootstrap.serve(settings, on_ready=_settle, origin=origin))


def _settle() -> None:
    """What the start has made lives as long as the process: the collector need not look at it.

    Otherwise it goes over a hundred thousand objects again and again while calls wait.
    """
    gc.collect()
    gc.freeze()


def _check(config: Path) -> int:
    settings = load_or_explain(CheckedSettings, config)
    if settings is None:
        return EXIT_CONFIGURATION
    print("configuration is valid")
    for line in settings.summary():
        print(f"  {line}")
    return EXIT_OK


def _login(options: argparse.Namespace) -> int:
    with many_modules():
        from token_service import bootstrap

    if not options.client_id:
        print(NO_CLIENT_ID, file=sys.stderr)
        return EXIT_CONFIGURATION
    destination = Destination(
        options.account, options.host, options.format, options.name, options.out, options.show_token
    )
    app = (options.client_id, options.scope, options.web_url)
    try:
        asyncio.run(bootstrap.login(*app, destination))
    except LoginFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("\nstopped; nothing was saved", file=sys.stderr)
        return EXIT_FAILED
    return EXIT_OK


# --- arguments --------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m token_service", description="Turns GitHub credentials into Copilot tokens."
    )
    parser.add_argument("--config", type=Path, metavar="F", help="the configuration, in YAML")
    parser.add_argument(
        "--check", action="store_true", help="judge the whole configuration and end"
    )
    commands = parser.add_subparsers(dest="command", metavar="login")
    _add_login(commands.add_parser("login", help="sign in to GitHub by device flow"))
    return parser


def _add_login(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--client-id", metavar="ID", help="of the app to sign in with")
    parser.add_argument("--host", type=_host, default="github.com", metavar="H")
    parser.add_argument("--scope", default="read:user", metavar="S")
    parser.add_argument("--account", type=_name, default="seat-1", metavar="ID")
    parser.add_argument(
        "--out", type=Path, metavar="F", help="write the entry or the Secret to this new file"
    )
    parser.add_argument("--format", choices=("entry", "secret"), default="entry")
    parser.add_argument(
        "--name", type=_name, default="copilot-credentials", help="of the Secret", metavar="N"
    )
    parser.add_argument(
        "--show-token", action="store_true", help="print the credential instead of a file for it"
    )
    parser.add_argument(
        "--web-url", type=_url, metavar="URL", help="instead of https://HOST, for tests"
    )


def _host(text: str) -> str:
    try:
        tenant_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text.lower()


def _url(text: str) -> str:
    try:
        return check_secure_url(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _name(text: str) -> str:
    # What an account's id, a file's name and a Kubernetes name have in common.
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?", text):
        raise argparse.ArgumentTypeError("must be lower-case letters, digits, '-' and '.'")
    return text


if __name__ == "__main__":
    sys.exit(main())
