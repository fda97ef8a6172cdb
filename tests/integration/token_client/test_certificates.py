"""TLS, client certificates and bearer tokens, and their rotation while calls are made."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from tests.fakes.clock import FakeClock
from tests.integration.token_client.test_watching import until
from tests.servers.certificates import Authority, Pair
from tests.servers.mounted import mount
from tests.servers.scripted_broker import Failure, ScriptedBroker, serving, token
from token_client.client import TokenClient
from token_client.connection import LOOK_SECONDS
from token_client.errors import BrokerUnreachable, TokenRefused, UnusableFiles
from token_client.files import Files, Signature, Tls

pytestmark = pytest.mark.anyio
OLD, NEW = Authority("old"), Authority("new")
BOTH = OLD.ca + NEW.ca


class Certificates:
    """What a server shows and trusts; both can be changed while it runs."""

    def __init__(self, pair: Pair, trusted: bytes) -> None:
        self.pair = pair
        self.trusted = trusted
        first = self._configuration()
        self.credentials = grpc.dynamic_ssl_server_credentials(
            first, self._configuration, require_client_authentication=True
        )

    def _configuration(self) -> grpc.ServerCertificateConfiguration:
        chain = [(self.pair.key, self.pair.cert)]
        return grpc.ssl_server_certificate_configuration(chain, root_certificates=self.trusted)


def put(directory: Path, ca: bytes, pair: Pair) -> Tls:
    files = mount(directory, ca=ca, cert=pair.cert, key=pair.key)
    return Tls(files["ca"], files["cert"], files["key"])


@asynccontextmanager
async def client_of(
    port: int, tls: Tls | None, clock: FakeClock, token_file: Path | None = None
) -> AsyncIterator[TokenClient]:
    async with TokenClient(
        f"127.0.0.1:{port}",
        tls=tls,
        token_file=token_file,
        connect_seconds=1.0,
        clock=clock.monotonic,
        jitter=lambda: 0.0,
    ) as client:
        yield client


async def test_both_sides_know_each_other_by_certificate(tmp_path: Path) -> None:
    server = Certificates(OLD.issue("localhost"), OLD.ca)
    tls = put(tmp_path, OLD.ca, OLD.issue("client"))
    async with serving(ScriptedBroker(), credentials=server.credentials) as port:
        async with client_of(port, tls, FakeClock()) as client:
            assert (await client.get("seat-1")).value == "token-1"
        async with client_of(port, Tls(tls.ca_file), FakeClock()) as stranger:
            with pytest.raises(BrokerUnreachable):
                await stranger.get("seat-1")


async def test_a_server_of_another_authority_is_given_nothing(tmp_path: Path) -> None:
    server, broker = Certificates(NEW.issue("localhost"), OLD.ca), ScriptedBroker()
    (tmp_path / "bearer").write_text("the-bearer")
    (tmp_path / "tls").mkdir()
    tls = put(tmp_path / "tls", OLD.ca, OLD.issue("client"))
    async with serving(broker, credentials=server.credentials) as port:
        async with client_of(port, tls, FakeClock(), tmp_path / "bearer") as client:
            with pytest.raises(BrokerUnreachable):
                await client.get("seat-1")
    assert broker.bearers == []


async def test_leaf_and_authority_are_rotated_under_load_without_a_failed_call(
    tmp_path: Path,
) -> None:
    """In the order operators do it: trust both, change the leaves, stop trusting the old one."""
    server, broker, clock = (
        Certificates(OLD.issue("localhost"), OLD.ca),
        ScriptedBroker(),
        FakeClock(),
    )
    tls = put(tmp_path, OLD.ca, OLD.issue("client"))
    names = (f"seat-{number}" for number in itertools.count())
    stop = asyncio.Event()

    async def caller(client: TokenClient) -> None:
        while not stop.is_set():
            await client.get(next(names))

    async with (
        serving(broker, credentials=server.credentials) as port,
        client_of(port, tls, clock) as client,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(8):
            group.create_task(caller(client))
        await until(lambda: len(broker.streams) == 1)
        steps = [
            (BOTH, OLD.issue("client"), BOTH, OLD.issue("localhost")),
            (BOTH, NEW.issue("client"), BOTH, NEW.issue("localhost")),
            (NEW.ca, NEW.issue("client"), NEW.ca, NEW.issue("localhost")),
        ]
        for trusts, ours, server.trusted, server.pair in steps:
            put(tmp_path, trusts, ours)
            watched, before = len(broker.watched), len(broker.calls)
            await clock.advance(LOOK_SECONDS)
            await until(lambda w=watched: len(broker.watched) > w)  # type: ignore[misc]
            await until(lambda b=before: len(broker.calls) > b + 20)  # type: ignore[misc]
        stop.set()
    assert len(broker.calls) > 60


async def test_a_call_under_way_ends_on_the_connection_it_began_on(tmp_path: Path) -> None:
    server, clock = Certificates(OLD.issue("localhost"), BOTH), FakeClock()
    broker = ScriptedBroker([token(1), token(2)])
    tls = put(tmp_path, OLD.ca, OLD.issue("client"))
    async with (
        serving(broker, credentials=server.credentials) as port,
        client_of(port, tls, clock) as client,
        asyncio.TaskGroup() as group,
    ):
        broker.hold = asyncio.Event()
        waiting = group.create_task(client.get("seat-1"))
        await until(lambda: len(broker.calls) == 1)
        put(tmp_path, OLD.ca, NEW.issue("client"))
        await clock.advance(LOOK_SECONDS)
        second = group.create_task(client.get("seat-2"))
        await until(lambda: len(broker.calls) == 2)
        broker.hold.set()
        assert (await waiting).value == "token-1"
        assert (await second).value == "token-2"


async def test_half_of_a_rotation_is_not_taken_over_and_the_whole_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server, broker, clock = (
        Certificates(OLD.issue("localhost"), BOTH),
        ScriptedBroker(),
        FakeClock(),
    )
    tls = put(tmp_path, OLD.ca, OLD.issue("client"))
    fresh = NEW.issue("client")
    async with (
        serving(broker, credentials=server.credentials) as port,
        client_of(port, tls, clock) as client,
    ):
        await client.get("seat-1")
        await until(lambda: len(broker.watched) == 1)
        assert tls.cert_file is not None
        assert tls.key_file is not None
        tls.cert_file.resolve().write_bytes(fresh.cert)
        for number in range(3):
            await clock.advance(LOOK_SECONDS)
            await client.get(f"other-{number}")
        said = [r for r in caplog.records if "cannot be used yet" in r.getMessage()]
        assert len(said) == 1
        watched = len(broker.watched)
        tls.key_file.resolve().write_bytes(fresh.key)
        await clock.advance(LOOK_SECONDS)
        await client.get("seat-2")
        await until(lambda: len(broker.watched) > watched)


async def test_a_caller_who_waits_for_a_replica_gets_the_new_certificates_meanwhile(
    tmp_path: Path,
) -> None:
    """The server's certificate was changed first; ours to trust comes while a caller waits."""
    server = Certificates(NEW.issue("localhost"), OLD.ca)
    tls = put(tmp_path, OLD.ca, OLD.issue("client"))
    async with (
        serving(ScriptedBroker(), credentials=server.credentials) as port,
        TokenClient(f"127.0.0.1:{port}", tls=tls, connect_seconds=10) as client,
        asyncio.TaskGroup() as group,
    ):
        waiting = group.create_task(client.get("seat-1"))
        await asyncio.sleep(0.1)
        put(tmp_path, NEW.ca, OLD.issue("client"))
        async with asyncio.timeout(5):
            assert (await waiting).value == "token-1"


