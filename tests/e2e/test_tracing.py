"""Traces, from a caller through both services to upstream, as a collector receives them."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.servers.gateway_callers import MODEL, Call, ask, question
from tests.servers.gateway_fleet import GROUP, Broker, GatewayFleet
from tests.servers.otlp_receiver import OtlpReceiver, Received
from tests.servers.postgres_server import PostgresServer
from tests.servers.process import ROOT, clean_environment
from tests.servers.simulator import Simulator
from tests.servers.valkey_server import ValkeyServer

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
KEY_OF = "key-of-"
STATUS = "http.response.status_code"
SEAT = {"seat-1": "ghu_simulated_octocat"}
SEATS = {f"seat-{n}": f"ghu_simulated_seat_{n}" for n in range(1, 9)}


class House:
    """Both services in front of the simulator, and the collector."""

    def __init__(
        self, upstream: Simulator, broker: Broker, fleet: GatewayFleet, collector: OtlpReceiver
    ) -> None:
        self.upstream, self.broker, self.fleet, self.collector = upstream, broker, fleet, collector

    def key(self, name: str) -> str:
        return self.fleet.keys[KEY_OF + name]

    async def trace_of(self, request_id: str) -> list[Received]:
        """All spans of a request, once there are no more to come."""
        # Waits in a thread: the loop has sockets to close, by which services notice who is gone.
        return await asyncio.to_thread(self._trace_of, request_id)

    def _trace_of(self, request_id: str) -> list[Received]:

        def root(spans: list[Received]) -> list[Received]:
            return [each for each in spans if _is_of(each, request_id)]

        self.collector.until(lambda spans: bool(root(spans)))
        (server,) = root(self.collector.spans)
        # Those of the broker come by themselves.
        calls = [each for each in self.collector.traces()[server.trace] if _is_rpc(each)]
        for call in (each for each in calls if each.kind == "CLIENT"):
            self.collector.until(lambda spans: any(each.parent == call.id for each in spans))  # noqa: B023
        return self.collector.traces()[server.trace]


def _is_of(span: Received, request_id: str) -> bool:
    return span.attributes.get("gateway.request_id") == request_id


def _is_rpc(span: Received) -> bool:
    return span.attributes.get("rpc.system.name") == "grpc"


def kinds(spans: list[Received]) -> list[tuple[str, str, str]]:
    return sorted((each.service, each.kind, each.name) for each in spans)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    directory = tmp_path_factory.mktemp("traced")
    scenario = directory / "scenario.yaml"
    scenario.write_text("crowd: {count: 9}\nchat: {chunk_delay_seconds: 0}\n")
    with OtlpReceiver() as collector, Simulator(scenario) as upstream:
        tracing = {"tracing": {"otlp_endpoint": collector.url}}
        groups = [
            {"id": GROUP, "accounts": [{"id": seat}]}
            if n == 1
            else {"id": f"t{n}", "accounts": [{"id": seat}]}
            for n, seat in enumerate(SEATS, 1)
        ]
        groups.append(
            {
                "id": "pair",
                "accounts": [{"id": "seat-7", "priority": 0}, {"id": "seat-8", "priority": 1}],
            }
        )
        keys = [{"id": f"{KEY_OF}{group['id']}", "group": group["id"]} for group in groups]
        with (
            Broker(directory, upstream.base_url, SEATS, settings=tracing) as broker,
            GatewayFleet(directory, broker, groups=groups, keys=keys, settings=tracing) as fleet,
        ):
            yield House(upstream, broker, fleet, collector)


async def test_one_request_is_one_trace_through_both_services(house: House) -> None:
    """Cold: nobody has asked for this account's token, or its models, before."""
    reply = await ask(
        house.fleet.url, house.key(GROUP), question("hello"), headers={"traceparent": TRACEPARENT}
    )
    assert reply.status == 200
    spans = await house.trace_of(reply.headers["x-request-id"])
    method = "token_service.v1.TokenService/GetCopilotToken"
    assert kinds(spans) == [
        ("copilot-gateway", "CLIENT", "chat"),
        ("copilot-gateway", "CLIENT", method),
        ("copilot-gateway", "SERVER", "POST /v1/chat/completions"),
        ("token-service", "CLIENT", "obtain token"),
        ("token-service", "SERVER", method),
    ]
    by_name = {(each.kind, each.name): each for each in spans}
    server = by_name["SERVER", "POST /v1/chat/completions"]
    assert (server.trace, server.parent) == (TRACE, PARENT)
    upstream, call = by_name["CLIENT", "chat"], by_name["CLIENT", method]
    broker = by_name["SERVER", method]
    assert upstream.parent == call.parent == server.id
    assert broker.parent == call.id
    assert by_name["CLIENT", "obtain token"].parent == broker.id
    (seen,) = house.upstream.ledger(endpoint="chat", account="seat-1")
    assert seen.headers["traceparent"] == f"00-{TRACE}-{upstream.id}-01"
    assert not any(each.is_error for each in spans)
    assert server.attributes["http.response.status_code"] == 200
    assert server.attributes["gen_ai.operation.name"] == "chat"
    assert server.attributes["gen_ai.provider.name"] == "github.copilot"
    assert server.attributes["gen_ai.request.model"] == MODEL
    assert server.attributes["gen_ai.usage.output_tokens"] > 0
    assert (server.attributes["gateway.group"], server.attributes["gateway.account"]) == (
        GROUP,
        "seat-1",
    )


@pytest.mark.parametrize(
    "sent", [None, "", "00-xyz", TRACEPARENT.replace("0a", "zz"), TRACEPARENT * 9]
)
async def test_what_is_no_traceparent_begins_a_trace_of_its_own(
    house: House, sent: str | None
) -> None:
    headers = {"tracestate": "vendor=secret", "baggage": "user=secret"}
    if sent is not None:
        headers["traceparent"] = sent
    house.upstream.clear_ledger()
    reply = await ask(house.fleet.url, house.key("t2"), question("hello"), headers=headers)
    spans = await house.trace_of(reply.headers["x-request-id"])
    (server,) = [each for each in spans if each.name == "POST /v1/chat/completions"]
    assert server.parent == ""
    assert server.trace != TRACE
    for seen in house.upstream.ledger(endpoint="chat"):
        assert not {"tracestate", "baggage"} & seen.headers.keys()
    assert b"secret" not in house.collector.raw


async def test_each_attempt_is_a_span_and_says_what_became_of_it(house: House) -> None:
    house.upstream.faults(
        {
            "name": "away",
            "match": {"endpoint": "chat", "account": "seat-7"},
            "respond": {"status": 503, "body": {"message": "simulated"}},
        }
    )
    reply = await ask(house.fleet.url, house.key("pair"), question("hello"))
    house.upstream.remove_faults("away")
    assert reply.status == 200
    spans = await house.trace_of(reply.headers["x-request-id"])
    attempts = {each.attributes["gateway.account"]: each for each in spans if each.name == "chat"}
    assert set(attempts) == {"seat-7", "seat-8"}
    assert attempts["seat-7"].is_error
    assert attempts["seat-7"].attributes["error.type"].startswith("upstream_")
    assert attempts["seat-7"].attributes["http.response.status_code"] == 503
    assert not attempts["seat-8"].is_error
    (server,) = [each for each in spans if _is_of(each, reply.headers["x-request-id"])]
    assert {each.parent for each in attempts.values()} == {server.id}
    assert server.attributes["gateway.attempts"] == 2
    # Upstream knows each attempt by its own span.
    for seat, attempt in attempts.items():
        (seen,) = house.upstream.ledger(endpoint="chat", account=seat)
        assert seen.headers["traceparent"].split("-")[1:3] == [server.trace, attempt.id]


