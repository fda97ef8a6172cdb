"""TLS on the RPC, callers known by their certificates, and certificates that change under load."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.servers.certificates import Authority, Pair, dns, uri
from tests.servers.guarded_broker import broker, get, refusal, tokens
from tests.servers.mounted import MountedSecret
from tests.servers.ports import free_ports
from tests.servers.token_service import RunningService

pytestmark = pytest.mark.anyio

ISOLATED = (("grpc.use_local_subchannel_pool", 1),)


def tls(secret: MountedSecret, server: Pair, client_ca: bytes | None = None) -> dict[str, str]:
    """The section listen.tls, after the files are in place."""
    replace_files(secret, server, client_ca)
    found = {"cert_file": str(secret.path("tls.crt")), "key_file": str(secret.path("tls.key"))}
    if client_ca is not None:
        found["client_ca_file"] = str(secret.path("ca.crt"))
    return found


def replace_files(secret: MountedSecret, server: Pair, client_ca: bytes | None = None) -> None:
    files = {"tls_crt": server.cert, "tls_key": server.key}
    secret.swap(**files, **({"ca_crt": client_ca} if client_ca is not None else {}))


def listening(section: dict[str, str]) -> dict[str, Any]:
    rpc, ops = free_ports(2)
    return {"grpc": f"127.0.0.1:{rpc}", "ops": f"127.0.0.1:{ops}", "tls": section}


def secure(made: RunningService, trusted: bytes, own: Pair | None = None) -> grpc.aio.Channel:
    """A channel with a connection of its own."""
    own_key, own_chain = (own.key, own.cert) if own is not None else (None, None)
    credentials = grpc.ssl_channel_credentials(trusted, own_key, own_chain)
    return grpc.aio.secure_channel(made.settings.listen.grpc, credentials, options=ISOLATED)


MTLS = {
    "mode": "mtls",
    "callers": [
        {"id": "gateway", "spiffe_id": "spiffe://corp.example/ns/copilot/sa/gw", "accounts": ["*"]},
        {"id": "ci", "dns_san": "ci.corp.example", "accounts": ["seat-2"]},
    ],
}


@pytest.mark.parametrize(
    ("names", "common_name", "code"),
    [
        ([uri("spiffe://corp.example/ns/copilot/sa/gw")], "x", None),
        ([dns("ci.corp.example")], "x", grpc.StatusCode.NOT_FOUND),
        ([uri("spiffe://corp.example/ns/copilot/sa/other")], "x", grpc.StatusCode.UNAUTHENTICATED),
        ([dns("other.corp.example")], "ci.corp.example", grpc.StatusCode.UNAUTHENTICATED),
        ([], "spiffe://corp.example/ns/copilot/sa/gw", grpc.StatusCode.UNAUTHENTICATED),
        (
            [uri("spiffe://corp.example/ns/copilot/sa/gw"), dns("ci.corp.example")],
            "x",
            grpc.StatusCode.UNAUTHENTICATED,
        ),
    ],
)
async def test_a_certificate_names_its_caller(
    tmp_path: Path, names: Sequence[Any], common_name: str, code: grpc.StatusCode | None
) -> None:
    """By a SPIFFE id or a DNS name, never by the common name, and never by two callers' names."""
    authority = Authority()
    listen = listening(
        tls(MountedSecret(tmp_path / "tls"), authority.issue("localhost"), authority.ca)
    )
    async with broker(tmp_path, listen=listen, auth=MTLS) as made:
        async with secure(made, authority.ca, authority.issue(common_name, names)) as channel:
            try:
                assert (await get(channel, token=None)).account == "seat-1"
                found = None
            except grpc.aio.AioRpcError as error:
                found = error.code()

    assert found is code


