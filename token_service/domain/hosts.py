"""GitHub's hosts and their URLs; which API hosts may receive an account's token.

A forged `endpoints.api` would be sent bearer tokens, so that every URL a token may go to is
checked against one list, wherever it comes from (copilot-upstream.md §5.1). What passes is
written anew from the parts that were judged: no other reader of the URL can see another host
in it. Host names only: nothing is resolved or connected here (decisions/0011 says why).
"""

import re
from dataclasses import dataclass
from ipaddress import ip_address

from token_service.domain.errors import HostNotAllowed

PUBLIC_HOST = "github.com"
PUBLIC_INFERENCE_URL = "https://api.githubcopilot.com"
PUBLIC_API_DOMAIN = "githubcopilot.com"
_PORTS = {"https": 443, "http": 80}
_TENANT = re.compile(r"((?!xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)\.ghe\.com")
# No label in Punycode: no host of ours has one, and readers differ on those that decode to nothing.
_LABEL = r"(?!xn--)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
# 127.1, 0x7f.1 and 2130706433 are addresses to some resolvers and names to others.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Read whole or not at all; urlsplit forgives what another reader reads differently.
_URL = re.compile(
    r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::([0-9]{1,5}))?"
    r"((?:/[a-z0-9_~-][a-z0-9._~-]*)*)/*",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True)
class Site:
    """Where one account lives, and where its tokens may go.

    api_url        GitHub's REST API, without a trailing slash
    tenant         the first label of <tenant>.ghe.com; None on github.com
    base_url       overrides what the exchange names; None to follow it
    allowed_hosts  further API hosts, each as `allowed_host` spells it
    """

    api_url: str
    tenant: str | None = None
    base_url: str | None = None
    allowed_hosts: frozenset[str] = frozenset()

    @property
    def default_inference_url(self) -> str:
        """The API host when nothing names one (copilot-upstream.md §2.3, §5.1)."""
        return f"https://copilot-api.{self.tenant}.ghe.com" if self.tenant else PUBLIC_INFERENCE_URL


def tenant_of(github_host: str) -> str | None:
    """None for github.com, the tenant for <tenant>.ghe.com. Raises ValueError for others."""
    host = github_host.lower()
    if host == PUBLIC_HOST:
        return None
    match = _TENANT.fullmatch(host)
    if match is None or match[1] in ("api", "copilot-api"):
        raise ValueError("must be github.com or <tenant>.ghe.com")
    return match[1]


def api_url_of(tenant: str | None, public_api_url: str) -> str:
    """The REST API of a tenant, or the configured one of github.com."""
    return f"https://api.{tenant}.ghe.com" if tenant else public_api_url.rstrip("/")


def web_url_of(github_host: str) -> str:
    """Where people sign in. Raises ValueError for a host that is no GitHub."""
    tenant = tenant_of(github_host)
    return f"https://{tenant}.ghe.com" if tenant else f"https://{PUBLIC_HOST}"


def allowed_host(entry: str) -> str:
    """One entry of `allowed_hosts` in its one spelling. Raises ValueError unless `host[:port]`."""
    bare_v6 = entry.count(":") > 1 and not entry.startswith("[")
    place = _place(f"https://[{entry}]" if bare_v6 else f"https://{entry}")
    if place is None or place.path or entry.endswith("/") or _is_nobodys(place.host):
        raise ValueError("must be a host or host:port, without a scheme or a path")
    return place.name if place.port is None else f"{place.name}:{place.port}"


def api_base_url(site: Site, named: str | None, proxy_endpoint: str | None) -> str:
    """Where a token of this account works, without a trailing slash.

    named: `endpoints.api` of the exchange; proxy_endpoint: `proxy-ep` of the token string.
    Raises HostNotAllowed.
    """
    if site.base_url is not None:
        return check_api_url(site.base_url, site)
    if named is not None:
        return check_api_url(named, site)
    if proxy_endpoint is not None and proxy_endpoint.startswith("proxy.") and not site.tenant:
        return check_api_url("https://api." + proxy_endpoint.removeprefix("proxy."), site)
    return site.default_inference_url


def check_api_url(url: str, site: Site) -> str:
    """The URL in its one spelling, if a token of this site may go there.

    Raises HostNotAllowed; its message names the host only when it is fit to be shown.
    """
    place = _place(url)
    if place is None or not _may_receive(place, site):
        shown = f"'{place.host}'" if place is not None else "of the answer (not a plain URL)"
        raise HostNotAllowed(
            f"the API host {shown} is not one that tokens of this account may be sent to; if it "
            "is right, name it in the account's allowed_hosts"
        )
    return place.url


@dataclass(frozen=True)
class _Place:
    """A URL taken apart. host: in lower case, an address in its short form, without brackets."""

    scheme: str
    host: str
    port: int | None
    path: str

    @property
    def name(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def port_used(self) -> int:
        return self.port or _PORTS[self.scheme]

    @property
    def url(self) -> str:
        is_usual = self.port_used == _PORTS[self.scheme]
        return f"{self.scheme}://{self.name}{'' if is_usual else f':{self.port}'}{self.path}"


def _place(url: str) -> _Place | None:
    """None for what is no plain http(s) URL, or what two readers could understand differently."""
    match = _URL.fullmatch(url)
    if match is None:
        return None
    scheme, name, port, path = match.groups()
    host = _host(name.lower())
    if host is None or (port is not None and not 0 < int(port) <= 65535):
        return None
    return _Place(scheme.lower(), host, int(port) if port else None, path)


def _host(name: str) -> str | None:
    try:
        address = ip_address(name.strip("[]"))
    except ValueError:
        is_name = _NAME.fullmatch(name) and not _NUMBER.fullmatch(name.rpartition(".")[2])
        return name if is_name else None
    if (address.version == 6) != name.startswith("["):
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)


def _may_receive(place: _Place, site: Site) -> bool:
    """Loopback, private and link-local addresses only where they are listed, like any other."""
    listed = place.name in site.allowed_hosts
    listed_with_port = f"{place.name}:{place.port_used}" in site.allowed_hosts
    if is_loopback(place.host):
        return listed or listed_with_port
    if place.scheme != "https":
        return False
    if listed_with_port or (listed and place.port_used == 443):
        return True
    return place.port_used == 443 and not place.path and _is_copilots(place.host, site.tenant)


def _is_copilots(host: str, tenant: str | None) -> bool:
    if tenant is not None:
        return host == f"copilot-api.{tenant}.ghe.com"
    return host == PUBLIC_API_DOMAIN or host.endswith("." + PUBLIC_API_DOMAIN)


def is_loopback(host: str) -> bool:
    """Whether only this machine can be meant."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_nobodys(host: str) -> bool:
    """Whether it is an address that no single machine has."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_unspecified or address.is_multicast