async def test_only_what_upstream_answered_has_tokens_and_an_answers_model(house: House) -> None:
    away = {"name": "away", "match": {"endpoint": "chat"}, "times": 1, "refusal": "unavailable"}
    house.upstream.faults(away)
    reply = await ask(house.fleet.url, house.key("pair"), question("hello", stream=True))
    house.upstream.remove_faults("away")
    assert reply.status == 200
    spans = await house.trace_of(reply.headers["x-request-id"])
    words = "gen_ai.response.model", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"
    said = {
        each.is_error: [word in each.attributes for word in words]
        for each in spans
        if each.name == "chat"
    }
    assert said == {True: [False] * 3, False: [True] * 3}


async def test_a_stream_that_breaks_off_is_an_error_of_its_attempt(house: House) -> None:
    cut = {"name": "cut", "match": {"endpoint": "chat"}, "end": {"how": "reset", "after_events": 5}}
    house.upstream.faults(cut)
    reply = await ask(house.fleet.url, house.key("t6"), question("hello", stream=True))
    house.upstream.remove_faults("cut")
    spans = await house.trace_of(reply.headers["x-request-id"])
    (server,) = [each for each in spans if _is_of(each, reply.headers["x-request-id"])]
    (attempt,) = [each for each in spans if each.name == "chat"]
    assert (server.is_error, attempt.is_error) == (True, True)
    assert server.attributes["gateway.error"].startswith("upstream_")
    assert attempt.attributes["error.type"] == server.attributes["gateway.error"]
    assert server.attributes["gateway.stream_end"] not in ("", "complete")


async def test_a_caller_that_leaves_before_its_answer_ends_all_spans(house: House) -> None:
    house.upstream.faults({"name": "slow", "match": {"endpoint": "chat"}, "stall": {}})
    trace = TRACE.replace("0af", "1af")
    headers = {"traceparent": TRACEPARENT.replace(TRACE, trace)}

    def found(spans: list[Received]) -> list[Received]:
        ours = [each for each in spans if each.service == "copilot-gateway"]
        return [each for each in ours if each.trace == trace and not _is_rpc(each)]

    async with (
        asyncio.timeout(30),
        Call(house.fleet.url, house.key("t5"), question("hello"), headers=headers) as call,
    ):
        while not house.upstream.rules()[0]["applied"]:
            await asyncio.sleep(0.02)
        call.vanish()
        await asyncio.to_thread(house.collector.until, lambda spans: len(found(spans)) == 2)
    house.upstream.remove_faults("slow")
    statuses = {each.kind: each.attributes.get(STATUS) for each in found(house.collector.spans)}
    assert statuses == {"SERVER": 499, "CLIENT": None}


@pytest.mark.parametrize(
    ("path", "body", "name"),
    [
        ("/v1/messages", {**question("hello"), "max_tokens": 99}, "chat"),
        ("/v1/responses", {"model": "gpt-5-mini", "input": "hello"}, "chat"),
        ("/v1/embeddings", {"model": "text-embedding-3-small", "input": "hello"}, "embeddings"),
    ],
)
async def test_each_protocol_is_traced(
    house: House, path: str, body: dict[str, Any], name: str
) -> None:
    reply = await ask(house.fleet.url, house.key("t2"), body, path=path)
    assert reply.status == 200, reply.body
    spans = await house.trace_of(reply.headers["x-request-id"])
    found = {each.kind: each for each in spans if each.name in (f"POST {path}", name)}
    assert set(found) == {"SERVER", "CLIENT"}
    for span in found.values():
        assert span.attributes["gen_ai.operation.name"] == name
        assert span.attributes["gen_ai.usage.input_tokens"] > 0


async def test_the_list_of_models_is_a_span(house: House) -> None:
    headers = {"x-api-key": house.key("t2")}
    async with httpx.AsyncClient(trust_env=False) as client:
        reply = await client.get(f"{house.fleet.url}/v1/models", headers=headers)
    spans = await house.trace_of(reply.headers["x-request-id"])
    assert ("copilot-gateway", "SERVER", "GET /v1/models") in kinds(spans)


