"""Leaf and CA certificates change under load, and no call fails."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers.certificates import Authority
from tests.servers.fleet import Fleet
from tests.servers.mounted import mount
from tests.servers.simulator import Simulator
from tests.servers.valkey_server import ValkeyServer
from token_client.errors import TokenError
from token_client.files import Tls

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_certificates_rotate_under_load_without_a_failed_call(
    full: bool,
    store: ValkeyServer,
    upstream: Simulator,
    tmp_path: Path,
    report: Callable[..., None],
) -> None:
    """First a new leaf, then a new CA: trusted beside the old one, used, then alone."""
    pause, callers = (5.0, 20) if full else (2.0, 4)
    old, new = Authority("old"), Authority("new")
    first = old.issue("token-service")
    files = mount(tmp_path / "server", cert=first.cert, key=first.key)
    trusted = mount(tmp_path / "trust", ca=old.ca)
    settings = {"listen": {"tls": {"cert_file": str(files["cert"]), "key_file": str(files["key"])}}}
    calls, failures, began = 0, list[str](), time.monotonic()
    with Fleet(tmp_path, upstream.base_url, store.url, 2, settings=settings) as fleet:

        async def ask(stop: asyncio.Event) -> None:
            nonlocal calls
            while not stop.is_set():
                # A client of its own each time: every call is also a handshake.
                async with fleet.tls_client(Tls(ca_file=trusted["ca"]), calls) as client:
                    try:
                        await client.get("seat-1")
                    except TokenError as error:
                        failures.append(f"after {time.monotonic() - began:.1f} s: {error}")
                calls += 1

        def serve(authority: Authority) -> None:
            pair = authority.issue("token-service")
            mount(tmp_path / "server", cert=pair.cert, key=pair.key)

        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(ask(stop))
            for step in (
                lambda: serve(old),
                lambda: mount(tmp_path / "trust", ca=old.ca + new.ca),
                lambda: serve(new),
                lambda: mount(tmp_path / "trust", ca=new.ca),
            ):
                await asyncio.sleep(pause)
                step()
            await asyncio.sleep(pause)
            stop.set()
    assert failures == [], f"of {calls}: {failures}"
    assert calls > callers
    report(calls=calls, failed=0)
