"""Tokens that need no exchange."""

import pytest

from token_service.domain.credentials import Strategy
from token_service.domain.errors import CredentialRejected, HostNotAllowed
from token_service.domain.hosts import Site
from token_service.domain.identity import ClientIdentity
from token_service.domain.ready_made import direct, static

IDENTITY = ClientIdentity(product="copilot-gateway/1", api_version="2025-04-01")
SITE = Site("https://api.github.com")
WALL = 1000.0


def test_direct_gives_the_credential_itself() -> None:
    grant = direct("gho_test", SITE, IDENTITY, WALL)

    assert (grant.value, grant.strategy) == ("gho_test", Strategy.DIRECT)
    assert (grant.life, grant.expires_at) == (3600.0, 4600.0)
    assert grant.api_base_url == "https://api.githubcopilot.com"
    assert "Editor-Version" not in grant.headers


def test_direct_goes_to_the_accounts_own_host() -> None:
    tenant = Site("https://api.acme.ghe.com", tenant="acme")

    assert direct("gho_test", tenant, IDENTITY, WALL).api_base_url == (
        "https://copilot-api.acme.ghe.com"
    )


def test_direct_sends_a_credential_to_no_other_host() -> None:
    with pytest.raises(HostNotAllowed):
        direct("gho_test", Site("", base_url="https://evil.example"), IDENTITY, WALL)


@pytest.mark.parametrize(
    ("token", "life"),
    [("tid=1;exp=2800:ff", 1800.0), ("opaque", 3600.0), ("exp=999999999999:ff", 86400.0)],
)
def test_static_lives_until_the_tokens_own_end(token: str, life: float) -> None:
    grant = static(token, SITE, IDENTITY, WALL)

    assert (grant.strategy, grant.life) == (Strategy.STATIC, life)


def test_static_reads_host_and_plan_from_the_token() -> None:
    token = "tid=1;sku=plus;proxy-ep=proxy.business.githubcopilot.com:ff"
    grant = static(token, SITE, IDENTITY, WALL)

    assert (grant.sku, grant.api_base_url) == ("plus", "https://api.business.githubcopilot.com")


def test_an_expired_static_token_is_refused() -> None:
    with pytest.raises(CredentialRejected, match="expired"):
        static("tid=1;exp=1000:ff", SITE, IDENTITY, WALL)
