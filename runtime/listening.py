"""Addresses to listen on: how they are written, and what it means when one is taken."""

import os
from dataclasses import dataclass
from ipaddress import ip_address


class ListenError(Exception):
    """An address could not be listened on; the text says which setting and what to do."""


@dataclass(frozen=True)
class Address:
    """A host and a port to listen on."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """Read `host:port` or `[v6]:port`. Raises ValueError."""
    host, separator, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    is_number = port.isascii() and port.isdigit()
    if not separator or not host or not is_number or int(port) > 65535:
        raise ValueError("must be host:port, such as 127.0.0.1:50051")
    return Address(host, int(port))


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def reason_of(error: OSError) -> str:
    """The system's own words; asyncio's and uvloop's repeat the address before them."""
    return os.strerror(error.errno).lower() if error.errno else str(error)


def taken(setting: str, address: object, reason: str) -> ListenError:
    """The error for an address that another process holds or that is not this machine's."""
    return ListenError(
        f"{setting}: cannot listen on {address}: {reason}; "
        "stop what holds the port or set another one"
    )
