"""A real Prometheus beside both services: what dashboards and rules ask for is there.

One gateway alone and one with two workers, in front of the simulator, with traffic of all kinds.
"""

import asyncio
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.servers.deployed import queries, rules, rules_file, substituted
from tests.servers.gateway_callers import ask, question
from tests.servers.gateway_fleet import Broker, GatewayFleet
from tests.servers.postgres_server import PostgresServer
from tests.servers.prometheus_server import PrometheusServer, needs_promtool, promtool
from tests.servers.simulator import Simulator
from tests.servers.valkey_server import ValkeyServer

pytestmark = [pytest.mark.slow, pytest.mark.anyio, needs_promtool]
SECONDS = 20.0
ROUNDS = 2
"""What grows is seen to grow between two scrapes."""
SEATS = {
    "seat-1": "ghu_simulated_octocat",
    "seat-2": "ghu_simulated_octocat",
    "seat-3": "ghu_of_nobody",
}
KEYS: list[dict[str, Any]] = [
    {"id": "bot"},
    {"id": "poor", "budget": {"requests": 1}},
    {"id": "narrow", "max_concurrency": 1},
]
ONLY_AFTER_A_FAULT = {
    "copilot_listener_certificate_expiry_timestamp_seconds": "there with TLS only",
    "copilot_account_alert": "an account that needs a person: abuse, billing, tokens refused",
    "copilot_token_rejections_total": "upstream has to refuse a token that lives",
}
"""By metric: why no series has to be there after ordinary traffic."""
QUIET_ALERTS = {
    "GatewayAbsent": "`absent` has a series only where there is no metric",
    "TokenServiceAbsent": "likewise",
    "TokenServiceCertificateExpiring": "there with TLS only",
}


class Scene(NamedTuple):
    """What runs."""

    prometheus: PrometheusServer
    fleets: tuple[GatewayFleet, GatewayFleet]
    broker: Broker


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    directory = tmp_path_factory.mktemp("prometheus")
    (directory / "many").mkdir()
    with (
        Simulator() as upstream,
        PostgresServer() as database,
        ValkeyServer() as store,
        Broker(directory, upstream.base_url, SEATS) as broker,
        GatewayFleet(directory, broker, keys=KEYS) as one,
        GatewayFleet(
            directory / "many",
            broker,
            keys=KEYS,
            store_url=store.url,
            settings={
                "listen": {"workers": 2},
                "usage": {"database_url": database.create_database()},
            },
        ) as many,
        PrometheusServer(
            {
                "gateway": [
                    each.replicas[0].ops_url.removeprefix("http://") for each in (one, many)
                ],
                "token-service": [broker.ops],
            },
            rules_file(),
        ) as prometheus,
    ):
        upstream.faults({"match": {"endpoint": "chat"}, "nth": 3, "refusal": "rate_limited"})
        yield Scene(prometheus, (one, many), broker)


@pytest.fixture(scope="module")
async def scraped(scene: Scene) -> PrometheusServer:
    """Prometheus, after it has seen traffic go on."""
    for _ in range(ROUNDS):
        await asyncio.gather(*map(traffic, scene.fleets))
        await scrapes(scene.prometheus, 2)
    return scene.prometheus


async def traffic(fleet: GatewayFleet) -> None:
    """Requests of every kind: whole, streamed, refused, wrong."""
    said: dict[str, Any] = {"messages": [{"role": "user", "content": "hello"}]}
    messages = {**said, "model": "claude-sonnet-4.6", "max_tokens": 100}
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("bot", "/v1/chat/completions", question("hello")),
        ("bot", "/v1/chat/completions", question("hello", stream=True)),
        ("bot", "/v1/chat/completions", question("hello", model="no-such-model")),
        ("bot", "/v1/messages", {**messages, "stream": True}),
        ("bot", "/copilot/v1/messages", messages),
        ("bot", "/v1/responses", {"model": "gpt-5-mini", "input": "hello", "stream": True}),
        ("bot", "/v1/embeddings", {"model": "text-embedding-3-small", "input": ["hello"]}),
        ("bot", "/v1/nowhere", {}),
        ("poor", "/v1/chat/completions", question("hello")),
        ("poor", "/v1/chat/completions", question("hello")),
        ("nobody", "/v1/chat/completions", question("hello")),
    ]
    for key, path, body in requests:
        await ask(fleet.url, fleet.keys.get(key, "cgw-wrong"), body, path=path)
    narrow = [ask(fleet.url, fleet.keys["narrow"], question("hello", stream=True)) for _ in "12"]
    await asyncio.gather(*narrow)


