"""The command line of `make run`, read into Options; decides nothing."""

import argparse
from dataclasses import fields
from urllib.parse import urlsplit

from tools.plan import CREDENTIAL_VARIABLES, Options, Ports

DESCRIPTION = "Run token_service and the gateway on this machine, on loopback only, until Ctrl-C."
ENVIRONMENT = (
    f"environment: the first of {', '.join(CREDENTIAL_VARIABLES)} that is set is the GitHub "
    "credential to use. With none of them, or with SIMULATOR=1, a simulator on this machine "
    "stands in for GitHub and Copilot."
)


def parse(arguments: list[str]) -> Options:
    """The options; exits with 2 and one line about what cannot be read."""
    given = vars(_parser().parse_args(arguments))
    ports = Ports(**{each.name: given.pop(each.name) for each in fields(Ports)})
    return Options(ports=ports, **given)


def option_of(port_name: str) -> str:
    """The option that changes a port: `gateway_ops` is `--gateway-ops-port`."""
    return f"--{port_name.replace('_', '-')}-port"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="make run",
        usage='make run [ARGS="OPTION …"]',
        description=DESCRIPTION,
        epilog=ENVIRONMENT,
        allow_abbrev=False,
    )
    for each in fields(Ports):
        parser.add_argument(
            option_of(each.name),
            dest=each.name,
            type=_port,
            default=each.default,
            metavar="PORT",
            help="default: %(default)s",
        )
    parser.add_argument(
        "--upstream-url",
        type=_url,
        metavar="URL",
        help="the address of both GitHub and Copilot, such as a simulator started by hand; "
        "no simulator is started then",
    )
    parser.add_argument(
        "--integration-id",
        metavar="ID",
        help="sent upstream as Copilot-Integration-Id; by default none is. Fine-grained personal "
        "access tokens are reported to work only with copilot-developer-cli",
    )
    parser.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="warning",
        help="which of the services' log lines appear (default: %(default)s)",
    )
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 65535):
        raise argparse.ArgumentTypeError("must be a port from 1 to 65535")
    return int(text)


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise argparse.ArgumentTypeError("must be an address such as http://127.0.0.1:8090")
    return text.rstrip("/")
