"""Accounts' quotas, asked of a simulated GitHub over HTTP; and that no token knows of it."""

import asyncio
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from protos.token_service.v1 import token_service_pb2 as pb
from protos.token_service.v1.token_service_pb2_grpc import TokenServiceStub
from tests.servers.ports import free_ports
from tests.servers.process import ServiceProcess
from tests.servers.simulator import Simulator
from tests.servers.token_service import RunningService, configured, running
from tests.servers.valkey_server import ValkeyServer

pytestmark = pytest.mark.anyio

ACCOUNTS: list[dict[str, Any]] = [
    {
        "login": "octocat",
        "credentials": ["ghu_paid"],
        "plan": "business",
        "organizations": ["acme-secret"],
        "quota": {"credits": 300, "used": 330},
    },
    {"login": "hubot", "credentials": ["ghu_free"], "plan": "free"},
    {"login": "mona", "credentials": ["gho_direct"]},
]
Figures = dict[tuple[str, ...], float]


@pytest.fixture(scope="module")
def process() -> Iterator[Simulator]:
    with Simulator() as made:
        yield made


@pytest.fixture
def simulator(process: Simulator) -> Simulator:
    process.reset()
    process.load({"accounts": ACCOUNTS})
    return process


def seats(simulator: Simulator) -> list[dict[str, Any]]:
    """One that pays, a free one, and one whose credential is no matter of the exchange."""
    hosts = {"allowed_hosts": [f"127.0.0.1:{simulator.port}"]}
    return [
        {"id": "paid", "github_token": "ghu_paid", **hosts},
        {"id": "free", "github_token": "ghu_free", **hosts},
        {"id": "direct", "github_token": "gho_direct", "strategy": "direct"},
    ]


