"""Where the gateway is reached, and through whom."""

import pytest
from pydantic import ValidationError

from gateway.settings.listener import Listen


def test_proxies_are_addresses_and_networks() -> None:
    texts = ("10.0.0.0/8", "192.0.2.7", "2001:db8::/32")
    assert Listen(trusted_proxies=texts).trusted_proxies == texts


@pytest.mark.parametrize("text", ["proxy.internal", "10.0.0.1/8", "*", ""])
def test_anything_else_is_refused_with_what_it_must_be(text: str) -> None:
    with pytest.raises(ValidationError, match="must be an address or a network"):
        Listen(trusted_proxies=(text,))
