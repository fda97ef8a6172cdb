"""Connections that end by a reset, for answers whose only end is that of their connection.

Closed in the ordinary way, half of such an answer looks like all of it.
"""

import asyncio
import socket
import struct
import termios
from contextlib import suppress
from fcntl import ioctl
from typing import Final

LINGER: Final = struct.Struct("ii")
COUNT: Final = struct.Struct("i")
LOOK_SECONDS: Final = 0.1
MOST_LOOKS: Final = 100


def end_by_reset(transport: asyncio.Transport, is_on: bool) -> None:
    """However it ends from now on: by us, by a time-out, or because the process is gone.

    A reset loses what the caller's side has not taken yet: see `taken`.
    """
    own = transport.get_extra_info("socket")
    if own is not None:
        # A caller that is gone already is told nothing in any case.
        with suppress(OSError):
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER.pack(is_on, 0))


async def taken(transport: asyncio.Transport) -> None:
    """Come back when all that was written has reached the caller's side, or ten seconds later.

    Never at once: its reader may take a moment to fetch what has come.
    """
    for _ in range(MOST_LOOKS):
        await asyncio.sleep(LOOK_SECONDS)
        if not _is_on_its_way(transport):
            return


def _is_on_its_way(transport: asyncio.Transport) -> bool:
    if transport.get_write_buffer_size():
        return True
    own = transport.get_extra_info("socket")
    if own is None or transport.is_closing():
        return False
    with suppress(OSError):
        # What the peer has not acknowledged: Linux's SIOCOUTQ has this number.
        answer = ioctl(own.fileno(), termios.TIOCOUTQ, COUNT.pack(0))
        return bool(COUNT.unpack(answer)[0])
    return False
