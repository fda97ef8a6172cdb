"""The gRPC server: options, the services on it, health; how it starts and how it stops."""

from collections.abc import Sequence
from dataclasses import dataclass

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from protos.token_service.v1 import token_service_pb2 as pb
from protos.token_service.v1 import token_service_pb2_grpc as pb_grpc
from token_service.rpc.health import Health
from token_service.rpc.interceptors import CallBoundary
from token_service.rpc.servicer import TokenServiceServicer

SERVICE: str = pb.DESCRIPTOR.services_by_name["TokenService"].full_name
# The largest request follows 20,000 accounts, as many as token_client does, of long names.
MOST_REQUEST_BYTES = 2 * 1024 * 1024
# Calls that have come and were not looked at yet. Beyond 1,000 gRPC would cancel some of them, and
# a dozen clients that start send as many as a connection takes each.
MOST_PENDING_CALLS = 20_000
# After MAX_CONNECTION_AGE calls under way have this long to end: longer than an exchange takes.
AGE_GRACE_SECONDS = 30
# Load balancers drop what is idle for a minute; clients may ping this often to prevent it
# (peers.md §2.1).
LEAST_PING_SECONDS = 10


@dataclass(frozen=True)
class ServerOptions:
    """The settings `grpc.*`."""

    reflection: bool
    max_connection_age_seconds: float
    max_streams: int


class RpcServer:
    """Serves the RPC and its health; the health turns first when the process is to end.

    before: what stands before the boundary.
    """

    def __init__(
        self,
        servicer: TokenServiceServicer,
        boundary: CallBoundary,
        options: ServerOptions,
        before: Sequence[grpc.aio.ServerInterceptor] = (),
    ) -> None:
        self._servicer = servicer
        self._interceptors = [*before, boundary]
        self._options = options
        self._health = Health(("", SERVICE))
        self._server: grpc.aio.Server | None = None

    async def start(self, address: str, tls: grpc.ServerCredentials | None = None) -> None:
        """Listen on `address`. Raises RuntimeError when that cannot be done."""
        server = grpc.aio.server(interceptors=self._interceptors, options=_options(self._options))
        pb_grpc.add_TokenServiceServicer_to_server(self._servicer, server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        if self._options.reflection:
            names = (SERVICE, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name)
            reflection.enable_server_reflection((*names, reflection.SERVICE_NAME), server)
        if tls is None:
            server.add_insecure_port(address)
        else:
            server.add_secure_port(address, tls)
        await server.start()
        self._server = server

    def say_not_serving(self) -> None:
        """Answer and announce NOT_SERVING; calls are still served."""
        self._health.end()

    async def stop(self, grace_seconds: float) -> None:
        """Refuse new calls at once; end those under way after the grace, but health watches now."""
        self._health.close()
        if self._server is not None:
            await self._server.stop(grace_seconds)
            self._server = None


def _options(options: ServerOptions) -> list[tuple[str, int]]:
    return [
        # Otherwise a second process would take half of the calls instead of failing to start.
        ("grpc.so_reuseport", 0),
        ("grpc.max_connection_age_ms", int(options.max_connection_age_seconds * 1000)),
        ("grpc.max_connection_age_grace_ms", AGE_GRACE_SECONDS * 1000),
        ("grpc.max_concurrent_streams", options.max_streams),
        ("grpc.max_receive_message_length", MOST_REQUEST_BYTES),
        ("grpc.server.max_pending_requests", MOST_PENDING_CALLS),
        ("grpc.server.max_pending_requests_hard_limit", MOST_PENDING_CALLS),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", LEAST_PING_SECONDS * 1000),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", LEAST_PING_SECONDS * 1000),
    ]
