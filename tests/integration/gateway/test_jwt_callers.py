"""Callers by their tokens, with the issuer's keys over HTTP: read, rotated, away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.event_log import LoggedEvents
from gateway.adapters.prometheus import PrometheusEvents
from gateway.assembly import TokenCallers, token_callers_of
from gateway.domain.errors import Fault, GatewayError
from gateway.settings.snapshot import snapshot_of
from runtime.clock import SystemClock
from tests.fakes.clock import FakeClock
from tests.servers.jwks_endpoint import JwksEndpoint, publishing
from tests.servers.jwt_issuer import Issuer, ec_key, rsa_key
from tests.unit.gateway.settings.documents import read

pytestmark = pytest.mark.anyio

SSO = "https://sso.example"
OLD, NEW = rsa_key(), ec_key()


class MovedClock(FakeClock, SystemClock):
    """Time that tests move."""


@dataclass
class Serving:
    """Callers as a gateway builds them, its issuer, and time."""

    endpoint: JwksEndpoint
    issuer: Issuer
    callers: TokenCallers
    clock: MovedClock
    metrics: PrometheusEvents

    def token(self, **changes: Any) -> str:
        return self.issuer.token(**{"iss": SSO, "aud": "copilot-gateway", "sub": "ada", **changes})

    async def group(self, token: str) -> str:
        return (await self.callers.callers.caller(token)).group

    async def fault(self, token: str) -> Fault:
        with pytest.raises(GatewayError) as raised:
            await self.callers.callers.caller(token)
        return raised.value.fault

    @property
    def is_up(self) -> bool:
        return b"gateway_issuer_up 1.0" in self.metrics.render()

    async def reads(self, count: int) -> None:
        """Wait until the keys were read so often, over HTTP."""
        async with asyncio.timeout(5):
            while self.endpoint.reads < count:
                await asyncio.sleep(0.01)
            while self.clock.sleeping == 0:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(directory: Path, status: int = 200) -> AsyncIterator[Serving]:
    clock = MovedClock()
    issuer = Issuer(now=clock.now(), old=OLD)
    async with publishing(issuer) as endpoint, asyncio.TaskGroup() as tasks:
        endpoint.status = status
        jwt = {
            "issuer": SSO,
            "audience": "copilot-gateway",
            "jwks_url": endpoint.url,
            "default_group": "team",
        }
        settings = read(directory, auth={"jwt": jwt}, egress={"proxy_url": "http://127.0.0.1:9"})
        metrics = PrometheusEvents()
        rules = snapshot_of(settings).caller_rules
        callers = token_callers_of(settings, rules, clock, LoggedEvents(metrics))
        assert callers is not None
        running = tasks.create_task(callers.ring.run())
        made = Serving(endpoint, issuer, callers, clock, metrics)
        await made.reads(1)
        yield made
        running.cancel()


async def test_keys_are_read_in_the_background_and_not_for_requests(tmp_path: Path) -> None:
    """And not through the proxy of the way out, which leads to no loopback."""
    async with serving(tmp_path) as made:
        for number in range(10):
            assert await made.group(made.token(jti=str(number))) == "team"

        assert made.endpoint.reads == 1
        assert made.is_up


async def test_a_new_key_is_found_and_a_dropped_one_ends(tmp_path: Path) -> None:
    async with serving(tmp_path) as made:
        first = made.token()
        await made.group(first)
        made.issuer.keys = {"old": OLD, "new": NEW}
        second = made.token()
        assert await made.fault(second) is Fault.CALLER_KEY_TOKEN, "asked ten seconds ago at least"
        await made.clock.advance(10)
        assert await made.group(second) == "team"
        assert await made.group(first) == "team"
        made.issuer.keys = {"new": NEW}
        await made.clock.advance(290)
        await made.reads(3)
        assert await made.fault(first) is Fault.CALLER_KEY_TOKEN
        assert await made.group(second) == "team"


async def test_what_is_known_serves_while_the_issuer_is_away(tmp_path: Path) -> None:
    async with serving(tmp_path) as made:
        made.endpoint.status = 503
        await made.clock.advance(300)
        await made.reads(2)
        assert not made.is_up
        assert await made.group(made.token()) == "team"
        made.issuer.keys = {"new": NEW}
        assert await made.fault(made.token()) is Fault.GATEWAY_ISSUER
        made.endpoint.status = 200
        await made.clock.advance(10)
        await made.reads(3)
        assert await made.group(made.token()) == "team"
        assert made.is_up


async def test_an_issuer_that_is_away_at_the_start_blames_nobody(tmp_path: Path) -> None:
    async with serving(tmp_path, status=503) as made:
        assert await made.fault(made.token()) is Fault.GATEWAY_ISSUER
        made.endpoint.status = 200
        await made.clock.advance(10)
        await made.reads(2)
        assert await made.group(made.token()) == "team"
