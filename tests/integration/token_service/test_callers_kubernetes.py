"""Callers known by the projected tokens of their service accounts, over real gRPC and HTTP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from aiohttp import web

from tests.servers.guarded_broker import broker, get, refusal
from tests.servers.jwt_issuer import AUDIENCE, ISSUER, Issuer, ec_key
from tests.servers.ports import free_ports

pytestmark = pytest.mark.anyio

NOW = 1_795_000_000


def kubernetes(directory: Path, issuer: Issuer) -> dict[str, Any]:
    (directory / "jwks.json").write_bytes(issuer.jwks())
    return {
        "mode": "kubernetes",
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "jwks_file": str(directory / "jwks.json"),
        "callers": [
            {"id": "gateway", "service_account": "copilot/gateway", "accounts": ["*"]},
            {"id": "ci", "service_account": "ci/runner", "accounts": ["seat-2"]},
        ],
    }


async def test_a_service_account_is_known_by_its_token(tmp_path: Path) -> None:
    issuer = Issuer(now=NOW, k1=ec_key())
    async with broker(tmp_path, auth=kubernetes(tmp_path, issuer)) as made:
        assert (await get(made.channel, token=issuer.token())).account == "seat-1"
        code, reason, _ = await refusal(made.channel, "seat-1", issuer.token("ci/runner"))
        unknown = await refusal(made.channel, "seat-1", issuer.token("ci/else"))
        foreign = await refusal(made.channel, "seat-1", issuer.token(aud=["another"]))

    assert (code, reason) == (grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND")
    assert unknown[0] is foreign[0] is grpc.StatusCode.UNAUTHENTICATED


class ApiServer:
    """What a cluster's API server has for us: the issuer's keys, and TokenReview."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.revoked: set[str] = set()
        self.status = 200
        self.asked: list[str] = []
        self.presented: set[str | None] = set()

    async def keys(self, request: web.Request) -> web.Response:
        self._note(request)
        return web.Response(body=self.issuer.jwks(), status=self.status)

    async def review(self, request: web.Request) -> web.Response:
        self._note(request)
        spec = (await request.json())["spec"]
        status = {
            "authenticated": spec["token"] not in self.revoked,
            "audiences": spec["audiences"],
            "user": {"username": "system:serviceaccount:copilot:gateway"},
        }
        return web.json_response({"status": status}, status=self.status)

    def _note(self, request: web.Request) -> None:
        self.asked.append(request.path)
        self.presented.add(request.headers.get("Authorization"))


@asynccontextmanager
async def serving(server: ApiServer) -> AsyncIterator[str]:
    """Its URL."""
    app = web.Application()
    app.router.add_get("/openid/v1/jwks", server.keys)
    app.router.add_post("/apis/authentication.k8s.io/v1/tokenreviews", server.review)
    runner = web.AppRunner(app)
    await runner.setup()
    (port,) = free_ports(1)
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def test_a_deleted_pods_token_ends_within_a_minute(tmp_path: Path) -> None:
    """And while the API server is away, nothing ends that it has accepted."""
    (tmp_path / "own-token").write_text("the-brokers-own\n")
    server = ApiServer(Issuer(now=NOW, k1=ec_key()))
    token = server.issuer.token()
    async with serving(server) as url:
        auth = {
            **kubernetes(tmp_path, server.issuer),
            "jwks_file": None,
            "jwks_url": f"{url}/openid/v1/jwks",
            "token_review_url": url,
            "token_file": str(tmp_path / "own-token"),
        }
        async with broker(tmp_path, auth=auth) as made:
            for _ in range(5):
                await get(made.channel, token=token)
            assert server.presented == {"Bearer the-brokers-own"}
            assert len(server.asked) == 2
            server.status = 503
            await made.clock.advance(60)
            await get(made.channel, token=token)
            server.status = 200
            server.revoked.add(token)
            await get(made.channel, token=token)
            await made.clock.advance(60)
            code, _, text = await refusal(made.channel, token=token)

    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert "the cluster does not accept this token any more" in text


async def test_the_issuer_changes_its_key_and_nobody_notices(tmp_path: Path) -> None:
    """A new key is named before it signs; the old one's tokens hold while it is named."""
    old, new = ec_key(), ec_key()
    server = ApiServer(Issuer(now=NOW, k1=old))
    async with serving(server) as url:
        auth = {
            **kubernetes(tmp_path, server.issuer),
            "jwks_file": None,
            "jwks_url": f"{url}/openid/v1/jwks",
        }
        async with broker(tmp_path, auth=auth) as made:
            first = server.issuer.token()
            await get(made.channel, token=first)
            await made.clock.advance(10)
            server.issuer.keys = {"k1": old, "k2": new}
            second = server.issuer.token()
            await get(made.channel, token=second)
            await get(made.channel, token=first)
            server.issuer.keys = {"k2": new}
            await made.clock.advance(300)
            code = await end_of(made.channel, first)
            await get(made.channel, token=second)

    assert code is grpc.StatusCode.UNAUTHENTICATED


async def end_of(channel: grpc.aio.Channel, token: str) -> grpc.StatusCode:
    """Ask until the token is refused: the keys are read in the background, over HTTP."""
    async with asyncio.timeout(5):
        while True:
            try:
                await get(channel, token=token)
            except grpc.aio.AioRpcError as error:
                return error.code()
