"""An upstream that refuses a request whose body is on the way, and closes without reading it.

It runs in a thread, so that it refuses and is gone in the middle of one callback of the client.
"""

import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

PATIENCE_SECONDS = 10


@dataclass
class RefusingUpstream:
    """Takes one connection after the other; url has an address for plain, a name for TLS."""

    answer: bytes
    url: str = ""
    gone: threading.Event = field(default_factory=threading.Event)
    """A connection was refused and is closed, with some of the body unread: by a reset."""


@contextmanager
def refusing(
    upstream: RefusingUpstream, host: str = "127.0.0.1", context: ssl.SSLContext | None = None
) -> Iterator[RefusingUpstream]:
    """Serve on loopback; with a context behind TLS."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        scheme = "http" if context is None else "https"
        upstream.url = f"{scheme}://{host}:{listening.getsockname()[1]}"
        thread = threading.Thread(target=_serve, args=(upstream, listening, context), daemon=True)
        thread.start()
        try:
            yield upstream
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(PATIENCE_SECONDS)


def _serve(
    upstream: RefusingUpstream, listening: socket.socket, context: ssl.SSLContext | None
) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            # Else the kernel might hold the answer back, and drop it at the reset.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context is not None:
                connection = context.wrap_socket(connection, server_side=True)
            with connection:
                _refuse(connection, upstream.answer)
            upstream.gone.set()


def _refuse(connection: socket.socket, answer: bytes) -> None:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += connection.recv(1)
    select.select([connection], [], [], PATIENCE_SECONDS)
    connection.sendall(answer)
