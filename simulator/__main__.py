"""`python -m simulator --port P`: reads the command line, then serves until a signal."""

import argparse
import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from simulator.endpoints.answering import unknown_refusals
from simulator.scenario.accounts import Plan
from simulator.scenario.document import Scenario
from simulator.scenario.reading import ScenarioError, read_scenario
from simulator.state.world import World
from simulator.web.listening import (
    Addresses,
    PortTaken,
    UnusableCertificate,
    listening,
    server_tls,
    stop_signal,
)

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_CONFIGURATION = 2


def main() -> int:
    """The command; its exit code."""
    arguments = _arguments()
    scenario = _scenario(arguments.scenario)
    if scenario is None:
        return EXIT_CONFIGURATION
    try:
        addresses = _addresses(arguments)
    except UnusableCertificate as error:
        print(f"simulator: {error}", file=sys.stderr)
        return EXIT_CONFIGURATION
    world = World(scenario, addresses.plan_urls)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(world, addresses))
    except PortTaken as error:
        print(f"simulator: {error}", file=sys.stderr)
        return EXIT_FAILED
    return EXIT_OK


async def _serve(world: World, addresses: Addresses) -> None:
    async with listening(world, addresses):
        print(
            f"simulator: pretending to be GitHub and Copilot on {addresses.main_url} "
            "(nothing here is real)",
            flush=True,
        )
        await stop_signal()


def _addresses(arguments: argparse.Namespace) -> Addresses:
    cert, key = arguments.tls_cert, arguments.tls_key
    tls = server_tls(cert, key) if cert else None
    return Addresses(arguments.host, arguments.port, dict(arguments.capi_port), tls)


def _scenario(path: Path | None) -> Scenario | None:
    """The scenario to begin with; None after every problem was written to standard error."""
    if path is None:
        return Scenario()
    try:
        return read_scenario(path, unknown_refusals)
    except ScenarioError as error:
        for problem in error.problems:
            print(f"{path}: {problem}", file=sys.stderr)
        return None


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # not on every platform; asyncio's own loop serves there
    except ImportError:
        return None
    return uvloop.new_event_loop


def _arguments() -> argparse.Namespace:
    parser = _parser()
    arguments = parser.parse_args()
    if (arguments.tls_cert is None) is not (arguments.tls_key is None):
        parser.error("--tls-cert and --tls-key go together")
    return arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="simulator", description="Pretends to be GitHub and Copilot; nothing in it is real."
    )
    parser.add_argument("--port", type=_port, required=True, help="the port that is everything")
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--scenario", type=Path, help="a YAML file, see docs/simulator.md")
    parser.add_argument("--tls-cert", type=Path, metavar="F", help="PEM; TLS on the main port")
    parser.add_argument("--tls-key", type=Path, metavar="F", help="PEM; its key")
    parser.add_argument(
        "--capi-port",
        type=_plan_port,
        action="append",
        default=[],
        metavar="PLAN=PORT",
        help="one more port, that is this plan's API host; may be given for each plan",
    )
    return parser


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError("must be a port from 1 to 65535")
    return int(text)


def _plan_port(text: str) -> tuple[str, int]:
    plan, _, port = text.partition("=")
    if plan not in set(Plan):
        raise argparse.ArgumentTypeError(f"must be PLAN=PORT, PLAN one of {', '.join(Plan)}")
    return plan, _port(port)


if __name__ == "__main__":
    sys.exit(main())
