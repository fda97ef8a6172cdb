"""Which hosts may receive a token (copilot-upstream.md §5.1)."""

import re
from ipaddress import IPv4Address, IPv6Address

import httpx
import pytest
import yarl
from hypothesis import given
from hypothesis import strategies as st

from token_service.domain.errors import HostNotAllowed
from token_service.domain.hosts import (
    Site,
    allowed_host,
    api_base_url,
    api_url_of,
    check_api_url,
    tenant_of,
    web_url_of,
)

PUBLIC = Site("https://api.github.com")
TENANT = Site("https://api.acme.ghe.com", tenant="acme")
LISTED = Site(
    "https://api.github.com",
    allowed_hosts=frozenset(
        allowed_host(entry)
        for entry in (
            "127.0.0.1",
            "localhost:8090",
            "[::1]:8090",
            "LLM.example",
            "llm2.example:8443",
            "10.0.0.7",
            "fd00::7",
        )
    ),
)

ALLOWED = [
    (PUBLIC, "https://githubcopilot.com"),
    (PUBLIC, "https://api.githubcopilot.com"),
    (PUBLIC, "https://api.individual.githubcopilot.com"),
    (TENANT, "https://copilot-api.acme.ghe.com"),
    (LISTED, "http://127.0.0.1:8090"),
    (LISTED, "https://127.0.0.1"),
    (LISTED, "http://localhost:8090"),
    (LISTED, "https://llm.example"),
    (LISTED, "https://llm2.example:8443"),
    (LISTED, "https://llm.example/copilot/v1"),
    (LISTED, "http://[::1]:8090"),
    (LISTED, "https://10.0.0.7"),
    (LISTED, "https://[fd00::7]"),
]
# What is accepted is written in one way, whatever way it came.
SPELLINGS = [
    (PUBLIC, "https://API.GitHubCopilot.com:443/", "https://api.githubcopilot.com"),
    (PUBLIC, "HTTPS://api.githubcopilot.com//", "https://api.githubcopilot.com"),
    (LISTED, "https://[FD00:0:0::7]:443", "https://[fd00::7]"),
    (LISTED, "http://[::ffff:127.0.0.1]:80", "http://127.0.0.1"),
]
REFUSED = [
    (PUBLIC, "http://api.githubcopilot.com"),
    (PUBLIC, "https://api.githubcopilot.com:8443"),
    (PUBLIC, "https://user@api.githubcopilot.com"),
    (PUBLIC, "https://api.githubcopilot.com@evil.example"),
    (PUBLIC, "https://evilgithubcopilot.com"),
    (PUBLIC, "https://githubcopilot.com.evil.example"),
    (PUBLIC, "https://api.githubcopilot.com."),
    (PUBLIC, "https://evil.example/api.githubcopilot.com"),
    (PUBLIC, "https://evil.example#.githubcopilot.com"),
    (PUBLIC, "https://evil.example?.githubcopilot.com"),
    (PUBLIC, "https://evil.example\\.githubcopilot.com"),
    (PUBLIC, "https://evil.example\t.githubcopilot.com"),
    (PUBLIC, "https://api.githubcopilot.com\n"),
    (PUBLIC, "https://\u0430pi.githubcopilot.com"),
    (PUBLIC, "https://127.0.0.1"),
    (PUBLIC, "http://localhost:8090"),
    (PUBLIC, "https://copilot-api.acme.ghe.com"),
    (PUBLIC, "//api.githubcopilot.com"),
    (PUBLIC, "https://"),
    (PUBLIC, "https://[::1"),
    (PUBLIC, "https://api.githubcopilot.com:99999"),
    (PUBLIC, ""),
    (TENANT, "https://api.githubcopilot.com"),
    (TENANT, "https://copilot-api.other.ghe.com"),
    (TENANT, "https://x.copilot-api.acme.ghe.com"),
    (LISTED, "http://localhost:8091"),
    (LISTED, "http://llm.example"),
    (LISTED, "https://llm.example:8443"),
    (LISTED, "https://llm2.example"),
    (LISTED, "http://llm2.example:8443"),
    (PUBLIC, "https://api.githubcopilot.com/%2e%2e/evil"),
    (PUBLIC, "https://api.githubcopilot.com%2eevil.example"),
    (PUBLIC, "https://api.githubcopilot.com/path"),
    (PUBLIC, "https://api.githubcopilot.com;evil.example"),
    (PUBLIC, "https://api..githubcopilot.com"),
    (PUBLIC, "https://-.githubcopilot.com"),
    (PUBLIC, "https://.githubcopilot.com"),
    (PUBLIC, "https:/api.githubcopilot.com"),
    (PUBLIC, "https:api.githubcopilot.com"),
    (PUBLIC, "https://api.githubcopilot.com:443:443"),
    (PUBLIC, "https://api.githubcopilot.com:0"),
    (PUBLIC, "https://" + "a." * 120 + "githubcopilot.com"),
    (PUBLIC, "https://xn--githubcopilot-9za.com"),
    (PUBLIC, "ftp://api.githubcopilot.com"),
    (PUBLIC, "http\u017f://api.githubcopilot.com"),
    (PUBLIC, "https://10.0.0.7"),
    (PUBLIC, "https://169.254.169.254"),
    (PUBLIC, "https://[fe80::1]"),
    (PUBLIC, "https://[::ffff:10.0.0.7]"),
    (PUBLIC, "https://0.0.0.0"),
    (TENANT, "https://copilot-api.acme.ghe.com.evil.example"),
    (TENANT, "https://githubcopilot.com"),
    (LISTED, "https://10.0.0.8"),
    (LISTED, "http://10.0.0.7"),
    (LISTED, "https://010.0.0.7"),
    (LISTED, "https://10.7"),
    (LISTED, "http://127.1"),
    (LISTED, "http://2130706433"),
    (LISTED, "http://0x7f.0.0.1"),
    (LISTED, "https://llm.example./"),
    (LISTED, "https://llm.example/../x"),
    (LISTED, "https://llm.example/./x"),
    (LISTED, "https://llm.example//x"),
]


