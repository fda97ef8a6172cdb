"""A cold burst: a broker that knows no token yet, and many callers for a few accounts at once.

Every account is exchanged once, and all callers wait for that. Measured are CPU time of the broker
for each call and the time from the first call to the last answer.
"""

import asyncio
import hashlib
import secrets
import statistics
import sys
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import uvloop
import yaml

from bench import programs
from bench.processes import cores, cpu_seconds, free_port, running
from protos.token_service.v1 import token_service_pb2 as pb
from protos.token_service.v1 import token_service_pb2_grpc as pb_grpc

ACCOUNTS = 16
CALLERS = 64
"""Of each account."""
CONNECTIONS = 16


def measure(directory: Path, rounds: int) -> dict[str, Any]:
    """Medians of bursts on new processes."""
    made = [_one(directory, number) for number in range(rounds)]
    return {
        "cpu": round(statistics.median(cpu for cpu, _ in made), 1),
        "milliseconds": round(statistics.median(seconds for _, seconds in made) * 1000, 1),
        "calls": ACCOUNTS * CALLERS,
        "exchanges": ACCOUNTS,
        "rounds": rounds,
    }


def _one(directory: Path, number: int) -> tuple[float, float]:
    upstream, rpc, ops = free_port(), free_port(), free_port()
    caller_token = secrets.token_urlsafe(32)
    file = directory / f"burst-{number}.yaml"
    file.write_text(yaml.safe_dump(_configuration(rpc, ops, upstream, caller_token)))
    with ExitStack() as stack:
        log = directory / "burst.log"
        command = [programs.upstream_program(), str(upstream)]
        stack.enter_context(running(command, cores()[1], log, upstream))
        command = [sys.executable, "-m", "token_service", "--config", str(file)]
        pid = stack.enter_context(running(command, cores()[0], log, rpc))
        cpu, seconds = uvloop.run(_burst(pid, rpc, caller_token))
        _check_exchanges(ops)
    return cpu, seconds


def _configuration(rpc: int, ops: int, upstream: int, caller_token: str) -> dict[str, Any]:
    url = f"http://127.0.0.1:{upstream}"
    return {
        "listen": {"grpc": f"127.0.0.1:{rpc}", "ops": f"127.0.0.1:{ops}"},
        "github": {"api_url": url, "web_url": url},
        "accounts": [
            {
                "id": f"seat-{number}",
                "strategy": "exchange",
                "github_token": f"ghu_{number:036}",
                "allowed_hosts": ["127.0.0.1"],
            }
            for number in range(ACCOUNTS)
        ],
        "auth": {
            "mode": "tokens",
            "callers": [
                {
                    "id": "bench",
                    "token_sha256": hashlib.sha256(caller_token.encode()).hexdigest(),
                    "accounts": ["*"],
                }
            ],
        },
    }


async def _burst(pid: int, port: int, caller_token: str) -> tuple[float, float]:
    metadata = (("authorization", f"Bearer {caller_token}"),)
    # Each with a pool of its own: otherwise all channels to one address share a connection.
    options = [("grpc.use_local_subchannel_pool", 1)]
    channels = [
        grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) for _ in range(CONNECTIONS)
    ]
    for channel in channels:
        await channel.channel_ready()
    stubs = [pb_grpc.TokenServiceStub(channel) for channel in channels]

    async def call(number: int) -> None:
        request = pb.GetCopilotTokenRequest(account=f"seat-{number % ACCOUNTS}")
        stub = stubs[number // ACCOUNTS % CONNECTIONS]
        await stub.GetCopilotToken(request, metadata=metadata, timeout=20)

    before, began = cpu_seconds(pid), time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(ACCOUNTS * CALLERS):
            group.create_task(call(number))
    seconds = time.monotonic() - began
    cpu = (cpu_seconds(pid) - before) / (ACCOUNTS * CALLERS) * 1e6
    for channel in channels:
        await channel.close()
    return cpu, seconds


def _check_exchanges(ops: int) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{ops}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    counted = sum(
        float(line.rsplit(" ", 1)[1])
        for line in lines
        if line.startswith("copilot_token_exchanges_total{")
    )
    if counted != ACCOUNTS:
        raise RuntimeError(f"{counted:g} exchanges for {ACCOUNTS} accounts")