@pytest.mark.parametrize("own", [False, True])
async def test_without_a_certificate_of_ours_nobody_connects(tmp_path: Path, own: bool) -> None:
    authority, stranger = Authority(), Authority("another authority")
    listen = listening(
        tls(MountedSecret(tmp_path / "tls"), authority.issue("localhost"), authority.ca)
    )
    name = uri("spiffe://corp.example/ns/copilot/sa/gw")
    async with broker(tmp_path, listen=listen, auth=MTLS) as made:
        async with secure(
            made, authority.ca, stranger.issue("somebody", [name]) if own else None
        ) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await get(channel, token=None)

    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_plaintext_caller_does_not_get_through_tls(tmp_path: Path) -> None:
    authority = Authority()
    listen = listening(tls(MountedSecret(tmp_path / "tls"), authority.issue("localhost")))
    async with broker(tmp_path, listen=listen, auth=tokens()) as made:
        code, _, _ = await refusal(made.channel)
        async with secure(made, authority.ca) as channel:
            assert (await get(channel)).account == "seat-1"

    assert code is grpc.StatusCode.UNAVAILABLE


async def test_certificates_change_under_load_and_no_call_fails(tmp_path: Path) -> None:
    """Leaf, then authorities, one after the other; the clients trust both while they change."""
    old, new = Authority("old"), Authority("new")
    both = old.ca + new.ca
    name = uri("spiffe://corp.example/ns/copilot/sa/gw")
    secret = MountedSecret(tmp_path / "tls")
    listen = listening(tls(secret, old.issue("localhost"), old.ca))
    steps = [
        (old.issue("localhost"), old.ca, old),
        (old.issue("localhost"), both, old),
        (new.issue("localhost"), both, new),
        (new.issue("localhost"), new.ca, new),
    ]
    async with broker(tmp_path, listen=listen, auth=MTLS) as made:
        seen: list[int] = []
        client = old.issue("somebody", [name])
        stop = asyncio.Event()

        async def caller() -> None:
            """A client that connects anew for every few calls."""
            while not stop.is_set():
                async with secure(made, both, client) as channel:
                    seen.extend([(await get(channel, token=None)).generation for _ in range(5)])

        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(caller())
            for server, client_ca, issuer in steps:
                replace_files(secret, server, client_ca)
                await made.clock.advance(1.0)
                await enough(seen, 20)
                client = issuer.issue("somebody", [name])
                await enough(seen, 20)
            stop.set()
        # What is trusted now is the new authority alone.
        async with secure(made, both, old.issue("somebody", [name])) as channel:
            with pytest.raises(grpc.aio.AioRpcError):
                await get(channel, token=None)
        async with secure(made, old.ca, client) as channel:
            with pytest.raises(grpc.aio.AioRpcError):
                await get(channel, token=None)


async def enough(seen: list[int], more: int) -> None:
    """Wait, in bounded real time, for that many calls more."""
    wanted = len(seen) + more
    async with asyncio.timeout(20):
        while len(seen) < wanted:
            await asyncio.sleep(0.005)


async def test_half_replaced_files_change_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A new certificate beside the old key: the listener keeps what it had, and says so once."""
    authority = Authority()
    secret = MountedSecret(tmp_path / "tls")
    first, second = authority.issue("localhost"), authority.issue("localhost")
    listen = listening(tls(secret, first))
    async with broker(tmp_path, listen=listen, auth=tokens()) as made:
        secret.swap(tls_crt=second.cert, tls_key=first.key)
        for _ in range(3):
            await made.clock.advance(1.0)
            async with secure(made, authority.ca) as channel:
                await get(channel)
        complaints = [r for r in caplog.records if "certificate files" in r.getMessage()]
        failures = "copilot_listener_certificate_failures_total 1.0"
        assert failures in (await made.ops("/metrics")).text
        replace_files(secret, second)
        await made.clock.advance(1.0)
        async with secure(made, authority.ca) as channel:
            await get(channel)
        page = (await made.ops("/metrics")).text

    assert len(complaints) == 1
    assert "copilot_listener_certificate_expiry_timestamp_seconds" in page