@pytest.mark.parametrize(("site", "url"), ALLOWED)
def test_host_may_receive_a_token(site: Site, url: str) -> None:
    assert check_api_url(url + "/", site) == url


@pytest.mark.parametrize(("site", "url", "spelling"), SPELLINGS)
def test_what_is_accepted_has_one_spelling(site: Site, url: str, spelling: str) -> None:
    """The gateway parses the URL again: both readers must see the same host."""
    assert check_api_url(url, site) == spelling


@pytest.mark.parametrize(("site", "url"), REFUSED)
def test_host_may_not_receive_a_token(site: Site, url: str) -> None:
    with pytest.raises(HostNotAllowed):
        check_api_url(url, site)


SIGNS = ["@", ":", "/", "//", "\\", "#", "?", "%2e", "%00", ".", "..", "[", "]", ";", "\t", "-"]
LETTERS = ["\u3002", "\u212a", "xn--", "user", ":443", ":80", "https:", "http://", "copilot-api."]
PLACES = ["evil.example", "127.0.0.1", "::1", "githubcopilot.com", "acme.ghe.com"]
TRICKS = st.sampled_from([*SIGNS, *LETTERS, *PLACES])
NASTY = st.one_of(st.text(max_size=60), st.lists(TRICKS, max_size=8).map("".join))


@pytest.mark.parametrize(
    ("site", "own"), [(PUBLIC, "githubcopilot.com"), (TENANT, "copilot-api.acme.ghe.com")]
)
@given(text=NASTY)
def test_a_named_host_is_copilots_or_refused(site: Site, own: str, text: str) -> None:
    """Whatever stands in endpoints.api, a token goes to the site's own hosts over https only."""
    for url in (text, f"https://{text}", f"https://{own}{text}", f"https://{text}{own}"):
        try:
            accepted = check_api_url(url, site)
        except HostNotAllowed:
            continue
        host = accepted.removeprefix("https://")
        assert host == own or (site is PUBLIC and host.endswith("." + own))
        assert re.fullmatch(r"[a-z0-9.-]+", host)
        assert check_api_url(accepted, site) == accepted
        assert httpx.URL(accepted).host == yarl.URL(accepted).host == host


