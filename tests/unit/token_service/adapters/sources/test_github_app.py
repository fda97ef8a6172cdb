"""The App's claims signed, sent, and sent once more where only the clocks differ."""

import json
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import jwt
import pytest

from tests.fakes.app_key import app_key, unfit_key
from tests.fakes.clock import FakeClock
from tests.fakes.github import FakeGitHub
from token_service.adapters.sources.github_app import GitHubAppSource
from token_service.domain.answers import Answer
from token_service.domain.credentials import Choice, Installation, Strategy
from token_service.domain.errors import CredentialRejected
from token_service.domain.hosts import Site
from token_service.domain.identity import ClientIdentity
from token_service.domain.tokens import Account, AccountId

pytestmark = pytest.mark.anyio

IDENTITY = ClientIdentity(product="copilot-gateway/1", api_version="2025-04-01")
INSTALLATION = Installation("7", 8, (9,))
ACCOUNT = Account(AccountId("a"), Choice.GITHUB_APP, Site("https://api.github.com"), INSTALLATION)


def answer(status: int, wall: float, **body: Any) -> Answer:
    date = format_datetime(datetime.fromtimestamp(wall, UTC), usegmt=True)
    return Answer(status, {"date": date}, json.dumps(body).encode())


def granted(wall: float) -> Answer:
    end = datetime.fromtimestamp(wall + 3600, UTC).isoformat()
    return answer(201, wall, token="ghs_test", expires_at=end)


def claims_in(headers: dict[str, str]) -> dict[str, Any]:
    scheme, _, signed = headers["Authorization"].partition(" ")
    assert scheme == "Bearer"
    options: Any = {"verify_exp": False, "verify_iat": False}
    found: dict[str, Any] = jwt.decode(
        signed, app_key().public, algorithms=["RS256"], options=options
    )
    return found


async def test_the_claims_are_signed_with_the_apps_key() -> None:
    clock = FakeClock()
    github = FakeGitHub(granted(clock.now()))
    grant = await GitHubAppSource(github, IDENTITY, clock).obtain(ACCOUNT, app_key().private)

    ((url, headers, body),) = github.json_posts
    assert url == "https://api.github.com/app/installations/8/access_tokens"
    assert body == {"repository_ids": [9]}
    now = int(clock.now())
    assert claims_in(headers) == {"iss": "7", "iat": now - 60, "exp": now + 480}
    assert (grant.value, grant.strategy, grant.life) == ("ghs_test", Strategy.GITHUB_APP, 3600)


@pytest.mark.parametrize("hours", [1, -1])
async def test_clocks_an_hour_apart_cost_one_request_once(hours: int) -> None:
    """The claims hold times; GitHub's Date says what its clock shows."""
    clock = FakeClock()
    theirs = clock.now() + hours * 3600
    github = FakeGitHub(answer(401, theirs), granted(theirs), granted(theirs))
    source = GitHubAppSource(github, IDENTITY, clock)

    for _ in range(2):
        assert (await source.obtain(ACCOUNT, app_key().private)).life == 3600
    assert [claims_in(headers)["iat"] for _, headers, _ in github.json_posts] == [
        int(clock.now()) - 60,
        int(theirs) - 60,
        int(theirs) - 60,
    ]


async def test_a_refusal_with_agreeing_clocks_is_final() -> None:
    clock = FakeClock()
    github = FakeGitHub(answer(401, clock.now()))
    with pytest.raises(CredentialRejected):
        await GitHubAppSource(github, IDENTITY, clock).obtain(ACCOUNT, app_key().private)

    assert len(github.json_posts) == 1


async def test_a_refusal_with_other_clocks_is_tried_again_once() -> None:
    clock = FakeClock()
    refusal = answer(401, clock.now() + 3600)
    github = FakeGitHub(refusal, refusal)
    with pytest.raises(CredentialRejected):
        await GitHubAppSource(github, IDENTITY, clock).obtain(ACCOUNT, app_key().private)

    assert github.script == type(github.script)()


@pytest.mark.parametrize(
    "key", ["secret", "-----BEGIN RSA PRIVATE KEY-----\nsecret", unfit_key("elliptic").decode()]
)
async def test_a_key_that_cannot_sign_is_for_the_operator_to_mend(key: str) -> None:
    github = FakeGitHub()
    with pytest.raises(CredentialRejected) as raised:
        await GitHubAppSource(github, IDENTITY, FakeClock()).obtain(ACCOUNT, key)

    assert "secret" not in raised.value.message + raised.value.detail
    assert github.json_posts == []
