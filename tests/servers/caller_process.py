"""A process that calls the broker through token_client while its wall clock is wrong.

Everything in Python sees the wrong time. gRPC's C core goes on seeing the right one, and takes
deadlines for differences of the two, which on a real machine agree; so the part of gRPC that
computes deadlines keeps the right one too.

    python -m tests.servers.caller_process TARGET TOKEN_FILE SECONDS OFF_BY
"""

import asyncio
import importlib
import json
import sys
import time
import types
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.servers.module_process import ModuleProcess
from token_client.client import TokenClient
from token_client.errors import TokenError

PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class Told:
    """What the process says of itself at its end. believed: the longest life it gave a token."""

    calls: int
    cached: int
    failed: int
    tokens: int
    believed: float
    off_by: int


class CallerProcess(ModuleProcess):
    """The process, ended with the block."""

    def __init__(self, target: str, token_file: Path, seconds: float, off_by: int) -> None:
        arguments = [target, str(token_file), str(seconds), str(off_by)]
        super().__init__("tests.servers.caller_process", arguments)

    def told(self) -> Told:
        """Wait for its end; what it said."""
        return Told(**json.loads(self.said(120)))


def shift_wall_clock(seconds: int) -> None:
    """From now on this process's wall clock is off."""
    right = time.time
    for module in (
        "grpc._cython.cygrpc",
        "grpc.aio._utils",
        "grpc.aio._base_call",
        "grpc._channel",
    ):
        names = importlib.import_module(module).__dict__
        if names.get("time") is time:
            names["time"] = types.SimpleNamespace(time=right)
    time.time = lambda: right() + seconds


async def call(target: str, token_file: Path, seconds: float) -> tuple[int, int, int, int, float]:
    """Ask again and again; how many calls, how many needed no broker, failed, gave new tokens.

    Last the most seconds of life a token was said to have left.
    """
    calls, cached, failed, tokens, believed = 0, 0, 0, set[str](), 0.0
    until = time.monotonic() + seconds
    async with TokenClient(target, token_file=token_file) as client:
        while time.monotonic() < until:
            cached += client.peek("seat-1") is not None
            try:
                token = await client.get("seat-1")
                tokens.add(token.token_id)
                believed = max(believed, token.lifetime.left(time.monotonic()))
            except TokenError:
                failed += 1
            calls += 1
            await asyncio.sleep(PAUSE_SECONDS)
    return calls, cached, failed, len(tokens), believed


def main(target: str, token_file: str, seconds: str, off_by: str) -> None:
    """Call for that long; say what became of it."""
    before = time.time() - time.monotonic()
    shift_wall_clock(int(off_by))
    noticed = round(time.time() - time.monotonic() - before)
    counts = asyncio.run(call(target, Path(token_file), float(seconds)))
    print(json.dumps(asdict(Told(*counts, noticed))))


if __name__ == "__main__":
    main(*sys.argv[1:])
