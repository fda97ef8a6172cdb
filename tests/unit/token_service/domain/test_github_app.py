"""What an App claims, and what GitHub's answer to it means (copilot-upstream.md §2.4)."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.domain import github_app
from token_service.domain.answers import Answer
from token_service.domain.credentials import Installation, Strategy
from token_service.domain.errors import HostNotAllowed, Reason, TokenServiceError
from token_service.domain.hosts import Site
from token_service.domain.identity import ClientIdentity

WALL = 1_795_000_000.0
DATE = "Wed, 18 Nov 2026 11:06:40 GMT"
SITE = Site("https://api.github.com")
IDENTITY = ClientIdentity(product="copilot-gateway/1", api_version="2025-04-01")
INSTALLATION = Installation("Iv23abc", 8)


def answer(status: int, body: Any = None, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
    return Answer(status, {"date": DATE, **named}, raw)


def granted(**fields: Any) -> Answer:
    return answer(201, {"token": "ghs_test", "expires_at": "2026-11-18T12:06:40Z", **fields})


@given(st.floats(min_value=0, max_value=4e9))
def test_claims_hold_for_clocks_a_minute_apart(wall: float) -> None:
    """GitHub refuses what was issued in its future, has ended, or ends over 600 s from now."""
    claims = github_app.claims(INSTALLATION, wall)

    assert claims["iss"] == "Iv23abc"
    for theirs in (wall - 59, wall, wall + 59):
        assert claims["iat"] <= theirs < claims["exp"] <= theirs + 600


def test_a_token_is_made_where_the_account_lives() -> None:
    tenant = Site("https://api.acme.ghe.com", tenant="acme")

    assert github_app.url(SITE, INSTALLATION) == (
        "https://api.github.com/app/installations/8/access_tokens"
    )
    assert github_app.url(tenant, INSTALLATION).startswith("https://api.acme.ghe.com/app/")
    grant = github_app.judge(granted(), tenant, IDENTITY)
    assert grant.api_base_url == "https://copilot-api.acme.ghe.com"


def test_the_request_limits_what_is_configured_and_nothing_else() -> None:
    """The documents disagree about the permission's name: by default none is named."""
    limited = Installation("7", 8, (1, 2), {"organization_copilot_requests": "read"})

    assert github_app.request_body(INSTALLATION) == {}
    assert github_app.request_body(limited) == {
        "repository_ids": [1, 2],
        "permissions": {"organization_copilot_requests": "read"},
    }


def test_a_grant_is_the_token_itself_for_as_long_as_github_says() -> None:
    grant = github_app.judge(granted(), SITE, IDENTITY)

    assert (grant.value, grant.strategy) == ("ghs_test", Strategy.GITHUB_APP)
    assert grant.api_base_url == "https://api.githubcopilot.com"
    assert (grant.life, grant.refresh_in, grant.expires_at) == (3600, None, WALL + 3600)
    assert "Editor-Version" not in grant.headers
    assert "ghs_test" not in repr(grant)


@pytest.mark.parametrize("zone", ["Z", "+00:00", "-00:00"])
def test_the_end_may_be_written_with_any_zone(zone: str) -> None:
    body = granted(expires_at="2026-11-18T12:06:40" + zone)

    assert github_app.judge(body, SITE, IDENTITY).expires_at == WALL + 3600


def test_the_life_is_counted_from_githubs_own_clock() -> None:
    """Design §2: the same life, however far its clock is from ours."""
    ahead = granted(expires_at="2027-01-01T01:00:00Z")
    moved = Answer(201, {"date": "Fri, 01 Jan 2027 00:00:00 GMT"}, ahead.body)

    assert github_app.judge(moved, SITE, IDENTITY).life == 3600


def test_without_a_date_an_hour_is_assumed() -> None:
    assert github_app.judge(Answer(201, {}, granted().body), SITE, IDENTITY).life == 3600


LONG = "ghs_7_" + "e" * 40 + "." + "x" * 500


def test_a_token_may_be_long() -> None:
    """Since 2026 they hold a JWT."""
    assert github_app.judge(granted(token=LONG), SITE, IDENTITY).value == LONG


MEANINGS = [
    (answer(401), Reason.CREDENTIAL_REJECTED, None),
    (answer(403), Reason.NO_COPILOT_ACCESS, None),
    (answer(403, {"message": "API rate limit exceeded"}), Reason.GITHUB_RATE_LIMITED, None),
    (answer(403, retry_after="7"), Reason.GITHUB_RATE_LIMITED, 7),
    (answer(403, x_ratelimit_remaining="0"), Reason.GITHUB_RATE_LIMITED, None),
    (answer(404), Reason.CREDENTIAL_REJECTED, None),
    (answer(422), Reason.NO_COPILOT_ACCESS, None),
    (answer(429, retry_after="60"), Reason.GITHUB_RATE_LIMITED, 60),
    (answer(302, location="https://evil.example"), Reason.GITHUB_UNAVAILABLE, None),
    (answer(500), Reason.GITHUB_UNAVAILABLE, None),
    (answer(503, retry_after="9"), Reason.GITHUB_UNAVAILABLE, 9),
    (answer(504, b"<html>"), Reason.GITHUB_UNAVAILABLE, None),
    (answer(201), Reason.GITHUB_UNAVAILABLE, None),
    (answer(201, b"garbage"), Reason.GITHUB_UNAVAILABLE, None),
    (answer(200, b"[]"), Reason.GITHUB_UNAVAILABLE, None),
    (granted(token="two words"), Reason.GITHUB_UNAVAILABLE, None),
    (granted(token=1), Reason.GITHUB_UNAVAILABLE, None),
    (granted(expires_at=None), Reason.GITHUB_UNAVAILABLE, None),
    (granted(expires_at="2026-11-18T12:06:40"), Reason.GITHUB_UNAVAILABLE, None),
    (granted(expires_at="2026-11-18T11:06:40Z"), Reason.GITHUB_UNAVAILABLE, None),
    (granted(expires_at="2026-11-20T11:06:40Z"), Reason.GITHUB_UNAVAILABLE, None),
    (granted(expires_at="0001-01-01T00:00:00+14:00"), Reason.GITHUB_UNAVAILABLE, None),
]


@pytest.mark.parametrize(("given", "reason", "retry"), MEANINGS)
def test_what_an_answer_means(given: Answer, reason: Reason, retry: float | None) -> None:
    with pytest.raises(TokenServiceError) as raised:
        github_app.judge(given, SITE, IDENTITY)

    assert (raised.value.reason, raised.value.retry_after) == (reason, retry)


@pytest.mark.parametrize("status", [401, 403, 404, 422, 500, 302])
def test_no_text_of_githubs_is_repeated(status: int) -> None:
    """It may quote the claims it was sent."""
    with pytest.raises(TokenServiceError) as raised:
        github_app.judge(answer(status, {"message": "secret"}), SITE, IDENTITY)

    assert "secret" not in raised.value.message + raised.value.detail


def test_an_override_of_the_host_is_checked() -> None:
    with pytest.raises(HostNotAllowed):
        github_app.judge(granted(), Site("", base_url="https://evil.example"), IDENTITY)


@pytest.mark.parametrize(
    ("given", "wall", "error"),
    [
        (answer(401), WALL - 3600, 3600),
        (answer(401), WALL + 3600, -3600),
        (answer(401), WALL - 30, None),
        (answer(404), WALL - 3600, None),
        (Answer(401), WALL - 3600, None),
    ],
)
def test_a_refusal_may_be_about_the_clock(given: Answer, wall: float, error: float | None) -> None:
    assert github_app.clock_error(given, wall) == error