async def test_a_stream_is_a_span_until_its_end_whoever_ends_it(house: House) -> None:
    url, key, body = house.fleet.url, house.key("t3"), question("hello", stream=True)
    whole = await ask(url, key, body)
    slow = {"chunk_delay_seconds": 0.1, "chunks": 200}
    house.upstream.faults({"name": "slow", "match": {"account": "seat-3"}, "script": slow})
    async with Call(url, key, body) as call:
        assert await call.read_until(100)
        left = call.so_far()
        call.vanish()
    house.upstream.remove_faults("slow")
    ends = {}
    for reply in (whole, left):
        spans = await house.trace_of(reply.headers["x-request-id"])
        (server,) = [each for each in spans if each.kind == "SERVER" and not _is_rpc(each)]
        assert len([each for each in spans if each.name == "chat"]) == 1
        ends[reply.headers["x-request-id"]] = server.attributes["gateway.stream_end"]
    assert list(ends.values()) == ["complete", "client_gone"]


async def test_a_seat_that_is_refused_is_an_error_in_both_services(house: House) -> None:
    house.upstream.change_account("seat-4", seat="subscription_ended")
    reply = await ask(house.fleet.url, house.key("t4"), question("hello"))
    assert reply.fault == "seat_no_access"
    spans = await house.trace_of(reply.headers["x-request-id"])
    errors = {(each.service, each.attributes.get("error.type")) for each in spans if each.is_error}
    assert ("token-service", "NO_COPILOT_ACCESS") in errors
    assert ("copilot-gateway", "seat_no_access") in errors


async def test_a_line_of_the_log_names_its_trace(house: House) -> None:
    reply = await ask(house.fleet.url, house.key("t5"), question("hello"))
    request_id = reply.headers["x-request-id"]
    (server,) = [each for each in await house.trace_of(request_id) if _is_of(each, request_id)]
    lines = [json.loads(line) for line in house.fleet.replicas[0].output().splitlines()]
    (line,) = [each for each in lines if each.get("request_id") == request_id]
    assert (line["trace_id"], line["span_id"]) == (server.trace, server.id)
    assert not any("trace_id" in each for each in lines if each["message"] == "listening")


async def test_who_shows_no_good_key_makes_no_span(house: House) -> None:
    before = len(house.collector.spans)
    reply = await ask(house.fleet.url, "nobody's", question("hello"))
    assert reply.status == 401
    after = await ask(house.fleet.url, house.key("t6"), question("hello"))
    await house.trace_of(after.headers["x-request-id"])
    ids = [each.attributes.get("gateway.request_id") for each in house.collector.spans[before:]]
    assert reply.headers["x-request-id"] not in ids


async def test_no_token_no_credential_no_key_and_no_keys_id_is_told_to_the_collector(
    house: House,
) -> None:
    """Over all that the tests above have sent, refusals and failures too."""
    reply = await ask(house.fleet.url, house.key(GROUP), question("hello"))
    await house.trace_of(reply.headers["x-request-id"])
    issued = house.upstream.issued()
    assert issued
    secrets = (*issued, *SEATS.values(), *house.fleet.keys.values(), KEY_OF)
    assert [each for each in secrets if each.encode() in house.collector.raw] == []


async def test_a_collector_may_be_asked_over_grpc_and_gets_a_part_of_the_traces(
    tmp_path: Path,
) -> None:
    with (
        OtlpReceiver(is_grpc=True) as collector,
        Simulator() as upstream,
        Broker(tmp_path, upstream.base_url, SEAT) as broker,
    ):
        section = {"otlp_endpoint": collector.url, "protocol": "grpc", "sample_ratio": 0}
        with GatewayFleet(tmp_path, broker, settings={"tracing": section}) as fleet:
            body = question("hello")
            assert (await ask(fleet.url, fleet.key, body)).status == 200
            # Whoever has decided for its trace has decided for ours.
            wanted = await ask(fleet.url, fleet.key, body, headers={"traceparent": TRACEPARENT})
            fleet.replicas[0].terminate()
        ids = [each.attributes.get("gateway.request_id") for each in collector.spans]
        assert [each for each in ids if each] == [wanted.headers["x-request-id"]]
        assert {each.trace for each in collector.spans} == {TRACE}


