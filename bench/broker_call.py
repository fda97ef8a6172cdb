"""What one GetCopilotToken from memory costs the broker, beside an empty handler.

Two server processes on uvloop: token_service as operators run it, with tokens, metrics and
audit on, and a grpc.aio server whose handler returns the same message and does nothing else.
The same callers call both in turns; counted is the CPU time of each server process per call.
The figure is the median over the rounds of the ratio in a round, so that what else the machine
does falls on both sides alike; and the processes are started several times, since two of the
same program differ by several per cent.

    python -m bench.broker_call [--pairs N] [--rounds N] [--calls N] [--most RATIO]
"""

import argparse
import asyncio
import hashlib
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import uvloop
import yaml

from bench.processes import cpu_seconds, free_port
from protos.token_service.v1 import token_service_pb2 as pb
from protos.token_service.v1 import token_service_pb2_grpc as pb_grpc

CALLERS = 16
WARM_UP_CALLS = 2000
# No call of the measured ones may meet a limit; the bucket is kept all the same.
PER_SECOND = 1_000_000
EMPTY_HANDLER = "--empty-handler"


class EmptyHandler(pb_grpc.TokenServiceServicer):
    """Returns one message."""

    def __init__(self, answer: pb.GetCopilotTokenResponse) -> None:
        self._answer = answer

    async def GetCopilotToken(
        self, request: pb.GetCopilotTokenRequest, context: grpc.ServicerContext
    ) -> pb.GetCopilotTokenResponse:
        return self._answer


async def serve_empty_handler(port: int, answer: bytes) -> None:
    """The other server; ends when it is told to."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    handler = EmptyHandler(pb.GetCopilotTokenResponse.FromString(answer))
    pb_grpc.add_TokenServiceServicer_to_server(handler, server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


# --- the two servers --------------------------------------------------------------------------


@contextmanager
def process(arguments: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process, ended with the block; what it writes goes nowhere."""
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as started:
        try:
            yield started
        finally:
            started.terminate()


def configuration(port: int, ops_port: int, caller_token: str) -> str:
    """One static account, so that nobody is asked for a token."""
    token = f"tid={secrets.token_hex(200)};exp={int(time.time()) + 86400};sku=bench"
    digest = hashlib.sha256(caller_token.encode()).hexdigest()
    caller = {
        "id": "bench",
        "token_sha256": digest,
        "accounts": ["*"],
        "requests_per_second": PER_SECOND,
    }
    return yaml.safe_dump(
        {
            "listen": {"grpc": f"127.0.0.1:{port}", "ops": f"127.0.0.1:{ops_port}"},
            "grpc": {"max_connection_age_seconds": 3600},
            "accounts": [{"id": "seat-1", "strategy": "static", "github_token": token}],
            "auth": {"mode": "tokens", "callers": [caller]},
        }
    )


# --- the callers ------------------------------------------------------------------------------


