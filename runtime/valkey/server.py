"""Connections to Valkey or Redis, alone or as a cluster; what its library raises ends here.

Knows no record. Every error becomes StoreDown or ScriptFailed, whose text names what failed and
quotes nothing that was sent.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha1
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

# A store in the same network answers within a millisecond or two; one that does not is hanging.
CONNECT_SECONDS = 1.0
MOST_CONNECTIONS = 32
# A policy under which nothing is dropped to make room.
KEEPS_ALL = "noeviction"
SECURE_SCHEMES = ("valkeys", "rediss")
# How the answer begins when a script met a key of another type, or a value it cannot use. Other
# refusals (no memory, no permission, no replica) would be the same for every key.
OF_ONE_KEY = ("WRONGTYPE ", "user_script:")


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

    async def run(self, script: str, keys: tuple[str, ...], arguments: tuple[Any, ...]) -> Any:
        """The script's answer. Raises StoreDown, ScriptFailed; the caller bounds its time."""
        call = (len(keys), *keys, *arguments)
        with _translated():
            try:
                return await self._client.evalsha(_digest(script), *call)
            except NoScriptError:
                return await self._client.eval(script, *call)

    async def listen(self, channel: str) -> "Listening":
        """Subscribe. A message to one node of a cluster reaches all."""
        client = _redis(self._place)
        listening = Listening(client, client.pubsub(ignore_subscribe_messages=False))
        with _translated():
            await listening.subscribe(channel)
        return listening

    async def close(self) -> None:
        """Close every connection; one that is broken is none."""
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


@lru_cache(maxsize=64)
def _digest(script: str) -> str:
    """The name under which the server knows a script it has seen."""
    return sha1(script.encode(), usedforsecurity=False).hexdigest()


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
    return Redis(db=int(urlsplit(place.url).path.strip("/") or 0), **_options(place))


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
        if type(error) is ResponseError and str(error).startswith(OF_ONE_KEY):
            raise ScriptFailed("a script failed on what lies there") from None
        if isinstance(error, (RedisError, OSError, TimeoutError)):
            raise StoreDown(type(error).__name__) from None


async def _quietly(closing: Awaitable[Any]) -> None:
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await closing
    except (RedisError, OSError, TimeoutError):
        return
