"""`python -m gateway`: the commands of the gateway."""

import argparse
import sys
from pathlib import Path

from gateway.bootstrap import serve
from gateway.cli.keys import print_new_key
from gateway.review import summary, warnings
from gateway.settings import Settings
from runtime.command import EXIT_CONFIGURATION, EXIT_OK, load_or_explain, run_service
from runtime.version import VERSION


def main(arguments: list[str] | None = None) -> int:
    """Read the command line and do what it says; the process's exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "keys":
        print_new_key(options.id, options.group)
        return EXIT_OK
    if options.config is None:
        print("error: name the configuration file: python -m gateway --config F", file=sys.stderr)
        return EXIT_CONFIGURATION
    settings = load_or_explain(Settings, options.config)
    if settings is None:
        return EXIT_CONFIGURATION
    if options.check:
        print("The configuration is valid.")
        for line in (*summary(settings), *(f"warning: {text}" for text in warnings(settings))):
            print(f"  {line}")
        return EXIT_OK
    return run_service(lambda: serve(settings))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m gateway", description="The HTTP gateway to a company's Copilot seats."
    )
    parser.add_argument("--config", type=Path, metavar="F", help="the YAML file to run with")
    parser.add_argument(
        "--check", action="store_true", help="validate the configuration, print every problem, end"
    )
    parser.add_argument("--version", action="version", version=VERSION)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    keys = commands.add_parser("keys", help="make API keys")
    actions = keys.add_subparsers(dest="action", required=True, metavar="ACTION")
    new = actions.add_parser("new", help="print a new key once, and what to store of it")
    new.add_argument("--id", required=True, help="what the key is called in logs and reports")
    new.add_argument("--group", default="engineering", help="the group it belongs to")
    return parser


if __name__ == "__main__":
    sys.exit(main())
