"""Connections to Valkey or Redis, alone or as a cluster; what its library raises ends here.

Knows no record. Every error becomes StoreDown or ScriptFailed, whose text names what failed and
quotes nothing that was sent.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from hiredis import ReplyError
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from runtime.valkey.calls import (
    Call,
    by_digest,
    digest,
    in_full,
    is_of_one_key,
    is_unknown_script,
)
from runtime.valkey.pipe import Address, Command, Pipe

# A store in the same network answers within a millisecond or two; one that does not is hanging.
CONNECT_SECONDS = 1.0
MOST_CONNECTIONS = 32
# A policy under which nothing is dropped to make room.
KEEPS_ALL = "noeviction"
SECURE_SCHEMES = ("valkeys", "rediss")
FAILED = "a script failed on what lies there"


class StoreDown(Exception):
    """The store cannot be used at the moment."""


class ScriptFailed(Exception):
    """The store is well, but a script cannot work on what lies there."""


@dataclass(frozen=True)
class Place:
    """Where the store is; url: valkey(s):// or redis(s)://[user@]host[:port][/database]."""

    url: str
    ca_file: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Server:
    """What answers there."""

    words: str
    is_cluster: bool
    eviction: str


class Connection:
    """One open store: runs scripts, listens. Made by `connected`."""

    def __init__(self, place: Place, client: Any, server: Server) -> None:
        self._place = place
        self._client = client
        self.server = server
        self._pipe = None if server.is_cluster else Pipe(_address(place))

    async def run(self, script: str, keys: tuple[str, ...], arguments: tuple[Any, ...]) -> Any:
        """The script's answer. Raises StoreDown, ScriptFailed; the caller bounds its time."""
        call = (len(keys), *keys, *arguments)
        with _translated():
            try:
                return await self._client.evalsha(digest(script), *call)
            except NoScriptError:
                return await self._client.eval(script, *call)

    async def run_all(self, calls: Sequence[Call]) -> list[Any]:
        """The scripts' answers, in their order; a ScriptFailed in the place of one that failed.

        They travel in one write, but in a cluster: there each goes to the node that has its keys.
        To be called by one caller at a time, who bounds its time. Raises StoreDown.
        """
        if self._pipe is None:
            return await self._run_apart(calls)
        with _translated():
            replies = await self._pipe.exchange([by_digest(each) for each in calls])
            unknown = [at for at, reply in enumerate(replies) if is_unknown_script(reply)]
            if unknown:
                again = await self._pipe.exchange([in_full(calls[at]) for at in unknown])
                for at, reply in zip(unknown, again, strict=True):
                    replies[at] = reply
        return [_answer(each) if isinstance(each, ReplyError) else each for each in replies]

    async def _run_apart(self, calls: Sequence[Call]) -> list[Any]:
        # All of them are over before anybody tries again: none comes late.
        answers = await asyncio.gather(*(self.run(*call) for call in calls), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, ScriptFailed):
                raise answer
        return answers

    async def listen(self, channel: str) -> "Listening":
        """Subscribe. A message to one node of a cluster reaches all."""
        client = _redis(self._place)
        listening = Listening(client, client.pubsub(ignore_subscribe_messages=False))
        with _translated():
            await listening.subscribe(channel)
        return listening

    async def close(self) -> None:
        """Close every connection; one that is broken is none."""
        if self._pipe is not None:
            self._pipe.close()
        await _quietly(self._client.aclose())


