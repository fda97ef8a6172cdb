"""The way out as far as names go: which addresses a host's name may lead to.

A token goes wherever a name resolves to. One that leads into this network, by mistake or because
somebody changed the DNS, would hand it to a machine that was never meant: the metadata service of
a cloud, a neighbour. So a name leads to public addresses only, unless an operator has written it
down. Addresses in a URL need no look-up and are not looked at here: the broker's list of hosts or
a `base_url` names them. Behind a proxy it is the proxy that resolves upstream's names.
"""

import asyncio
import logging
import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from runtime.logs import fields

log = logging.getLogger("gateway")

ALWAYS_NAMED = frozenset({"localhost"})
LOG_SECONDS = 60.0
MOST_HOSTS_LOGGED = 100

GLOBAL_V6 = ip_network("2000::/3")
"""All that is given out for the Internet so far (RFC 4291, IANA)."""
NAT64 = ip_network("64:ff9b::/96")
"""An IPv4 address in its last 32 bits (RFC 6052)."""
INSIDE_CLOUDS = (ip_network("168.63.129.16/32"), ip_network("192.0.0.0/24"))
"""Public by their numbers, but Azure's and Oracle's platform on their machines; the latter range
is set aside for protocols (RFC 6890)."""


class NoUsableAddress(OSError):
    """A name leads to no address at all, or to none that it may lead to."""


class Guard(AbstractResolver):
    """Resolves names to public addresses, and those in `private_hosts` to any.

    private_hosts: lower case, without a dot at the end.
    """

    def __init__(self, private_hosts: Iterable[str], names: AbstractResolver | None = None) -> None:
        self._names = names
        self._private_hosts = ALWAYS_NAMED | frozenset(private_hosts)
        self._logged: dict[str, float] = {}

    def replace(self, private_hosts: Iterable[str]) -> None:
        """These may lead to private addresses from now on."""
        self._private_hosts = ALWAYS_NAMED | frozenset(private_hosts)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name that may be used. Raises OSError when there are none."""
        found = await (self._names or ThreadedResolver()).resolve(host, port, family)
        name = host.lower().rstrip(".")
        may_be_private = name in self._private_hosts
        usable = [each for each in found if may_be_private or is_public(each["host"])]
        if found and not usable:
            self._tell(name)
        if not usable:
            raise NoUsableAddress(None, "leads to no address that may be used")
        return usable

    async def close(self) -> None:
        """Nothing stays open."""

    def _tell(self, host: str) -> None:
        """Say it once a minute for each host: every request to it ends here."""
        now = asyncio.get_running_loop().time()
        if self._logged.get(host, now) > now:
            return
        if len(self._logged) >= MOST_HOSTS_LOGGED:
            self._logged.clear()
        self._logged[host] = now + LOG_SECONDS
        log.warning(
            "not connected: the host's name leads to private addresses; if it should, name it in "
            "egress.private_hosts",
            extra=fields(host=host),
        )


def is_public(address: str) -> bool:
    """Whether an address is one of the Internet's, by all it stands for.

    What is written inside another address (mapped, translated, tunnelled) is what counts.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        inner = _inside(parsed)
        if inner is None:
            return parsed in GLOBAL_V6 and parsed.is_global
        parsed = inner
    is_inside = any(parsed in network for network in INSIDE_CLOUDS)
    return parsed.is_global and not parsed.is_multicast and not is_inside


def _inside(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one leads to."""
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour
