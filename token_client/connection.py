"""The channel to the broker's replicas, and its replacement when certificates change.

Python's gRPC reads certificates once per channel (grpc issue 41779), so a rotation makes a new
channel: calls that begin from then on use it, those under way end on the old one, which is
closed when it has none left. Files are looked at when a call begins, at most once a second.
"""

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from protos.token_service.v1.token_service_pb2_grpc import TokenServiceStub
from token_client.errors import UnusableFiles
from token_client.files import Files, Material, Signature

if TYPE_CHECKING:
    # The generated module has this name for type checkers only.
    from protos.token_service.v1.token_service_pb2_grpc import TokenServiceAsyncStub

log = logging.getLogger("token_client")

Metadata = tuple[tuple[str, str], ...]

LOOK_SECONDS = 1.0

CHANNEL_OPTIONS: tuple[tuple[str, int | str], ...] = (
    # Several replicas behind one name share the calls (with a target like dns:///name:port).
    ("grpc.service_config", '{"loadBalancingConfig":[{"round_robin":{}}]}'),
    # A replacement that shared connections with the channel it replaces would replace nothing.
    ("grpc.use_local_subchannel_pool", 1),
    # gRPC's default pause between attempts to connect grows to 2 minutes. A broker that is back
    # must be noticed within connect_seconds, so that a waiting caller gets its token.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
    # A replica that is replaced has another address: ask again sooner than the default 30 s.
    ("grpc.dns_min_time_between_resolutions_ms", 5_000),
    # Notice a peer that vanished without a word (a node that died) within 40 s, also while
    # nothing but a silent stream is open; the broker allows a ping every 10 s.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
)


@dataclass(eq=False, slots=True)
class Link:
    """One channel and the number of calls on it."""

    channel: grpc.aio.Channel
    stub: "TokenServiceAsyncStub"
    users: int = 0


class Connection:
    """Always the channel to use now. Open it before use, close it in the end.

    on_replaced: told when calls should move to a new channel.
    clock: monotonic seconds.
    """

    def __init__(
        self,
        target: str,
        files: Files,
        clock: Callable[[], float],
        on_replaced: Callable[[], None],
        interceptors: Sequence[grpc.aio.ClientInterceptor] = (),
    ) -> None:
        self._target = target
        self._files = files
        self._clock = clock
        self._on_replaced = on_replaced
        self._interceptors = list(interceptors)
        self._material = Material()
        self._seen: Signature = ()
        self._bad: Signature | None = None
        self._look_at = 0.0
        self._retired: set[Link] = set()
        # Set by open().
        self._link: Link

    def open(self) -> None:
        """Read the files and make the channel; it connects with its first call.

        Raises UnusableFiles.
        """
        self._seen = self._files.signature()
        self._material = self._files.read()
        self._look_at = self._clock() + LOOK_SECONDS
        self._link = self._new_link()

    async def close(self) -> None:
        """Close every channel; calls still under way are cancelled."""
        for link in (*self._retired, self._link):
            await link.channel.close()

    @property
    def metadata(self) -> Metadata:
        """What each call carries: the bearer token, if there is one."""
        bearer = self._material.bearer
        return (("authorization", f"Bearer {bearer}"),) if bearer else ()

    @asynccontextmanager
    async def link(self) -> AsyncIterator[Link]:
        """The channel for one call, which stays open as long as the context."""
        if self._clock() >= self._look_at:
            self.look()
        link = self._link
        link.users += 1
        try:
            yield link
        finally:
            link.users -= 1
            await self._close_unused()

    def look(self) -> None:
        """Take over files that have changed, if they can be used."""
        self._look_at = self._clock() + LOOK_SECONDS
        signature = self._files.signature()
        if signature == self._seen:
            return
        try:
            material = self._files.read()
        except UnusableFiles as problem:
            # Half of a rotation, most likely: what was read before goes on being used.
            if signature != self._bad:
                log.warning("files that have changed cannot be used yet: %s", problem)
            self._bad = signature
            return
        self._seen, self._bad = signature, None
        replaced, self._material = self._material, material
        if not material.same_tls(replaced):
            self._replace()

    def _replace(self) -> None:
        log.info("the certificates have changed; calls move to a new connection")
        self._retired.add(self._link)
        self._link = self._new_link()
        self._on_replaced()

    async def _close_unused(self) -> None:
        for link in [each for each in self._retired if each.users == 0]:
            self._retired.discard(link)
            await link.channel.close()

    def _new_link(self) -> Link:
        if self._files.tls is None:
            channel = grpc.aio.insecure_channel(
                self._target, options=CHANNEL_OPTIONS, interceptors=self._interceptors
            )
        else:
            held = self._material
            credentials = grpc.ssl_channel_credentials(held.ca, held.key, held.cert)
            channel = grpc.aio.secure_channel(
                self._target, credentials, CHANNEL_OPTIONS, interceptors=self._interceptors
            )
        return Link(channel, TokenServiceStub(channel))
