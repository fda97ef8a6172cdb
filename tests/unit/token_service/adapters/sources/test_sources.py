"""One source per strategy, chosen by configuration and credential."""

import json

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.github import FakeGitHub
from token_service.adapters.sources.chosen import ChosenSource
from token_service.adapters.sources.exchange import ExchangeSource
from token_service.adapters.sources.ready_made import DirectSource, StaticSource
from token_service.domain.answers import Answer
from token_service.domain.credentials import Choice, Strategy
from token_service.domain.errors import CredentialKindUnsupported, CredentialRejected
from token_service.domain.hosts import Site
from token_service.domain.identity import ClientIdentity
from token_service.domain.tokens import Account, AccountId

pytestmark = pytest.mark.anyio

IDENTITY = ClientIdentity(product="copilot-gateway/1", api_version="2025-04-01")
BODY = json.dumps({"token": "tid=1:ff", "expires_at": 1, "refresh_in": 1500}).encode()


def account(choice: Choice, site: Site | None = None) -> Account:
    return Account(AccountId("a"), choice, site or Site("https://api.github.com"))


def source(credential: str, github: FakeGitHub) -> ChosenSource:
    clock = FakeClock()
    return ChosenSource(
        {AccountId("a"): credential},
        {
            Strategy.EXCHANGE: ExchangeSource(github, IDENTITY, clock),
            Strategy.DIRECT: DirectSource(IDENTITY, clock),
            Strategy.STATIC: StaticSource(IDENTITY, clock),
        },
    )


async def test_auto_exchanges_at_the_accounts_github() -> None:
    github = FakeGitHub(Answer(200, {}, BODY))
    site = Site("https://api.acme.ghe.com", tenant="acme")
    grant = await source("ghu_test", github).obtain(account(Choice.AUTO, site))

    ((url, headers),) = github.gets
    assert url == "https://api.acme.ghe.com/copilot_internal/v2/token"
    assert headers["Authorization"] == "token ghu_test"
    assert grant.value == "tid=1:ff"
    assert "Authorization" not in grant.headers


async def test_direct_asks_nobody() -> None:
    github = FakeGitHub()
    grant = await source("gho_test", github).obtain(account(Choice.DIRECT))

    assert grant.value == "gho_test"
    assert github.gets == []


async def test_static_asks_nobody() -> None:
    github = FakeGitHub()
    grant = await source("tid=1:f", github).obtain(account(Choice.STATIC))

    assert grant.value == "tid=1:f"
    assert github.gets == []


async def test_a_classic_pat_is_never_sent() -> None:
    github = FakeGitHub()
    with pytest.raises(CredentialKindUnsupported):
        await source("ghp_test", github).obtain(account(Choice.AUTO))

    assert github.gets == []


async def test_replaced_credentials_take_effect_with_the_next_token() -> None:
    chosen = source("gho_one", FakeGitHub())
    first = await chosen.obtain(account(Choice.DIRECT))
    chosen.replace({AccountId("a"): "gho_two"})
    second = await chosen.obtain(account(Choice.DIRECT))

    assert (first.value, second.value) == ("gho_one", "gho_two")


async def test_an_account_removed_meanwhile_gets_none() -> None:
    chosen = source("gho_one", FakeGitHub())
    chosen.replace({})
    with pytest.raises(CredentialRejected):
        await chosen.obtain(account(Choice.DIRECT))
