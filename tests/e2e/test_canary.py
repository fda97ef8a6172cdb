"""A caller's content is in nothing that outlives its request: logs, metrics, traces, journal, SQL.

Invariant 10, over everything that two gateways, the broker, their store and their databases have
written, after every kind of request, a crash, and an end with the database away.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import (
    ExitStack,
    asynccontextmanager,
    redirect_stderr,
    redirect_stdout,
    suppress,
)
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
import yaml

from gateway.__main__ import main
from gateway.cli.usage_question import FORMATS
from gateway.domain.usage.report import WORDS
from tests.e2e.canary_requests import (
    CANARY,
    HEADERS,
    IMAGE,
    LAST_FAILURE,
    PLACES,
    QUOTED,
    Request,
    broken,
    counted,
    failures,
    in_place,
    left,
    meeting,
    refused,
    served,
    traces,
)
from tests.servers.gateway_callers import Call, Reply
from tests.servers.gateway_fleet import Broker, GatewayFleet, GatewayReplica
from tests.servers.otlp_receiver import OtlpReceiver
from tests.servers.postgres_server import PostgresServer
from tests.servers.simulator import Simulator
from tests.servers.valkey_server import ValkeyServer

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SEATS = 40
SECONDS = 20.0
NEVER = 10**9
DATABASE = "usage"
TELLS_UPSTREAMS_WORDS = "caller_request_refused"
"""The one fault that passes on what upstream says of the caller's own request (docs/http.md)."""
FAULTS = {
    *("caller_body_invalid", "caller_body_too_large", "caller_content_filtered"),
    *("caller_endpoint_unsupported", "caller_model_endpoint", "caller_model_not_found"),
    *("caller_path_unknown", "caller_request_refused", "seat_forbidden", "seat_quota"),
    *("seat_rate_limited", "seat_token_rejected", "upstream_client_refused"),
    *("upstream_overloaded", "upstream_truncated", "upstream_unavailable", ""),
}
"""Each was met, so that each one's words were looked at."""
SLOW = {"match": {"stream": True}, "script": {"chunk_delay_seconds": 0.05, "chunks": 100}}


@dataclass
class Written:
    """Everything that was found, by where."""

    texts: dict[str, bytes] = field(default_factory=dict)

    def add(self, where: str, text: str | bytes) -> None:
        assert where not in self.texts, where
        self.texts[where] = text if isinstance(text, bytes) else text.encode(errors="replace")

    def holding(self) -> list[str]:
        """Where a trace of the canary is."""
        wanted = [each.encode() for each in traces()]
        return [where for where, text in self.texts.items() if any(each in text for each in wanted)]


@dataclass(frozen=True)
class House:
    """All that runs. first: on PostgreSQL; second: on a file of SQLite. They share the store."""

    directory: Path
    upstream: Simulator
    broker: Broker
    store: ValkeyServer
    database: PostgresServer
    fleet: GatewayFleet
    collector: OtlpReceiver
    replies: list[tuple[Request, Reply]] = field(default_factory=list)

    @property
    def first(self) -> GatewayReplica:
        return self.fleet.replicas[0]

    @property
    def second(self) -> GatewayReplica:
        return self.fleet.replicas[1]

    async def ask(self, requests: Iterable[Request], *gateways: GatewayReplica) -> None:
        """Each of them of each gateway, side by side."""
        async with asyncio.TaskGroup() as tasks:
            for request in requests:
                for gateway in gateways:
                    tasks.create_task(self._one(gateway, request))

    async def _one(self, gateway: GatewayReplica, request: Request) -> None:
        path = request.path + request.query
        async with (
            asyncio.timeout(SECONDS),
            Call(gateway.url, self.fleet.key, request.body, path=path, headers=HEADERS) as call,
        ):
            if request.leaves_at is None:
                self.replies.append((request, await call.read_all()))
            elif request.leaves_at:
                await call.read_until(request.leaves_at)


