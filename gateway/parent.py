"""COMPOSITION of the parent of several workers: `listen.workers` above 1.

Builds no part of a gateway: each worker is a process that does. Owns the operators' port.
"""

import asyncio
import logging
import socket
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from gateway.settings.document import Settings
from runtime import logs
from runtime.listening import Address, reason_of, taken
from runtime.metrics_sum import Join
from runtime.ops import OpsServer
from runtime.signals import RELOAD_SIGNAL, stop_signal
from runtime.workers import Workers

log = logging.getLogger("gateway")

JOINS: Mapping[str, Join] = {
    # Everything else is added up.
    "gateway_store_up": min,
    "gateway_ledger_up": min,
    "gateway_issuer_up": min,
    "gateway_keys": max,
    "gateway_keys_up": min,
    "gateway_client_refused": max,
    "gateway_account_state": max,
    "gateway_account_quota_remaining_percent": min,
    "gateway_account_quota_entitlement": max,
    "gateway_account_quota_overage": max,
    "gateway_account_quota_reset_timestamp_seconds": max,
    # Each sees the whole directory.
    "gateway_usage_journal_bytes": max,
}


async def serve_workers(settings: Settings, config: Path) -> None:
    """Run until a stop signal. Raises ListenError, and WorkersFailed when no worker can start."""
    logs.setup(settings.log.level, settings.log.format)
    listen = settings.listen
    _check_free(Address(listen.host, listen.port))
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-")))
        command = (sys.executable, "-m", "gateway", "--config", str(config))
        workers = Workers(command, listen.workers, directory, JOINS)
        ops = OpsServer(
            Address(listen.host, listen.ops_port),
            "listen.ops_port",
            metrics=workers.metrics,
            is_ready=lambda: workers.is_ready,
        )
        await ops.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(workers.run())
                ending = tasks.create_task(_end_when_told(workers))
                await asyncio.wait([running])
                ending.cancel()
        finally:
            await ops.stop()
    log.info("stopped")


async def _end_when_told(workers: Workers) -> None:
    while True:
        signum = await stop_signal(lambda: workers.pass_on(RELOAD_SIGNAL))
        log.info("draining", extra=logs.fields(signal=signum.name))
        workers.end(signum)


def _check_free(address: Address) -> None:
    """Workers share the port, and would share it with another gateway too. Raises ListenError."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError as error:
            raise taken("listen.port", address, reason_of(error)) from error