def figures(text: str) -> Figures:
    """Every series about quotas: its name without the prefix, then its labels' values."""
    return {
        (sample.name.removeprefix("copilot_quota_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("copilot_quota_")
    }


async def polled(made: RunningService, polls: int) -> Figures:
    """The figures once there were so many polls; seconds pass meanwhile."""
    async with asyncio.timeout(5):
        while True:
            await made.clock.advance(1)
            found = figures((await made.ops("/metrics")).text)
            if sum(value for key, value in found.items() if key[0] == "polls_total") >= polls:
                return found


def asked(simulator: Simulator) -> list[str]:
    return [str(seen.account) for seen in simulator.ledger(endpoint="user_info")]


async def test_the_quotas_of_the_accounts_in_use(simulator: Simulator, tmp_path: Path) -> None:
    settings = configured(tmp_path, simulator.base_url, {"accounts": seats(simulator)})
    async with running(settings) as made:
        await made.clock.advance(10)
        assert asked(simulator) == []
        for seat in ("paid", "free", "direct"):
            await made.get(seat)
        found = await polled(made, 2)
        text = (await made.ops("/metrics")).text

    assert found["remaining", "paid", "premium_interactions"] == -30
    assert found["entitlement", "paid", "premium_interactions"] == 300
    assert found["exhausted", "paid", "premium_interactions"] == 1
    assert found["overage", "paid", "premium_interactions"] == 0
    assert found["entitlement", "paid", "chat"] == -1
    assert found["exhausted", "paid", "chat"] == 0
    assert found["remaining", "free", "completions"] == 4000
    assert found["reset_timestamp_seconds", "free"] > 1_700_000_000
    assert sorted(asked(simulator)) == ["hubot", "octocat"]
    for name in ("octocat", "hubot", "acme", "ghu_"):
        assert name not in text


async def test_it_asks_with_the_headers_of_the_exchange(
    simulator: Simulator, tmp_path: Path
) -> None:
    settings = configured(tmp_path, simulator.base_url, {"accounts": seats(simulator)[:1]})
    async with running(settings) as made:
        await made.get("paid")
        await polled(made, 1)

    (exchange,) = simulator.ledger(endpoint="exchange")
    (poll,) = simulator.ledger(endpoint="user_info")
    assert poll.headers == exchange.headers


ANSWERS: dict[str, tuple[dict[str, Any], str]] = {
    "401": ({"respond": {"status": 401, "body": {"message": "Bad credentials"}}}, "refused"),
    "429": ({"respond": {"status": 429, "headers": {"retry-after": "600"}}}, "rate_limited"),
    "HTML": (
        {"respond": {"status": 200, "body": "<html>", "content_type": "text/html"}},
        "unreadable",
    ),
    "hang": ({"stall": {}}, "unavailable"),
    "cut": ({"end": {"how": "reset"}}, "unavailable"),
}


@pytest.mark.parametrize(("fault", "outcome"), ANSWERS.values(), ids=ANSWERS)
async def test_what_a_poll_meets_is_counted_and_becomes_of_no_token(
    simulator: Simulator, tmp_path: Path, fault: dict[str, Any], outcome: str
) -> None:
    simulator.faults({"match": {"endpoint": "user_info"}, "times": 1, **fault})
    github = {"api_url": simulator.base_url, "timeout_seconds": 0.5}
    settings = configured(
        tmp_path, simulator.base_url, {"accounts": seats(simulator)[:1], "github": github}
    )
    async with running(settings) as made:
        first = await made.get("paid")
        found = await polled(made, 1)
        assert found["polls_total", outcome] == 1
        assert ("remaining", "paid", "premium_interactions") not in found
        # Not asked again before it is time, while the token is renewed as ever.
        await made.clock.advance(500)
        assert asked(simulator) == ["octocat"]
        await made.clock.advance(1100)
        second = await made.get("paid")
        assert second.generation > first.generation
        assert second.state == pb.TOKEN_STATE_FRESH


async def test_none_is_asked_where_that_is_off(simulator: Simulator, tmp_path: Path) -> None:
    content = {"accounts": seats(simulator)[:1], "quotas": {"poll_minutes": 0}}
    async with running(configured(tmp_path, simulator.base_url, content)) as made:
        await made.get("paid")
        for _ in range(5):
            await made.clock.advance(2)
            await asyncio.sleep(0.01)
    assert asked(simulator) == []


async def test_one_replica_asks(simulator: Simulator, tmp_path: Path) -> None:
    """The other one says nothing of the account."""
    with ValkeyServer() as server:
        store = {"url": server.url, "allow_plaintext": True}
        content = {"accounts": seats(simulator)[:1], "store": store}
        settings = []
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            settings.append(configured(tmp_path / name, simulator.base_url, content))
        async with running(settings[0]) as one, running(settings[1]) as two:
            await one.get("paid")
            await two.get("paid")
            await polled(one, 1)
            for _ in range(5):
                await two.clock.advance(2)
                await asyncio.sleep(0.01)
            found = figures((await two.ops("/metrics")).text)
            assert ("remaining", "paid", "premium_interactions") not in found
    assert asked(simulator) == ["octocat"]


# --- the process ------------------------------------------------------------------------------


class Service:
    """The real process, with one account whose credential is in a file."""

    def __init__(self, directory: Path, simulator: Simulator) -> None:
        rpc, ops = free_ports(2)
        self.address = f"127.0.0.1:{rpc}"
        self.credential = directory / "credential"
        self.credential.write_text("ghu_revoked\n")
        hosts = {"allowed_hosts": [f"127.0.0.1:{simulator.port}"]}
        document = {
            "listen": {"grpc": self.address, "ops": f"127.0.0.1:{ops}"},
            "github": {"api_url": simulator.base_url},
            "accounts": [
                {**hosts, "id": "seat", "github_token_file": str(self.credential)},
                {**hosts, "id": "free", "github_token": "ghu_free"},
            ],
            "log": {"level": "debug"},
        }
        file = directory / "process.yaml"
        file.write_text(yaml.safe_dump(document))
        self._metrics = f"http://127.0.0.1:{ops}/metrics"
        self.process = ServiceProcess(
            ["token_service", "--config", str(file)], f"http://127.0.0.1:{ops}/readyz"
        )

    async def get(self, account: str) -> str:
        """The token, or the name of the status."""
        async with grpc.aio.insecure_channel(self.address) as channel:
            request = pb.GetCopilotTokenRequest(account=account)
            try:
                answer = await TokenServiceStub(channel).GetCopilotToken(request, timeout=5)
            except grpc.aio.AioRpcError as error:
                return str(error.code().name)
            return str(answer.token.value)

    async def until(self, outcome: str) -> Figures:
        """The figures once a poll ended like that."""
        async with asyncio.timeout(8), httpx.AsyncClient(trust_env=False) as client:
            while True:
                found = figures((await client.get(self._metrics)).text)
                if found["polls_total", outcome]:
                    return found
                await asyncio.sleep(0.05)


async def test_a_new_credential_is_tried_at_once_and_a_hanging_poll_ends_with_the_process(
    simulator: Simulator, tmp_path: Path
) -> None:
    service = Service(tmp_path, simulator)
    await asyncio.to_thread(service.process.start)
    try:
        assert await service.get("seat") == "FAILED_PRECONDITION"
        await service.until("refused")
        service.credential.write_text("ghu_paid\n")
        assert service.process.process is not None
        service.process.process.send_signal(signal.SIGHUP)
        found = await service.until("ok")
        assert found["remaining", "seat", "premium_interactions"] == -30

        simulator.faults({"match": {"endpoint": "user_info"}, "stall": {}})
        assert (await service.get("free")).startswith("tid=")
        async with asyncio.timeout(8):
            while len(simulator.ledger(endpoint="user_info")) < 3:
                await asyncio.sleep(0.05)
        assert (await service.get("free")).startswith("tid=")
        before = asyncio.get_running_loop().time()
        assert await asyncio.to_thread(service.process.terminate) == 0
        assert asyncio.get_running_loop().time() - before < 5
        output = service.process.output()
    finally:
        await asyncio.to_thread(service.process.__exit__, None, None, None)
    assert '"outcome": "refused"' in output or '"outcome":"refused"' in output
    for secret in ("octocat", "hubot", "acme", "ghu_paid", "ghu_revoked"):
        assert secret not in output
