"""Which addresses a host's name may lead to."""

import socket

import pytest
from aiohttp.abc import AbstractResolver

from gateway.adapters.egress import MOST_HOSTS_LOGGED, Guard, NoUsableAddress, is_public
from tests.fakes.names import FakeNames

pytestmark = pytest.mark.anyio

NAMES = FakeNames(
    {
        "api.example": ["93.184.216.34", "2606:2800:220:1::1"],
        "inside.example": ["10.0.0.7", "fd00::7"],
        "mixed.example": ["10.0.0.7", "93.184.216.34", "::1"],
        "localhost": ["127.0.0.1"],
        "evil.localhost": ["127.0.0.1"],
        "empty.example": [],
    }
)


async def addresses(guard: AbstractResolver, host: str) -> list[str]:
    return [each["host"] for each in await guard.resolve(host, 443, socket.AF_UNSPEC)]


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "140.82.112.22",
        "172.32.0.1",
        "2606:50c0:8000::153",
        "64:ff9b::808:808",
        "::ffff:8.8.8.8",
        "2002:808:808::1",
    ],
)
async def test_addresses_of_the_internet(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "127.0.0.1",
        "0.0.0.0",  # noqa: S104  nothing listens here
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "64:ff9b:1::a00:1",
        # An address inside another one is what counts.
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::10.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:a00:1::1",
        "2001:0:a00:1::1",
        "not an address",
        "",
    ],
)
async def test_addresses_that_are_not(address: str) -> None:
    assert not is_public(address)


async def test_a_public_name_is_resolved() -> None:
    assert await addresses(Guard([], NAMES), "api.example") == NAMES.addresses["api.example"]


async def test_of_a_mixed_answer_the_public_addresses_are_kept() -> None:
    assert await addresses(Guard([], NAMES), "mixed.example") == ["93.184.216.34"]


@pytest.mark.parametrize("host", ["inside.example", "evil.localhost"])
async def test_a_name_that_leads_inside_is_refused(host: str) -> None:
    with pytest.raises(NoUsableAddress):
        await addresses(Guard([], NAMES), host)


async def test_localhost_is_named_by_its_name() -> None:
    assert await addresses(Guard([], NAMES), "localhost") == ["127.0.0.1"]


async def test_a_name_an_operator_wrote_down_may_lead_anywhere() -> None:
    guard = Guard(["inside.example"], NAMES)
    assert await addresses(guard, "inside.example") == ["10.0.0.7", "fd00::7"]
    with pytest.raises(NoUsableAddress):
        await addresses(guard, "evil.localhost")


async def test_a_name_is_the_same_in_any_spelling() -> None:
    names = FakeNames({"Inside.Example.": ["10.0.0.7"]})
    assert await addresses(Guard(["inside.example"], names), "Inside.Example.") == ["10.0.0.7"]


async def test_a_reload_changes_what_may_lead_inside() -> None:
    guard = Guard(["inside.example"], NAMES)
    guard.replace(["other.example"])
    with pytest.raises(NoUsableAddress):
        await addresses(guard, "inside.example")
    guard.replace(["inside.example"])
    assert await addresses(guard, "inside.example")


@pytest.mark.parametrize("host", ["gone.example", "empty.example"])
async def test_a_name_that_leads_nowhere_is_no_private_one(
    host: str, caplog: pytest.LogCaptureFixture
) -> None:
    for guard in (Guard([], NAMES), Guard([host], NAMES)):
        with pytest.raises(OSError, match=r"no such name|no address"):
            await addresses(guard, host)
    assert caplog.records == []


async def test_the_operator_is_told_what_to_do_once_for_each_host(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Every request to the host ends here; a line each would bury the rest of the log."""
    guard = Guard([], NAMES)
    for host in ("inside.example", "inside.example", "evil.localhost", "inside.example"):
        with pytest.raises(NoUsableAddress):
            await addresses(guard, host)
    assert [record.__dict__["fields"] for record in caplog.records] == [
        {"host": "inside.example"},
        {"host": "evil.localhost"},
    ]
    assert "egress.private_hosts" in caplog.records[0].getMessage()


async def test_few_hosts_are_remembered(caplog: pytest.LogCaptureFixture) -> None:
    hosts = [f"h{number}.example" for number in range(MOST_HOSTS_LOGGED + 1)]
    guard = Guard([], FakeNames({host: ["10.0.0.1"] for host in hosts}))
    for host in hosts:
        with pytest.raises(NoUsableAddress):
            await addresses(guard, host)
    assert len(guard._logged) == 1
    assert len(caplog.records) == len(hosts)


async def test_without_a_resolver_it_asks_the_system() -> None:
    assert "127.0.0.1" in await addresses(Guard([]), "localhost")