@asynccontextmanager
async def running(directory: Path) -> AsyncIterator[House]:
    scenario = directory / "scenario.yaml"
    settings = {"chat": {"chunk_delay_seconds": 0}, "ledger": {"keep_bodies": True}}
    scenario.write_text(yaml.safe_dump({"crowd": {"count": SEATS}, **settings}))
    seats = {f"seat-{n}": f"ghu_simulated_seat_{n}" for n in range(1, SEATS + 1)}
    with ExitStack() as stack:
        store = stack.enter_context(ValkeyServer())
        database = stack.enter_context(PostgresServer())
        upstream = stack.enter_context(Simulator(scenario))
        collector = stack.enter_context(OtlpReceiver())
        tracing = {"tracing": {"otlp_endpoint": collector.url}}
        broker = stack.enter_context(Broker(directory, upstream.base_url, seats, settings=tracing))
        usage = {"database_url": database.create_database(DATABASE)}
        fleet = GatewayFleet(
            directory,
            broker,
            keys=[{"id": "ci-bot", "budget": {"period": "month", "tokens": 10**9}}],
            store_url=store.url,
            settings={"usage": usage, "limits": {"first_byte_seconds": 5}, **tracing},
        )
        fleet.new_replica({**fleet.document, "usage": {}})
        stack.enter_context(fleet)
        yield House(directory, upstream, broker, store, database, fleet, collector)


# --- what is looked at ----------------------------------------------------------------------------


def look_at_files(written: Written, when: str, directory: Path) -> int:
    """Every file below, by content and name; how many of them belong to journals."""
    paths = [path for path in directory.rglob("*") if path.is_file()]
    for path in paths:
        written.add(f"{when}: {path.relative_to(directory)}", path.read_bytes() + bytes(path))
    return sum(path.suffix == ".jsonl" for path in paths)


READ: dict[bytes, Callable[[Any, bytes], object]] = {
    b"string": lambda client, key: client.get(key),
    b"hash": lambda client, key: client.hgetall(key),
    b"list": lambda client, key: client.lrange(key, 0, -1),
    b"set": lambda client, key: client.smembers(key),
    b"zset": lambda client, key: client.zrange(key, 0, -1, withscores=True),
    b"stream": lambda client, key: client.xrange(key),
}


def look_at_store(written: Written, when: str, server: ValkeyServer) -> list[str]:
    """Every key with what it holds, as it is and as it would be saved; the keys."""
    with redis.Redis(port=server.port) as client:
        keys: list[bytes] = client.keys("*")
        for key in keys:
            content = READ[client.type(key)](client, key)
            written.add(f"{when}: {key!r}", repr((key, content, client.dump(key))))
    return [key.decode() for key in keys]


def look_at_database(written: Written, server: PostgresServer) -> int:
    """Every row of every table; how many usage records there are."""
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    for (table,) in server.execute(tables, DATABASE):
        rows = server.execute(f"SELECT * FROM {table}", DATABASE)  # noqa: S608
        written.add(f"table {table}", repr(rows))
    return len(server.execute("SELECT 1 FROM usage_records", DATABASE))


def look_at_metrics(written: Written, when: str, house: House) -> None:
    settings = yaml.safe_load((house.directory / "token-service.yaml").read_text())
    broker = httpx.get(f"http://{settings['listen']['ops']}/metrics", trust_env=False)
    written.add(f"{when}: broker's metrics", broker.text)
    for gateway in house.fleet.replicas:
        if gateway.is_alive:
            written.add(f"{when}: metrics of {gateway.port}", gateway.metrics())


def look_at_usage(written: Written, gateway: GatewayReplica, key: str) -> None:
    """What callers and the one who pays are shown."""
    headers = {"x-api-key": key}
    answer = httpx.get(f"{gateway.url}/v1/usage", headers=headers, trust_env=False, timeout=20)
    assert answer.status_code == 200
    assert answer.json()["total"]["requests"] > 50
    written.add(f"/v1/usage of {gateway.port}", answer.text)
    for form in FORMATS:
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            arguments = ["--by", ",".join(WORDS), "--format", form, "--config", str(gateway.file)]
            assert main(["usage", *arguments]) == 0
        assert said.getvalue().count("\n") > 20
        written.add(f"usage of {gateway.port} as {form}", said.getvalue())


def look_at_refusals(written: Written, replies: Sequence[tuple[Request, Reply]]) -> set[str]:
    """Errors that are not about the caller's own request; which faults there were."""
    for number, (request, reply) in enumerate(replies):
        where = f"{number}, {reply.status} {reply.fault} from {request.path}"
        written.add(f"headers {where}", repr(reply.headers))
        if reply.fault != TELLS_UPSTREAMS_WORDS:
            assert QUOTED.encode() not in reply.body, where
            if reply.status != 200:
                written.add(where, reply.body)
    return {reply.fault for _, reply in replies}


