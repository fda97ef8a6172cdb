"""How addresses are written and which of them only this machine can reach."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.listening import Address, is_loopback, parse_address, taken


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:50051", Address("127.0.0.1", 50051)),
        ("[::1]:1", Address("::1", 1)),
        ("localhost:0", Address("localhost", 0)),
        ("0.0.0.0:65535", Address("0.0.0.0", 65535)),  # noqa: S104  nothing listens here
    ],
)
def test_an_address_is_read_and_written_alike(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", "127.0.0.1", ":80", "a:", "a:x", "a:-1", "a:65536", "a: 80", "a:²", "a:٣"]
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="must be host:port, such as"):
        parse_address(text)


class NotAnAddress(Exception):
    """The one sentence `parse_address` may refuse with."""


def read(text: str) -> Address:
    try:
        return parse_address(text)
    except ValueError as error:
        if str(error).startswith("must be host:port"):
            raise NotAnAddress from None
        raise


@given(st.text() | st.from_regex(r"[^:]+:\d+"))
def test_no_text_fails_in_another_way(text: str) -> None:
    with contextlib.suppress(NotAnAddress):
        assert 0 <= read(text).port <= 65535


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_hosts(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.com", "", "127.1.example"])  # noqa: S104
def test_every_other_host_counts_as_reachable_from_outside(host: str) -> None:
    """A name that only happens to mean loopback today may mean something else tomorrow."""
    assert not is_loopback(host)


def test_a_taken_address_names_the_setting_the_address_and_a_way_out() -> None:
    text = str(taken("listen.port", Address("::1", 80), "Address already in use"))
    assert text == (
        "listen.port: cannot listen on [::1]:80: Address already in use; "
        "stop what holds the port or set another one"
    )
