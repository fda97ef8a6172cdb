"""Traces, from a caller through both services to upstream, as a collector receives them."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.gateway_callers import MODEL, Call, ask, question
from tests.servers.gateway_fleet import GROUP, Broker, GatewayFleet
from tests.servers.otlp_receiver import OtlpReceiver, Received
from tests.servers.process import ROOT, clean_environment
from tests.servers.simulator import Simulator

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
SEATS = {f"seat-{n}": f"ghu_simulated_seat_{n}" for n in range(1, 9)}


class House:
    """Both services in front of the simulator, and the collector."""

    def __init__(
        self, upstream: Simulator, broker: Broker, fleet: GatewayFleet, collector: OtlpReceiver
    ) -> None:
        self.upstream, self.broker, self.fleet, self.collector = upstream, broker, fleet, collector

    def key(self, name: str) -> str:
        return self.fleet.keys[name]

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
        keys = [{"id": group["id"], "group": group["id"]} for group in groups]
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


async def test_a_collector_may_be_asked_over_grpc_and_gets_a_part_of_the_traces(
    tmp_path: Path,
) -> None:
    with (
        OtlpReceiver(is_grpc=True) as collector,
        Simulator() as upstream,
        Broker(tmp_path, upstream.base_url, {"seat-1": "ghu_simulated_octocat"}) as broker,
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
        Broker(tmp_path, upstream.base_url, {"seat-1": "ghu_simulated_octocat"}) as broker,
        GatewayFleet(tmp_path, broker, settings=tracing) as fleet,
    ):
        for _ in range(3):
            assert (await ask(fleet.url, fleet.key, question("hello"))).status == 200
        replica = fleet.replicas[0]
        replica.terminate()
        assert "spans are lost" in replica.output()
        assert collector.url.rpartition(":")[2] not in replica.output()


@pytest.mark.parametrize("service", ["gateway", "token_service"])
def test_without_an_endpoint_nothing_that_traces_is_loaded(service: str) -> None:
    """The store's client loads OpenTelemetry's metrics where it finds them; we load nothing."""
    code = (
        f"import sys, {service}.bootstrap, {service}.__main__\n"
        "ours = ('runtime.tracing.tracer', 'opentelemetry.exporter', 'opentelemetry.sdk.trace')\n"
        "assert not [name for name in sys.modules if name.startswith(ours)]\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=clean_environment(), check=True)