async def test_without_its_collector_requests_are_served_and_losses_are_counted(
    tmp_path: Path,
) -> None:
    with OtlpReceiver() as collector:
        tracing = {"tracing": {"otlp_endpoint": collector.url}}
    with (
        Simulator() as upstream,
        Broker(tmp_path, upstream.base_url, SEAT, settings=tracing) as broker,
        GatewayFleet(tmp_path, broker, settings=tracing) as fleet,
    ):
        for _ in range(3):
            assert (await ask(fleet.url, fleet.key, question("hello"))).status == 200
        replica = fleet.replicas[0]
        # Each request is a span and an attempt; the first one asked for its token too.
        async with asyncio.timeout(30):
            while replica.metric("gateway_spans_lost_total") < 7:
                await asyncio.sleep(0.1)
            while "copilot_spans_lost_total 2.0" not in broker.metrics():
                await asyncio.sleep(0.1)
        replica.terminate()
        assert "spans are lost" in replica.output()
        assert collector.url.rpartition(":")[2] not in replica.output()


async def test_each_worker_sends_its_own_spans(tmp_path: Path) -> None:
    with (
        OtlpReceiver() as collector,
        Simulator() as upstream,
        ValkeyServer() as store,
        PostgresServer() as database,
        Broker(tmp_path, upstream.base_url, SEAT) as broker,
    ):
        settings = {
            "tracing": {"otlp_endpoint": collector.url},
            "listen": {"workers": 2},
            "usage": {"database_url": database.create_database()},
        }
        with GatewayFleet(tmp_path, broker, store_url=store.url, settings=settings) as fleet:
            asking = (ask(fleet.url, fleet.key, question("hello")) for _ in range(40))
            replies = await asyncio.gather(*asking)
            assert fleet.metric("gateway_spans_lost_total") == 0
            fleet.replicas[0].terminate()
    servers = [each for each in collector.spans if "gateway.request_id" in each.attributes]
    ids = sorted(each.attributes["gateway.request_id"] for each in servers)
    assert ids == sorted(reply.headers["x-request-id"] for reply in replies)
    assert len({each.trace for each in servers}) == len(replies)
    assert len({each.instance for each in servers}) == 2


def loaded_after(code: str) -> set[str]:
    """What is loaded of OpenTelemetry, in a process of its own."""
    names = "[name for name in sys.modules if name.startswith('opentelemetry')]"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*{names})"],
        cwd=ROOT,
        env=clean_environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("service", ["gateway", "token_service"])
def test_without_an_endpoint_nothing_that_traces_is_loaded(service: str, tmp_path: Path) -> None:
    """The store's client loads OpenTelemetry's metrics where it finds them; we load nothing."""
    credential, file = tmp_path / "credential", tmp_path / "service.yaml"
    credential.write_text("ghu_simulated_octocat\n")
    document, more = {
        "gateway": (
            {
                "token_service": {"target": "127.0.0.1:9"},
                "groups": [{"id": "team", "accounts": [{"id": "seat-1"}]}],
                "keys": [{"id": "bot", "group": "team", "sha256": "0" * 64}],
                "usage": {"journal_dir": str(tmp_path)},
            },
            "None",
        ),
        "token_service": (
            {"accounts": [{"id": "seat-1", "github_token_file": str(credential)}]},
            "SystemClock(), None, 0",
        ),
    }[service]
    file.write_text(yaml.safe_dump(document))
    code = (
        "import pathlib\n"
        f"import {service}.__main__\n"
        f"from {service}.bootstrap import Service\n"
        f"from {service}.settings.document import Settings\n"
        "from runtime.clock import SystemClock\n"
        "from runtime.configuration import load\n"
        f"Service(load(Settings, pathlib.Path({str(file)!r})), {more})\n"
        "assert 'runtime.tracing.tracer' not in sys.modules"
    )
    assert loaded_after(code) <= loaded_after("import redis.asyncio")
