"""New connections: look up, connect to the first address that answers, proxy, TLS."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import aiohappyeyeballs

from gateway.adapters.upstream_pool.connection import Connection
from gateway.adapters.upstream_pool.destination import Target
from gateway.adapters.upstream_pool.names import Names
from gateway.adapters.upstream_pool.reasons import of_connecting, of_handshake
from gateway.adapters.upstream_pool.tunnel import open_tunnel
from gateway.domain.unreachable import Reason, UpstreamUnreachable

NEXT_ADDRESS_SECONDS = 0.25
"""The head start of an address over the next one (RFC 8305, section 8)."""


class Dialer:
    """Makes connections; through the proxy, if there is one, whatever the target is."""

    def __init__(self, names: Names, context: ssl.SSLContext, proxy_url: str | None) -> None:
        self._names = names
        self._context = context
        self._proxy = _host_and_port(proxy_url) if proxy_url else None

    async def dial(self, target: Target, make: Callable[[], Connection]) -> Connection:
        """A connection over which a request may be sent. Raises UpstreamUnreachable.

        Being cancelled leaves nothing open.
        """
        sock = await self._connected(*self._proxy or (target.host, target.port))
        try:
            # Heads and bodies are written as wholes: waiting for more would only delay them.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._proxy is not None and target.is_tls:
                await open_tunnel(sock, target)
        except OSError as error:
            sock.close()
            reason = Reason.CLOSED if self._proxy is None else Reason.PROXY_REFUSED
            raise UpstreamUnreachable(reason) from error
        except BaseException:
            sock.close()
            raise
        # From here on the socket is the loop's, and it closes it whatever happens: to do so here
        # as well would close whatever has got the same descriptor meanwhile.
        try:
            return await self._protocol_over(sock, target, make)
        except (OSError, ValueError) as error:
            raise UpstreamUnreachable(of_handshake(error)) from error

    async def _connected(self, host: str, port: int) -> socket.socket:
        try:
            addresses = await self._names.addresses(host, port)
            return await aiohappyeyeballs.start_connection(
                addresses, happy_eyeballs_delay=NEXT_ADDRESS_SECONDS
            )
        except (OSError, ValueError, RuntimeError) as error:
            # RuntimeError is uvloop's word for some errors of sockets.
            reason = of_connecting(error)
            if self._proxy is not None and reason is not Reason.NOT_ALLOWED:
                reason = Reason.PROXY_UNREACHABLE
            raise UpstreamUnreachable(reason) from error

    async def _protocol_over(
        self, sock: socket.socket, target: Target, make: Callable[[], Connection]
    ) -> Connection:
        _, connection = await asyncio.get_running_loop().create_connection(
            make,
            sock=sock,
            ssl=self._context if target.is_tls else None,
            server_hostname=target.host.rstrip(".") if target.is_tls else None,
        )
        return connection


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Trusts the authorities of the file, or the system's. TLS sessions are not resumed: the
    event loop has no way to hand them on."""
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _host_and_port(proxy_url: str) -> tuple[str, int]:
    parts = urlsplit(proxy_url)
    if not parts.hostname or parts.port is None:
        raise ValueError("a proxy is http://HOST:PORT")
    return parts.hostname, parts.port