class Listening:
    """A subscription; `next` is to be called again and again."""

    def __init__(self, client: Any, pubsub: PubSub) -> None:
        self._client = client
        self._pubsub = pubsub

    async def subscribe(self, channel: str) -> None:
        async with asyncio.timeout(CONNECT_SECONDS):
            await self._pubsub.subscribe(channel)
            await self._pubsub.get_message(timeout=CONNECT_SECONDS)

    async def ping(self) -> None:
        """Ask for a sign of life: it comes as a message of its own."""
        with _translated():
            async with asyncio.timeout(CONNECT_SECONDS):
                await self._pubsub.ping()

    async def next(self, seconds: float) -> bytes | None:
        """The next message; empty for a sign of life, None when the time has passed."""
        with _translated():
            message = await self._pubsub.get_message(timeout=seconds)
        if message is None:
            return None
        data = message["data"]
        return data if message["type"] == "message" and isinstance(data, bytes) else b""

    async def close(self) -> None:
        """Close it; one that is broken is closed already."""
        await _quietly(self._pubsub.aclose())  # type: ignore[no-untyped-call]
        await _quietly(self._client.aclose())


@asynccontextmanager
async def connected(place: Place) -> AsyncIterator[Connection]:
    """A connection for the length of the block. Raises StoreDown."""
    first = _redis(place)
    try:
        with _translated():
            async with asyncio.timeout(CONNECT_SECONDS):
                server = _described(await first.info())
        client: Any = _cluster(place) if server.is_cluster else first
        connection = Connection(place, client, server)
        try:
            yield connection
        finally:
            await connection.close()
    finally:
        await _quietly(first.aclose())


def _answer(refused: ReplyError) -> ScriptFailed:
    """Raises StoreDown unless the refusal is that script's alone."""
    if is_of_one_key(str(refused)):
        return ScriptFailed(FAILED)
    raise StoreDown(ResponseError.__name__)


def _address(place: Place) -> Address:
    """As `_options` says it to the library."""
    parts = urlsplit(place.url)
    context = None
    if parts.scheme in SECURE_SCHEMES:
        context = ssl.create_default_context()
        if place.ca_file is not None:
            context.load_verify_locations(place.ca_file)
    greeting: list[Command] = []
    if parts.username:
        greeting.append(("AUTH", parts.username, place.password or ""))
    elif place.password:
        greeting.append(("AUTH", place.password))
    database = _database(place)
    if database:
        greeting.append(("SELECT", database))
    return Address(parts.hostname or "localhost", parts.port or 6379, context, tuple(greeting))


def _database(place: Place) -> int:
    return int(urlsplit(place.url).path.strip("/") or 0)


def _options(place: Place) -> dict[str, Any]:
    parts = urlsplit(place.url)
    options: dict[str, Any] = {
        "host": parts.hostname,
        "port": parts.port or 6379,
        "username": parts.username,
        "password": place.password,
        "socket_connect_timeout": CONNECT_SECONDS,
        # Each operation has a deadline of its own; this one ends what nobody waits for.
        "socket_timeout": None,
        "retry": Retry(NoBackoff(), 0),
        "max_connections": MOST_CONNECTIONS,
        "protocol": 2,
    }
    if parts.scheme in SECURE_SCHEMES:
        options |= {"ssl": True, "ssl_ca_certs": place.ca_file}
    return options


def _redis(place: Place) -> Any:
    return Redis(db=_database(place), **_options(place))


def _cluster(place: Place) -> Any:
    # A node that has moved is found at the second try.
    return RedisCluster(**{**_options(place), "retry": Retry(NoBackoff(), 1)})


def _described(info: dict[str, Any]) -> Server:
    kind = info.get("server_name") or "redis"
    version = info.get("valkey_version") or info.get("redis_version") or "?"
    return Server(
        words=f"{kind} {version}",
        is_cluster=bool(info.get("cluster_enabled")),
        eviction=str(info.get("maxmemory_policy") or KEEPS_ALL),
    )


class _translated:
    """What the library raises, as one of our errors."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if type(error) is ResponseError and is_of_one_key(str(error)):
            raise ScriptFailed(FAILED) from None
        if isinstance(error, (RedisError, OSError, TimeoutError)):
            raise StoreDown(type(error).__name__) from None


async def _quietly(closing: Awaitable[Any]) -> None:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await closing
    except (RedisError, OSError, TimeoutError):
        return
