"""Who a request comes from: the address a limit or an audit line is about.

Values in, a value out. Knows no request and no setting: it is given the connection's own address,
what `X-Forwarded-For` says, and whose word of that is taken.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

NOWHERE = "unknown"
"""Of a connection that has no address, such as one over a Unix socket."""
IPV6_SITE_BITS = 64
"""What one customer has at the least; addresses within it cost nothing (RFC 6177 §2)."""
MOST_CHARACTERS = 64
"""The longest IPv6 address with brackets and a port is shorter."""
MOST_HOPS = 32
"""Nobody has more proxies; a header may be longer than anybody should walk."""
KNOWN = 4096


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks as they are configured. Raises ValueError, which quotes none."""
    return tuple(map(_network, texts))


def client_address(peer: str | None, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """The first address, from the connection's backwards, that is no proxy of ours.

    forwarded: the values of every `X-Forwarded-For`, in order; each proxy has appended whom it
    saw. What stands left of an address that is not trusted is what a caller says of itself, and
    is not looked at; what is no address ends the walk at the last one that was.
    IPv4 is given whole, IPv6 as its /64.
    """
    if not trusted or not forwarded:
        return _direct(peer or "")
    at = _read(peer or "")
    if at is None:
        return NOWHERE
    hops = ",".join(forwarded).rsplit(",", MOST_HOPS)
    for hop in reversed(hops):
        before = _read(hop.strip()) if _is_in(at, trusted) else None
        if before is None:
            break
        at = before
    return _shown(at)


@lru_cache(KNOWN)
def _direct(peer: str) -> str:
    """Of a connection on which nobody speaks for others; most are, and each asks many times."""
    at = _read(peer)
    return NOWHERE if at is None else _shown(at)


def _is_in(address: Address, trusted: Sequence[Network]) -> bool:
    # An address of one version is in no network of the other.
    return any(address in network for network in trusted)


@lru_cache(KNOWN)
def _read(text: str) -> Address | None:
    if len(text) > MOST_CHARACTERS:
        return None
    try:
        address = ip_address(_without_port(text))
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _without_port(text: str) -> str:
    """Some proxies write the port they saw as well: 192.0.2.1:80, [2001:db8::1]:80."""
    if text.startswith("["):
        inside, bracket, port = text[1:].partition("]")
        is_good = bracket and (not port or (port[0] == ":" and port[1:].isdecimal()))
        return inside if is_good else ""
    host, colon, port = text.partition(":")
    return host if colon and port.isdecimal() and "." in host else text


@lru_cache(KNOWN)
def _shown(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address), IPV6_SITE_BITS), strict=False))


def _network(text: str) -> Network:
    try:
        network = ip_network(text)
    except ValueError:
        raise ValueError(
            "must be an address or a network, such as 10.0.0.7 or 10.0.0.0/8; the bits of a "
            "network after its length must be zero"
        ) from None
    mapped = network.network_address
    if isinstance(mapped, IPv6Address) and mapped.ipv4_mapped is not None:
        raise ValueError("must be written as IPv4, such as 10.0.0.0/8")
    return network
