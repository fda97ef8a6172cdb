"""The cluster's DNS: a server of its own on loopback that says where names lead at this moment."""

import random
import socket
import struct
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

PORT = 53
TYPE_A, CLASS_IN = 1, 1
NO_SUCH_NAME = 3
TTL_SECONDS = 5
PACKET_BYTES = 512


class NoNamesHere(Exception):
    """This process may not serve port 53 on loopback."""


class Names:
    """Names and their addresses, over UDP. It has a network of loopback addresses for itself.

    network: `127.N`, of which no other server of this kind on the machine gives out addresses.
    """

    def __init__(self) -> None:
        self._socket, self.network = _bound()
        self.address = f"{self.network}.0.53"
        self._addresses: dict[str, tuple[str, ...]] = {}
        self._thread = threading.Thread(target=self._serve, name="cluster names", daemon=True)

    def lead(self, name: str, *addresses: str) -> None:
        """From now on this name leads to these; to none is no error, as of a headless Service."""
        self._addresses[name.lower()] = addresses

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                query, caller = self._socket.recvfrom(PACKET_BYTES)
            except OSError:
                return
            if not query:
                return
            with suppress(IndexError, struct.error, UnicodeDecodeError):
                self._socket.sendto(self.answer(query), caller)

    def answer(self, query: bytes) -> bytes:
        """The answer to one query, as RFC 1035 has it; addresses in another order each time."""
        number, flags = struct.unpack_from("!HH", query)
        name, end = _name(query, 12)
        kind, _ = struct.unpack_from("!HH", query, end)
        question = query[12 : end + 4]
        known = self._addresses.get(name)
        found = list(known or ()) if kind == TYPE_A else []
        random.shuffle(found)
        code = NO_SUCH_NAME if known is None else 0
        # An authoritative answer, recursion as it was asked for and available.
        head = struct.pack("!HHHHHH", number, 0x8480 | (flags & 0x0100) | code, 1, len(found), 0, 0)
        return head + question + b"".join(_record(each) for each in found)


def _bound() -> tuple[socket.socket, str]:
    candidates = list(range(20, 120))
    random.shuffle(candidates)
    for number in candidates:
        served = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            served.bind((f"127.{number}.0.53", PORT))
        except PermissionError:
            served.close()
            raise NoNamesHere("port 53 on loopback takes root") from None
        except OSError:
            served.close()
            continue
        return served, f"127.{number}"
    raise NoNamesHere("no address is left for a name server")


def _name(query: bytes, at: int) -> tuple[str, int]:
    labels = []
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode("ascii").lower())
        at += 1 + length
    return ".".join(labels), at + 1


def _record(address: str) -> bytes:
    # The name is that of the question, by a pointer to it.
    head = struct.pack("!HHHIH", 0xC00C, TYPE_A, CLASS_IN, TTL_SECONDS, 4)
    return head + socket.inet_aton(address)
