"""Asking for quotas: with which headers, for which accounts."""

import pytest

from tests.fakes.github import FakeGitHub
from token_service.adapters.sources.quotas import GitHubQuotas
from token_service.domain.answers import Answer
from token_service.domain.credentials import Choice
from token_service.domain.errors import GitHubUnavailable
from token_service.domain.hosts import Site
from token_service.domain.identity import ClientIdentity, exchange_request_headers
from token_service.domain.quotas import Allowance, Miss, Outcome
from token_service.domain.tokens import Account, AccountId

pytestmark = pytest.mark.anyio

IDENTITY = ClientIdentity(product="copilot-gateway/test", api_version="2025-04-01")
SEAT = AccountId("seat-1")
GOOD = Answer(200, {}, b'{"quota_snapshots": {"chat": {"unlimited": true}}}')


def account(choice: Choice = Choice.AUTO) -> Account:
    return Account(SEAT, choice, Site("https://api.github.com"))


def source(credential: str, *answers: Answer | Exception) -> tuple[GitHubQuotas, FakeGitHub]:
    github = FakeGitHub(*answers)
    return GitHubQuotas({SEAT: credential}, github, IDENTITY), github


async def test_it_asks_as_the_exchange_does() -> None:
    made, github = source("ghu_a", GOOD)
    assert isinstance(await made.ask(account()), Allowance)
    assert github.gets == [
        (
            "https://api.github.com/copilot_internal/user",
            exchange_request_headers(IDENTITY, "ghu_a"),
        )
    ]


async def test_no_answer_is_a_value() -> None:
    made, _ = source("ghu_a", GitHubUnavailable("down", retry_after=7.0))
    assert await made.ask(account()) == Miss(Outcome.UNAVAILABLE, 7.0)


async def test_a_replaced_credential_is_used() -> None:
    made, github = source("ghu_a", GOOD)
    made.replace({SEAT: "ghu_b"})
    await made.ask(account())
    assert github.gets[0][1]["Authorization"] == "token ghu_b"


async def test_an_account_that_is_gone_is_not_asked_for() -> None:
    made, github = source("ghu_a")
    made.replace({})
    assert await made.ask(account()) == Miss(Outcome.REFUSED)
    assert not made.covers(account())
    assert github.gets == []


@pytest.mark.parametrize(
    ("credential", "choice", "is_covered"),
    [
        ("ghu_a", Choice.AUTO, True),
        ("gho_a", Choice.EXCHANGE, True),
        ("0123abcd", Choice.AUTO, True),
        ("ghu_a", Choice.DIRECT, False),
        ("tid=a", Choice.STATIC, False),
        ("-----BEGIN", Choice.GITHUB_APP, False),
        ("ghp_a", Choice.AUTO, False),
        ("github_pat_a", Choice.AUTO, False),
    ],
)
def test_only_exchanged_credentials_can_ask(
    credential: str, choice: Choice, is_covered: bool
) -> None:
    made, _ = source(credential)
    assert made.covers(account(choice)) is is_covered