@given(st.ip_addresses())
def test_an_address_is_refused_unless_it_is_listed(address: IPv4Address | IPv6Address) -> None:
    host = f"[{address}]" if address.version == 6 else str(address)
    with pytest.raises(HostNotAllowed):
        check_api_url(f"https://{host}", PUBLIC)
    shown = getattr(address, "ipv4_mapped", None) or address
    if not (shown.is_unspecified or shown.is_multicast):
        listing = Site("", allowed_hosts=frozenset({allowed_host(str(address))}))
        assert check_api_url(f"https://{host}", listing)


@pytest.mark.parametrize(
    ("site", "named", "proxy", "url"),
    [
        (PUBLIC, "https://api.business.githubcopilot.com", None, None),
        (
            PUBLIC,
            None,
            "proxy.business.githubcopilot.com",
            "https://api.business.githubcopilot.com",
        ),
        (PUBLIC, None, "other.githubcopilot.com", "https://api.githubcopilot.com"),
        (PUBLIC, None, None, "https://api.githubcopilot.com"),
        (TENANT, None, "proxy.business.githubcopilot.com", "https://copilot-api.acme.ghe.com"),
        (TENANT, None, None, "https://copilot-api.acme.ghe.com"),
        (
            Site("", base_url="https://api.enterprise.githubcopilot.com"),
            "https://api.business.githubcopilot.com",
            None,
            "https://api.enterprise.githubcopilot.com",
        ),
    ],
)
def test_where_a_token_works(
    site: Site, named: str | None, proxy: str | None, url: str | None
) -> None:
    """base_url, else endpoints.api, else proxy-ep, else the host's default."""
    assert api_base_url(site, named, proxy) == (url or named)


def test_a_derived_host_is_checked_too() -> None:
    with pytest.raises(HostNotAllowed):
        api_base_url(PUBLIC, None, "proxy.evil.example")


def test_an_override_is_checked_too() -> None:
    with pytest.raises(HostNotAllowed):
        api_base_url(Site("", base_url="https://evil.example"), None, None)


@pytest.mark.parametrize("host", ["github.com", "GitHub.com"])
def test_the_public_github(host: str) -> None:
    assert tenant_of(host) is None
    assert api_url_of(None, "http://127.0.0.1:1/") == "http://127.0.0.1:1"
    assert web_url_of(host) == "https://github.com"


def test_a_tenant_has_hosts_of_its_own() -> None:
    assert tenant_of("Acme.ghe.com") == "acme"
    assert api_url_of("acme", "https://api.github.com") == "https://api.acme.ghe.com"
    assert web_url_of("acme.ghe.com") == "https://acme.ghe.com"


@pytest.mark.parametrize(
    "host", ["ghe.com", "a.b.ghe.com", "evil.com", "acme.ghe.com.evil.com", "", "-a.ghe.com", "a/b"]
)
def test_other_hosts_are_no_github(host: str) -> None:
    with pytest.raises(ValueError, match="must be github"):
        tenant_of(host)


NO_NAMES = ["http://x", "x/y", "x/", "x:", "x:0", "x:99999", "a b", "u@x", "", "x.", ".x", "x%2e"]
NO_ADDRESSES = ["127.1", "0.0.0.0", "::", "224.0.0.1", "[::1", "::1]", "[x]", "fe80::1%eth0"]  # noqa: S104


@pytest.mark.parametrize("entry", [*NO_NAMES, *NO_ADDRESSES, "[127.0.0.1]", "\u0430.com"])
def test_an_entry_is_a_host_and_perhaps_a_port(entry: str) -> None:
    with pytest.raises(ValueError, match="must be a host"):
        allowed_host(entry)