async def test_files_are_looked_at_at_most_once_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    real = Files.signature

    def counted(self: Files) -> Signature:
        nonlocal looks
        looks += 1
        return real(self)

    monkeypatch.setattr(Files, "signature", counted)
    (tmp_path / "bearer").write_text("first")
    clock = FakeClock()
    async with (
        serving(ScriptedBroker()) as port,
        client_of(port, None, clock, tmp_path / "bearer") as client,
    ):
        before = looks
        for number in range(20):
            await client.get(f"seat-{number}")
        assert looks == before
        await clock.advance(LOOK_SECONDS)
        for number in range(20, 40):
            await client.get(f"seat-{number}")
        assert looks == before + 1


async def test_a_bearer_token_goes_with_every_call_and_follows_its_file(tmp_path: Path) -> None:
    file, broker, clock = tmp_path / "bearer", ScriptedBroker(), FakeClock()
    file.write_text("first\n")
    async with serving(broker) as port, client_of(port, None, clock, file) as client:
        await client.get("seat-1")
        await client.invalidate("seat-1", "id-1")
        await until(lambda: len(broker.watched) == 1)
        assert set(broker.bearers) == {"Bearer first"}
        file.write_text("second, no: half of it")
        await clock.advance(LOOK_SECONDS)
        await client.get("seat-2")
        assert broker.bearers[-1] == "Bearer first"
        file.write_text("second-token\n")
        await clock.advance(LOOK_SECONDS)
        await client.get("seat-3")
        assert broker.bearers[-1] == "Bearer second-token"


async def test_a_token_the_broker_refuses_is_read_again_at_once(tmp_path: Path) -> None:
    refused = Failure(grpc.StatusCode.UNAUTHENTICATED, "CALLER_UNAUTHENTICATED")
    file, broker = tmp_path / "bearer", ScriptedBroker([refused, token(1)])
    file.write_text("first")
    async with serving(broker) as port, client_of(port, None, FakeClock(), file) as client:
        file.write_text("another")
        assert (await client.get("seat-1")).value == "token-1"
        assert broker.bearers[:2] == ["Bearer first", "Bearer another"]


async def test_a_token_the_broker_refuses_is_not_presented_twice(tmp_path: Path) -> None:
    refused = Failure(grpc.StatusCode.UNAUTHENTICATED, "CALLER_UNAUTHENTICATED")
    file, broker = tmp_path / "bearer", ScriptedBroker([refused])
    file.write_text("first")
    async with serving(broker) as port, client_of(port, None, FakeClock(), file) as client:
        with pytest.raises(TokenRefused):
            await client.get("seat-1")
    assert len(broker.calls) == 1


async def test_files_that_cannot_be_used_are_said_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(UnusableFiles, match="bearer"):
        async with TokenClient("127.0.0.1:1", token_file=tmp_path / "bearer"):
            pass
