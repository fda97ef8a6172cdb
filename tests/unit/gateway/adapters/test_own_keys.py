"""Accounts with an API key of their own, and those of the broker."""

import pytest

from gateway.adapters.own_keys import OwnKeys
from gateway.domain.groups import GroupAccount
from tests.fakes.gateway_ports import FakeTokens

pytestmark = pytest.mark.anyio
AZURE = GroupAccount("azure", platform="openai", base_url="https://azure/v1/", api_key="its-key")
SEAT = GroupAccount("seat-1")


async def test_an_account_with_a_key_needs_no_broker() -> None:
    broker = FakeTokens("https://copilot", newer="newer")
    tokens = OwnKeys(broker, {"azure": AZURE, "seat-1": SEAT})
    token = await tokens.get("azure")
    assert (token.value, token.api_base_url) == ("its-key", "https://azure/v1")
    assert await tokens.invalidate("azure", "") is None
    assert broker.asked == []
    assert broker.refused == []


async def test_all_others_are_the_brokers() -> None:
    broker = FakeTokens("https://copilot", newer="newer")
    tokens = OwnKeys(broker, {"azure": AZURE, "seat-1": SEAT})
    assert (await tokens.get("seat-1")).value == "the-token"
    newer = await tokens.invalidate("seat-1", "the-token")
    assert newer is not None
    assert newer.value == "newer"


async def test_other_accounts_take_their_place() -> None:
    broker = FakeTokens("https://copilot")
    tokens = OwnKeys(broker, {"azure": AZURE})
    tokens.replace({"seat-1": SEAT})
    assert (await tokens.get("azure")).value == "the-token"


async def test_a_key_is_not_shown() -> None:
    tokens = OwnKeys(FakeTokens("https://copilot"), {"azure": AZURE})
    assert "its-key" not in repr(await tokens.get("azure")) + repr(AZURE)