# --- what is done ---------------------------------------------------------------------------------


async def meet(house: House, failure: Mapping[str, Any], *gateways: GatewayReplica) -> None:
    """An upstream that quotes the request in the error it makes."""
    house.upstream.faults(failure)
    await house.ask(meeting(failure["name"]), *gateways)
    (met,) = house.upstream.rules()
    assert met["applied"] > 0, f"nobody met the failure '{failure['name']}'"
    house.upstream.remove_faults()


async def send_broken(written: Written, house: House, gateway: GatewayReplica) -> None:
    """Bytes that are no request, or not all of one, and what is said to them."""

    async def send(number: int, sent: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(sent)
        writer.write_eof()
        said = b""
        with suppress(ConnectionError):
            async with asyncio.timeout(SECONDS):
                while more := await reader.read(65536):
                    said += more
        writer.close()
        written.add(f"{gateway.port} to broken request {number}", said)

    async with asyncio.TaskGroup() as tasks:
        for number, sent in enumerate(broken(gateway.port, house.fleet.key)):
            tasks.create_task(send(number, sent))


async def crash(house: House) -> None:
    """The first gateway is killed in the middle of streams."""
    house.upstream.faults(SLOW)
    async with asyncio.TaskGroup() as tasks:
        requests = list(left(NEVER))
        tasks.create_task(house.ask(requests, house.first))
        await until(lambda: house.first.metric("gateway_inflight") >= len(requests))
        house.first.kill()
    house.upstream.remove_faults()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.05)


def is_alive(house: House) -> None:
    """The canary is in what callers got, and all of its kinds were with upstream."""
    quoting = [reply for _, reply in house.replies if CANARY.encode() in reply.body]
    assert len([reply for reply in quoting if reply.status == 200]) > 2 * len(list(served(True)))
    assert any(reply.fault == TELLS_UPSTREAMS_WORDS for reply in quoting)
    sent = "".join(seen.body or "" for seen in house.upstream.ledger(limit=100_000))
    kept_here = {"metadata"}
    missing = [p for p in PLACES if p not in kept_here and in_place(p) not in sent]
    assert missing == []
    assert IMAGE in sent


async def test_a_callers_content_is_nowhere_but_in_its_answer(tmp_path: Path) -> None:
    written = Written()
    async with running(tmp_path) as house:
        both = house.first, house.second
        for stream in (False, True):
            await house.ask(served(stream), *both)
        await house.ask([*left(0), *left(400)], *both)
        await house.ask(refused(), *both)
        await house.ask(counted(), *both)
        for gateway in both:
            await send_broken(written, house, gateway)
        for failure in failures():
            await meet(house, failure, *both)
        await crash(house)
        assert look_at_files(written, "crashed", tmp_path) >= 2
        await asyncio.to_thread(house.first.start)
        look_at_metrics(written, "after the crash", house)
        await asyncio.to_thread(look_at_usage, written, house.second, house.fleet.key)
        assert house.second.terminate() == 0

        house.database.stop()
        await house.ask(served(stream=True), house.first)
        await meet(house, LAST_FAILURE, house.first)
        look_at_metrics(written, "database away", house)
        assert house.first.terminate() == 0
        keys = look_at_store(written, "spilled", house.store)
        assert "{copilot-gateway:usage}:spilled" in keys
        assert any(":bond" in key or "affinity" in key for key in keys), keys
        assert look_at_files(written, "spilled", tmp_path) >= 1
        house.database.start()
        await asyncio.to_thread(house.first.start)
        await until(lambda: not house.first.metric("gateway_usage_journal_pending"))
        await asyncio.to_thread(look_at_usage, written, house.first, house.fleet.key)
        assert house.first.terminate() == 0

        is_alive(house)
        assert look_at_refusals(written, house.replies) >= FAULTS
        look_at_store(written, "at the end", house.store)
        look_at_files(written, "at the end", tmp_path)
        assert look_at_database(written, house.database) > 100
        assert len(house.collector.traces()) > 100
        written.add("traces", bytes(house.collector.raw))
        written.add("broker's log", house.broker.process.output())
        for gateway in both:
            written.add(f"log of {gateway.port}", gateway.output())
    assert written.holding() == []