async def scrapes(prometheus: PrometheusServer, count: int) -> None:
    """Wait until every target was looked at so often again."""

    async def seen() -> float:
        return await asyncio.to_thread(
            prometheus.value, "min(count_over_time(gateway_store_up[1h]))"
        )

    wanted = await seen() + count
    deadline = time.monotonic() + SECONDS
    while await seen() < wanted:
        assert time.monotonic() < deadline, "Prometheus does not scrape"
        await asyncio.sleep(0.1)


async def test_every_target_is_scraped(scraped: PrometheusServer) -> None:
    up = {each["metric"]["job"]: each["value"][1] for each in scraped.query("up")}
    assert up == {"gateway": "1", "token-service": "1"}
    assert scraped.value("count(up == 1)") == 3


async def test_every_query_of_every_dashboard_returns_series(scraped: PrometheusServer) -> None:
    empty = {
        (query.dashboard, query.title, query.expr)
        for query in queries()
        if not any(name in query.expr for name in ONLY_AFTER_A_FAULT)
        and not await eventually(scraped, substituted(query.expr))
    }
    assert not empty


async def test_every_rule_asks_for_series_that_are_there(scraped: PrometheusServer) -> None:
    """An alert's expression is empty while all is well: its comparisons are made to say 0 or 1."""
    empty = {
        rule.get("alert") or rule["record"]
        for rule in rules()
        if rule.get("alert") not in QUIET_ALERTS
        and not await eventually(scraped, said(rule["expr"]))
    }
    assert not empty


def said(expr: str) -> str:
    compared = re.sub(r" (>|<|==) (?!bool)", r" \1 bool ", expr)
    # What is excepted only when something else is there would except everything.
    return compared.replace("unless", "or")


async def eventually(prometheus: PrometheusServer, expr: str) -> list[dict[str, Any]]:
    """Its series; recorded ones come a moment after those they are made of."""
    deadline = time.monotonic() + 3
    while not (found := await asyncio.to_thread(prometheus.query, expr)):
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(0.2)
    return found


async def test_what_is_excepted_is_really_not_there(scraped: PrometheusServer) -> None:
    """An exception that is none any more has to go."""
    for name in ONLY_AFTER_A_FAULT:
        assert not scraped.query(name), name


async def test_prometheus_evaluates_every_rule(scraped: PrometheusServer) -> None:
    loaded = scraped.rules()
    assert len(loaded) == len(rules())
    assert [rule["lastError"] for rule in loaded if rule.get("lastError")] == []
    assert {rule["health"] for rule in loaded} <= {"ok", "unknown"}


async def test_only_the_alerts_of_what_is_wrong_are_pending_or_fire(
    scraped: PrometheusServer,
) -> None:
    """One credential is nobody's, and of so few requests those that it fails are a large part."""
    stirring = {rule["name"] for rule in scraped.rules() if rule.get("alerts")}
    assert stirring <= {
        "TokenServiceSeatLost",
        "TokenExchangesFailing",
        "GatewaySeatLost",
        "GatewayErrorsBurnFast",
        "GatewayErrorsBurnSlow",
    }
    assert {"TokenServiceSeatLost", "GatewaySeatLost"} <= stirring


async def test_workers_are_one_target_with_the_sum_of_their_numbers(
    scraped: PrometheusServer,
) -> None:
    by = 'sum by (instance) (gateway_requests_total{code="200"})'
    numbers = {float(each["value"][1]) for each in scraped.query(by)}
    assert len(numbers) in {1, 2}
    assert min(numbers) >= ROUNDS * 6
    assert {each["value"][1] for each in scraped.query("gateway_store_up")} == {"1"}
    assert {each["value"][1] for each in scraped.query("gateway_ledger_up")} == {"1"}


async def test_promtool_has_nothing_to_say_of_the_exposition(scene: Scene, tmp_path: Path) -> None:
    texts = [fleet.replicas[0].metrics() for fleet in scene.fleets]
    for text in (*texts, scene.broker.metrics()):
        assert promtool("check", "metrics", directory=tmp_path, stdin=text) == ""
