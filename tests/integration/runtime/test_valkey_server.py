"""Connections to a real server: what fails for one key, what for all, and TLS."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runtime.valkey.calls import Call
from runtime.valkey.server import Connection, Place, ScriptFailed, StoreDown, connected
from tests.servers.certificates import Authority, Pair, dns
from tests.servers.tls_front import TlsFront, fronting_tls
from tests.servers.valkey_server import ValkeyServer

pytestmark = pytest.mark.anyio

READ = "return redis.call('GET', KEYS[1])"
RECKON = "return tonumber(redis.call('LINDEX', KEYS[1], 0)) + 1"
WRITE = "return redis.call('SET', KEYS[1], 'x')"
KEY = ("{test}:key",)


@pytest.fixture(scope="module", params=["alone", "cluster"])
def server(request: pytest.FixtureRequest) -> Iterator[ValkeyServer]:
    with ValkeyServer(cluster=request.param == "cluster") as made:
        yield made


async def run(server: ValkeyServer, script: str) -> object:
    async with connected(Place(server.url)) as connection:
        return await connection.run(script, KEY, ())


async def run_all(server: ValkeyServer, *scripts: str) -> list[object]:
    async with connected(Place(server.url)) as connection:
        return await connection.run_all([Call(script, KEY, ()) for script in scripts])


async def test_scripts_that_travel_together_are_answered_in_their_order(
    server: ValkeyServer,
) -> None:
    server.command("DEL", *KEY)
    server.command("SCRIPT", "FLUSH")
    for _ in range(2):
        assert await run_all(server, WRITE, "return 7", READ) == [b"OK", 7, b"x"]


async def test_of_those_one_may_fail(server: ValkeyServer) -> None:
    server.command("DEL", *KEY)
    server.command("RPUSH", *KEY, "secret")
    first, failed, reckoned, last = await run_all(server, "return 1", READ, RECKON, "return 2")

    assert (first, last) == (1, 2)
    assert isinstance(failed, ScriptFailed)
    assert isinstance(reckoned, ScriptFailed)
    assert "secret" not in f"{failed!r}{reckoned!r}"
    server.command("DEL", *KEY)


@pytest.mark.parametrize("script", [READ, RECKON, "error('secret')"])
async def test_what_one_key_holds_fails_one_script(server: ValkeyServer, script: str) -> None:
    server.command("DEL", *KEY)
    server.command("RPUSH", *KEY, "secret")
    with pytest.raises(ScriptFailed) as raised:
        await run(server, script)

    assert "secret" not in str(raised.value)
    assert raised.value.__cause__ is None
    server.command("DEL", *KEY)
    assert await run(server, WRITE) == b"OK"


@pytest.mark.parametrize(
    ("setting", "value", "usual"), [("maxmemory", "1", "0"), ("min-replicas-to-write", "3", "0")]
)
async def test_what_every_script_would_meet_is_the_stores_trouble(
    server: ValkeyServer, setting: str, value: str, usual: str
) -> None:
    server.command("CONFIG", "SET", setting, value)
    try:
        with pytest.raises(StoreDown):
            await run(server, WRITE)
        with pytest.raises(StoreDown):
            await run_all(server, WRITE, "return 1")
    finally:
        server.command("CONFIG", "SET", setting, usual)


async def test_a_user_who_may_not_is_the_stores_trouble() -> None:
    with ValkeyServer() as own:
        own.command("ACL", "SETUSER", "default", "-get")
        with pytest.raises(StoreDown):
            await run(own, READ)
        with pytest.raises(StoreDown):
            await run_all(own, READ)


async def test_who_we_are_and_which_database_is_meant_counts_for_all_that_travels() -> None:
    with ValkeyServer(password="sesame") as own:
        own.command("ACL", "SETUSER", "reader", "on", ">sesame", "~*", "&*", "+@all", "-set")
        reader = f"valkey://reader@127.0.0.1:{own.port}/5"
        async with connected(Place(reader.replace("reader@", ""), password="sesame")) as connection:
            assert await connection.run_all([Call(WRITE, KEY, ())]) == [b"OK"]
        async with connected(Place(reader, password="sesame")) as connection:
            assert await connection.run_all([Call(READ, KEY, ())]) == [b"x"]
            with pytest.raises(StoreDown):
                await connection.run_all([Call(WRITE, KEY, ())])
        async with connected(Place(own.url, password="sesame")) as elsewhere:
            assert await elsewhere.run_all([Call(READ, KEY, ())]) == [None]


@asynccontextmanager
async def through_tls(directory: Path, pair: Pair, ca: bytes) -> AsyncIterator[Connection]:
    """A connection through TLS to a server that shows this certificate."""
    (directory / "ca.pem").write_bytes(ca)
    with ValkeyServer() as own:
        front = TlsFront(own.port)
        async with fronting_tls(front, pair, "127.0.0.1", directory / "front"):
            url = front.url.replace("https", "valkeys")
            async with connected(Place(url, str(directory / "ca.pem"))) as connection:
                yield connection


async def test_tls_with_a_certificate_of_the_named_authority(tmp_path: Path) -> None:
    authority = Authority()
    async with through_tls(tmp_path, authority.issue("store"), authority.ca) as connection:
        listening = await connection.listen("news")
        assert await connection.run("return redis.call('PUBLISH', 'news', 'x')", KEY, ()) == 1
        assert await connection.run_all([Call("return 7", KEY, ())]) == [7]
        assert await listening.next(5) == b"x"
        await listening.close()


@pytest.mark.parametrize("wrong", ["authority", "name"])
async def test_tls_with_a_certificate_that_proves_nothing(tmp_path: Path, wrong: str) -> None:
    authority = Authority()
    ca = Authority().ca if wrong == "authority" else authority.ca
    names = [dns("elsewhere.example")] if wrong == "name" else None
    with pytest.raises(StoreDown):
        async with through_tls(tmp_path, authority.issue("store", names), ca):
            pass
