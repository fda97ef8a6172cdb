"""Out through a company's proxy, to an upstream that only its own authority vouches for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvloop

from gateway.adapters.egress import Guard
from gateway.adapters.http_upstream import Deadlines, HttpUpstream, open_session
from gateway.domain.errors import Fault, GatewayError
from gateway.ports import UpstreamRequest
from runtime.version import VERSION
from tests.fakes.names import FakeNames
from tests.servers.certificates import Authority
from tests.servers.connect_proxy import ConnectProxy, proxying
from tests.servers.mounted import mount
from tests.servers.raw_upstream import RawUpstream, chunk, head, playing
from tests.servers.tls_upstream import playing_tls

HOST = "upstream.example"
CA = Authority()
PAIR = CA.issue(HOST)
DEADLINES = Deadlines(first_byte=5, total=10)
EVENTS = [b"data: one\n\n", b"data: two\n\n", b"data: [DONE]\n\n"]
SCRIPT = [head("text/event-stream"), *map(chunk, EVENTS), chunk(b"")]
SECRETS = (b"the-token", b"the-prompt", b"data: one")


@dataclass
class Way:
    """A TLS upstream that only the proxy can find."""

    upstream: RawUpstream
    proxy: ConnectProxy
    ca_file: Path

    async def ask(self, ca_file: Path | None, guard: Guard | None = None) -> bytes:
        """An answer through the proxy. Raises GatewayError."""
        return await ask(self.upstream.url, self.proxy.url, ca_file, guard)


async def ask(
    url: str, proxy_url: str | None, ca_file: Path | None, guard: Guard | None = None
) -> bytes:
    headers = {"Authorization": "Bearer the-token", "X-Initiator": "user"}
    request = UpstreamRequest("POST", f"{url}/chat", headers, b"the-prompt")
    # No name but the proxy's is ever asked for here.
    nobody = guard or Guard([], FakeNames({}))
    async with asyncio.timeout(10), open_session(ca_file, nobody) as session:
        async with HttpUpstream(session, DEADLINES, proxy_url).send(request) as reply:
            assert reply.status == 200
            return await reply.read(4096)


@asynccontextmanager
async def way_out(directory: Path, credentials: str | None = None) -> AsyncIterator[Way]:
    ca_file = mount(directory / "ca", ca=CA.ca)["ca"]
    proxy = ConnectProxy({HOST: "127.0.0.1"}, credentials)
    async with (
        playing_tls(RawUpstream(SCRIPT), PAIR, HOST, directory / "tls") as upstream,
        proxying(proxy),
    ):
        yield Way(upstream, proxy, ca_file)


async def through_proxy_and_private_authority(directory: Path) -> None:
    async with way_out(directory) as way:
        assert await way.ask(way.ca_file) == b"".join(EVENTS)
    (asked,) = way.proxy.asked
    assert (asked.method, asked.target) == ("CONNECT", way.upstream.url.removeprefix("https://"))
    assert asked.headers["user-agent"] == f"copilot-gateway/{VERSION}"
    assert not {"authorization", "x-initiator", "proxy-authorization"} & set(asked.headers)
    assert len(way.proxy.passed_up) > 0
    assert not any(secret in way.proxy.passed_up for secret in SECRETS)
    (request,) = way.upstream.requests
    assert request.startswith(b"POST /chat HTTP/1.1\r\n")
    assert b"Authorization: Bearer the-token\r\n" in request
    assert request.endswith(b"\r\n\r\nthe-prompt")


@pytest.mark.anyio
async def test_a_stream_comes_through_a_proxy_from_behind_a_private_authority(
    tmp_path: Path,
) -> None:
    """The proxy sees where it goes and nothing else; names are looked up over there."""
    await through_proxy_and_private_authority(tmp_path)


def test_and_so_it_does_on_the_loop_that_services_run_on(tmp_path: Path) -> None:
    """TLS inside a connection that is there already is each loop's own code."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(through_proxy_and_private_authority(tmp_path))


@pytest.mark.anyio
async def test_without_its_authority_upstream_gets_nothing(tmp_path: Path) -> None:
    other = mount(tmp_path / "other", ca=Authority("another authority").ca)["ca"]
    async with way_out(tmp_path) as way:
        for ca_file in (None, other):
            with pytest.raises(GatewayError) as caught:
                await way.ask(ca_file)
            assert caught.value.fault is Fault.UPSTREAM_UNAVAILABLE
        assert way.upstream.requests == []


@pytest.mark.anyio
async def test_a_certificate_is_for_one_name(tmp_path: Path) -> None:
    ca_file = mount(tmp_path / "ca", ca=CA.ca)["ca"]
    proxy = ConnectProxy({"other.example": "127.0.0.1"})
    upstream = RawUpstream(SCRIPT)
    async with playing_tls(upstream, PAIR, "other.example", tmp_path / "tls"), proxying(proxy):
        with pytest.raises(GatewayError) as caught:
            await ask(upstream.url, proxy.url, ca_file)
    assert caught.value.fault is Fault.UPSTREAM_UNAVAILABLE
    assert upstream.requests == []


@pytest.mark.anyio
async def test_a_proxy_that_refuses_is_unavailable_and_nothing_was_sent(tmp_path: Path) -> None:
    """It wants credentials, which the configuration has no place for; or finds nobody."""
    async with way_out(tmp_path, credentials="user:word") as way:
        with pytest.raises(GatewayError) as caught:
            await way.ask(way.ca_file)
    assert caught.value.fault is Fault.UPSTREAM_UNAVAILABLE
    assert way.upstream.requests == []
    assert way.proxy.passed_up == b""
    async with proxying(ConnectProxy()) as proxy:
        with pytest.raises(GatewayError) as caught:
            await ask("https://127.0.0.1:1", proxy.url, None)
    assert caught.value.fault is Fault.UPSTREAM_UNAVAILABLE


@pytest.mark.anyio
async def test_plain_http_goes_through_the_proxy_too() -> None:
    """There is no way around it, not even on loopback."""
    async with playing(RawUpstream(SCRIPT)) as upstream, proxying(ConnectProxy()) as proxy:
        assert await ask(upstream.url, proxy.url, None) == b"".join(EVENTS)
    (asked,) = proxy.asked
    assert (asked.method, asked.target) == ("POST", f"{upstream.url}/chat")
    (request,) = upstream.requests
    assert request.startswith(b"POST /chat HTTP/1.1\r\n")


@pytest.mark.anyio
async def test_the_proxys_own_name_may_lead_inside_when_it_is_written_down(
    tmp_path: Path,
) -> None:
    names = FakeNames({"proxy.example": ["127.0.0.1"]})
    async with way_out(tmp_path) as way:
        way.proxy.url = way.proxy.url.replace("127.0.0.1", "proxy.example")
        with pytest.raises(GatewayError):
            await way.ask(way.ca_file, Guard([], names))
        assert way.proxy.asked == []
        known = Guard(["proxy.example"], names)
        assert await way.ask(way.ca_file, known) == b"".join(EVENTS)
    assert set(names.asked) == {"proxy.example"}


@pytest.mark.anyio
async def test_without_a_proxy_the_private_authority_is_enough(tmp_path: Path) -> None:
    names = FakeNames({HOST: ["127.0.0.1"]})
    async with way_out(tmp_path) as way:
        answer = await ask(way.upstream.url, None, way.ca_file, Guard([HOST], names))
    assert answer == b"".join(EVENTS)
    assert way.proxy.asked == []
