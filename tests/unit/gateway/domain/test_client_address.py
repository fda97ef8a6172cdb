"""Who a request comes from: only whom a proxy of ours has seen counts."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.client_address import MOST_HOPS, NOWHERE, client_address, networks

OURS = networks(["10.0.0.0/8", "192.0.2.7", "2001:db8:aaaa::/48"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        # What a caller says of itself is not looked at.
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1, 192.0.2.7 ,10.9.9.9"], "198.51.100.1"),
        # A header sent twice is one list.
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1, 10.2.0.1"], "198.51.100.1"),
        # All of them are ours: the one furthest away.
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        # What is no address ends the walk at the last one that was.
        ("10.0.0.1", ["198.51.100.1, garbage, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["198.51.100.1, "], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", ["1" * 5000], "10.0.0.1"),
        # With a port, as some proxies write.
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8:1:2::5]:4711"], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["[2001:db8:1:2::5]"], "2001:db8:1:2::/64"),
        ("10.0.0.1", ["[2001:db8:1:2::5]x"], "10.0.0.1"),
        # One site is one address.
        ("2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::/64"),
        ("2001:db8:aaaa::1", ["2001:db8:1:2::5"], "2001:db8:1:2::/64"),
        ("fe80::1%eth0", [], "fe80::/64"),
        # IPv4 as a socket for both versions shows it.
        ("::ffff:203.0.113.9", [], "203.0.113.9"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        (None, [], NOWHERE),
        ("", ["198.51.100.1"], NOWHERE),
        ("/run/gateway.sock", [], NOWHERE),
    ],
)
def test_the_first_address_that_is_no_proxy_of_ours(
    peer: str | None, forwarded: list[str], expected: str
) -> None:
    assert client_address(peer, forwarded, OURS) == expected


def test_without_proxies_it_is_the_peer() -> None:
    assert client_address("10.0.0.1", ["198.51.100.1"], ()) == "10.0.0.1"


def test_a_long_header_is_walked_only_so_far() -> None:
    hops = ["198.51.100.1", *["10.0.0.2"] * 10_000]
    assert client_address("10.0.0.1", [", ".join(hops)], OURS) == "10.0.0.2"
    hops = ["198.51.100.1", *["10.0.0.2"] * (MOST_HOPS - 1)]
    assert client_address("10.0.0.1", [", ".join(hops)], OURS) == "198.51.100.1"


ours = st.ip_addresses(network=IPv4Network("10.0.0.0/8")).map(str)
others = st.ip_addresses(v=4).filter(lambda each: not any(each in net for net in OURS)).map(str)
words = st.one_of(ours, others, st.text(alphabet="0123456789abcdef.:[]% ,", max_size=20))


@given(st.lists(words, max_size=4), others, st.lists(ours, max_size=8), ours)
def test_nothing_a_caller_writes_changes_who_it_is(
    said: list[str], caller: str, proxies: list[str], peer: str
) -> None:
    assert client_address(peer, [", ".join([*said, caller, *proxies])], OURS) == caller


@given(st.one_of(st.none(), words), st.lists(words, max_size=6))
def test_whatever_comes_it_is_an_address_or_nowhere(peer: str | None, forwarded: list[str]) -> None:
    found = client_address(peer, forwarded, OURS)
    if found == NOWHERE:
        return
    (network,) = networks([found])
    assert str(network.network_address) == found.removesuffix("/64")


@given(st.ip_addresses())
def test_a_peer_that_is_no_proxy_is_what_counts(peer: IPv4Address | IPv6Address) -> None:
    assert client_address(str(peer), ["10.0.0.1"], ()) == client_address(str(peer), [], ())


@pytest.mark.parametrize("text", ["", "proxy.internal", "10.0.0.1/8", "10.0.0.0/33", "10.0"])
def test_what_is_no_network_is_said_without_being_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="must be an address or a network") as refused:
        networks([text])
    assert not text or f"{text} " not in f"{refused.value} "


def test_a_network_of_ipv4_in_ipv6_would_never_match() -> None:
    with pytest.raises(ValueError, match="IPv4"):
        networks(["::ffff:10.0.0.0/104"])