class Side:
    """One of the two servers, as it is called and measured."""

    def __init__(self, pid: int, port: int, metadata: Sequence[tuple[str, str]]) -> None:
        self._pid = pid
        self._metadata = tuple(metadata)
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}")
        self._stub = pb_grpc.TokenServiceStub(self._channel)
        self.microseconds: list[float] = []

    async def ready(self) -> None:
        """Wait until the server is there."""
        async with asyncio.timeout(30):
            await self._channel.channel_ready()

    async def call(self) -> pb.GetCopilotTokenResponse:
        """One call."""
        request = pb.GetCopilotTokenRequest(account="seat-1")
        answer: pb.GetCopilotTokenResponse = await self._stub.GetCopilotToken(
            request, metadata=self._metadata, timeout=10
        )
        return answer

    async def round(self, calls: int) -> None:
        """Calls from CALLERS callers at once; remembers the server's CPU time for each."""
        before = cpu_seconds(self._pid)
        await self.load(calls)
        self.microseconds.append((cpu_seconds(self._pid) - before) / calls * 1e6)

    async def load(self, calls: int) -> None:
        """Calls that nobody counts."""

        async def caller() -> None:
            for _ in range(calls // CALLERS):
                await self.call()

        async with asyncio.TaskGroup() as group:
            for _ in range(CALLERS):
                group.create_task(caller())

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()


async def measure(rounds: int, calls: int) -> tuple[Side, Side]:
    """Both sides after `rounds` rounds in turns, each of `calls` calls; new processes each time."""
    caller_token = secrets.token_urlsafe(32)
    metadata = (("authorization", f"Bearer {caller_token}"),)
    port, ops_port, other_port = free_port(), free_port(), free_port()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        file = directory / "token-service.yaml"
        file.write_text(configuration(port, ops_port, caller_token))
        service = stack.enter_context(process(["-m", "token_service", "--config", str(file)]))
        broker = Side(service.pid, port, metadata)
        await broker.ready()
        answer = (await broker.call()).SerializeToString().hex()
        arguments = ["-m", "bench.broker_call", EMPTY_HANDLER, str(other_port), answer]
        other = stack.enter_context(process(arguments))
        empty = Side(other.pid, other_port, metadata)
        await empty.ready()
        for side in (broker, empty):
            await side.load(WARM_UP_CALLS)
        for number in range(rounds):
            # In turns, and each first as often as second: the machine is not ours alone.
            for side in (empty, broker) if number % 2 else (broker, empty):
                await side.round(calls)
        await broker.close()
        await empty.close()
    return empty, broker


def rounds_of(pairs: int, rounds: int, calls: int) -> tuple[list[float], list[float]]:
    """Microseconds a call, round by round, over several pairs: empty handler, broker."""
    empty: list[float] = []
    broker: list[float] = []
    for _ in range(pairs):
        sides = uvloop.run(measure(rounds, calls))
        empty += sides[0].microseconds
        broker += sides[1].microseconds
    return empty, broker


def ratio_of(empty: Sequence[float], broker: Sequence[float]) -> float:
    """The median of the ratio in a round."""
    return statistics.median(ours / other for ours, other in zip(broker, empty, strict=True))


def figure(pairs: int, rounds: int, calls: int) -> dict[str, Any]:
    """The same for `make bench`."""
    empty, broker = rounds_of(pairs, rounds, calls)
    return {
        "cpu": round(statistics.median(broker), 1),
        "empty_handler_cpu": round(statistics.median(empty), 1),
        "ratio": round(ratio_of(empty, broker), 3),
        "rounds": len(broker),
    }


def line(name: str, microseconds: Sequence[float]) -> str:
    """The figures of one side, for people."""
    each = sorted(microseconds)
    middle = statistics.median(each)
    return f"  {name:14} {middle:7.1f} µs  (from {each[0]:.1f} to {each[-1]:.1f})"


def main(arguments: Sequence[str]) -> int:
    """Measure and say; 1 when the ratio is above --most."""
    if arguments[:1] == [EMPTY_HANDLER]:
        uvloop.run(serve_empty_handler(int(arguments[1]), bytes.fromhex(arguments[2])))
        return 0
    parser = argparse.ArgumentParser(prog="python -m bench.broker_call", description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="of processes, one after the other")
    parser.add_argument("--rounds", type=int, default=9, help="with each pair")
    parser.add_argument("--calls", type=int, default=1600, help="of each side in each round")
    parser.add_argument("--most", type=float, default=1.2, help="the largest ratio that will do")
    options = parser.parse_args(arguments)
    empty, broker = rounds_of(options.pairs, options.rounds, options.calls)
    ratio = ratio_of(empty, broker)
    print(f"server CPU per warm GetCopilotToken, {len(empty)} rounds in turns")
    print(line("empty handler", empty))
    print(line("token_service", broker))
    print(f"  ratio          {ratio:7.3f}     (median; at most {options.most:g})")
    return 0 if ratio <= options.most else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
