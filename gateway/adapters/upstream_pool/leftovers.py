"""What the kernel still has of a connection that can be written to no more.

Upstream may refuse a request, and close, while its body is on the way. The next write fails then,
and the event loop gives the connection up with the refusal unread.
"""

import contextlib
import socket
from collections.abc import Iterator


def leftovers(fileno: int, buffer: memoryview) -> Iterator[int]:
    """How many bytes each read has put into the buffer, until there is nothing more."""
    # A second descriptor of the same socket: the first one is the loop's, which closes it. Where
    # there are no descriptors any more, nothing is found.
    with (
        contextlib.suppress(OSError),
        socket.fromfd(fileno, socket.AF_INET, socket.SOCK_STREAM) as left,
    ):
        left.setblocking(False)
        while count := left.recv_into(buffer):
            yield count
