"""What GitHub's answer to an exchange means (copilot-upstream.md §3.2 to §3.4)."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.domain.answers import Answer
from token_service.domain.credentials import Strategy
from token_service.domain.errors import (
    CredentialKindUnsupported,
    CredentialRejected,
    GitHubRateLimited,
    GitHubUnavailable,
    HostNotAllowed,
    NoCopilotAccess,
    TokenServiceError,
)
from token_service.domain.exchange import judge
from token_service.domain.hosts import Site
from token_service.domain.tokens import Grant

DATE = "Sun, 22 Nov 2026 13:00:00 GMT"
AT = 1795352400
SITE = Site("https://api.github.com")
TOKEN = "tid=1;exp=1795354200;sku=from_token;proxy-ep=proxy.business.githubcopilot.com:0f"
GOOD = {
    "token": TOKEN,
    "expires_at": AT + 1800,
    "refresh_in": 1500,
    "sku": "plus_monthly_subscriber_quota",
    "endpoints": {"api": "https://api.individual.githubcopilot.com"},
}
ENVELOPE = {
    "message": "Resource not accessible by integration",
    "error_details": {"message": "No access to Copilot found.", "notification_id": "spammy_user"},
}


def answer(status: int = 200, body: dict[str, Any] | bytes | None = None, **headers: str) -> Answer:
    raw = body if isinstance(body, bytes) else json.dumps(GOOD if body is None else body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"date": DATE, **named}, raw)


def judged(given_answer: Answer, site: Site = SITE) -> Grant:
    return judge(given_answer, site, {"User-Agent": "test"}, wall=float(AT))


def test_a_good_answer_is_a_grant() -> None:
    grant = judged(answer())

    assert grant == Grant(
        value=TOKEN,
        strategy=Strategy.EXCHANGE,
        api_base_url="https://api.individual.githubcopilot.com",
        headers={"User-Agent": "test"},
        life=1800.0,
        refresh_in=1500.0,
        expires_at=AT + 1800.0,
        sku="plus_monthly_subscriber_quota",
    )


@pytest.mark.parametrize("dropped", ["expires_at", "refresh_in", "sku", "endpoints"])
def test_every_other_field_may_be_missing(dropped: str) -> None:
    """First-party clients fall back to the token and its times (§3.2)."""
    body = {name: value for name, value in GOOD.items() if name != dropped}

    assert judged(answer(body=body)).life == 1800


def test_an_end_that_is_null_is_one_that_is_missing() -> None:
    assert judged(answer(body={**GOOD, "expires_at": None, "refresh_in": 600})).life == 900


def test_missing_fields_are_read_from_the_token() -> None:
    body = {"token": TOKEN, "expires_at": AT + 1800, "refresh_in": 1500}
    grant = judged(answer(body=body))

    assert grant.sku == "from_token"
    assert grant.api_base_url == "https://api.business.githubcopilot.com"


def test_githubs_clock_decides_and_not_ours() -> None:
    """Both of GitHub's dates are an hour off; the life is what lies between them."""
    late = "Sun, 22 Nov 2026 14:00:00 GMT"
    body = {**GOOD, "expires_at": AT + 3600 + 1800}

    assert judged(Answer(200, {"date": late}, json.dumps(body).encode())).life == 1800


def test_a_forged_host_is_refused() -> None:
    body = {**GOOD, "endpoints": {"api": "https://evil.example"}}

    with pytest.raises(HostNotAllowed):
        judged(answer(body=body))


UNUSABLE_ENDS: list[Any] = [
    *((AT + 1800) * 1000, 1e20, -1e20, str(AT + 1800), "", True, [AT + 1800], {}, math.nan)
]
ROWS = [
    ("bad credentials", answer(401, {"message": "Bad credentials"}), CredentialRejected),
    ("envelope", answer(403, ENVELOPE), NoCopilotAccess),
    (
        "envelope that used up the limit",
        answer(403, ENVELOPE, x_ratelimit_remaining="0"),
        NoCopilotAccess,
    ),
    (
        "envelope on a fault of GitHub's",
        answer(403, {"error_details": {"notification_id": "server_error"}}),
        GitHubUnavailable,
    ),
    (
        "rate limit by its text",
        answer(403, {"message": "API rate limit exceeded for user ID 12345."}),
        GitHubRateLimited,
    ),
    (
        "rate limit by its header",
        answer(403, {"message": "?"}, x_ratelimit_remaining="0"),
        GitHubRateLimited,
    ),
    (
        "secondary rate limit",
        answer(403, {"message": "You have exceeded a secondary rate limit."}),
        GitHubRateLimited,
    ),
    ("secondary rate limit by header", answer(403, b"", retry_after="60"), GitHubRateLimited),
    (
        "rate limit as bare text",
        answer(403, b"API rate limit exceeded for user ID 1.\n", content_type="text/plain"),
        GitHubRateLimited,
    ),
    (
        "secondary rate limit as bare text",
        answer(403, b"\n Forbidden: you have exceeded a secondary rate limit. Wait a while.\n"),
        GitHubRateLimited,
    ),
    ("other bare text", answer(403, b"Forbidden: no API rate limit is"), CredentialKindUnsupported),
    ("too many requests", answer(429, b"slow down"), GitHubRateLimited),
    (
        "wrong kind",
        answer(403, {"message": "Resource not accessible by personal access token"}),
        CredentialKindUnsupported,
    ),
    (
        "details without an id",
        answer(403, {"message": "Resource not accessible", "error_details": {"message": "m"}}),
        CredentialKindUnsupported,
    ),
    ("not found", answer(404, {"message": "Not Found"}), CredentialKindUnsupported),
    ("page", answer(500, b"<html>Unicorn</html>"), GitHubUnavailable),
    ("bad gateway", answer(504, b""), GitHubUnavailable),
    ("bad request", answer(400, b"{}"), GitHubUnavailable),
    ("redirect", answer(302, b"", location="https://evil.example"), GitHubUnavailable),
    ("page with 200", answer(200, b"<html>hello</html>"), GitHubUnavailable),
    ("garbage with 200", answer(200, b"\xff\x00{"), GitHubUnavailable),
    ("no token", answer(200, {"expires_at": 1}), GitHubUnavailable),
    ("token of another type", answer(200, {**GOOD, "token": 5}), GitHubUnavailable),
    ("token with a line end", answer(200, {**GOOD, "token": "a\r\nb"}), GitHubUnavailable),
    ("details with 200", answer(200, {"error_details": {"message": "m"}}), NoCopilotAccess),
    ("expired at once", answer(200, {**GOOD, "expires_at": AT}), GitHubUnavailable),
    *(
        (f"expires at {end!r:.20}", answer(200, {**GOOD, "expires_at": end}), GitHubUnavailable)
        for end in UNUSABLE_ENDS
    ),
    ("a life of years", answer(200, {**GOOD, "expires_at": AT * 2}), GitHubUnavailable),
]


@pytest.mark.parametrize(
    ("given_answer", "error"), [row[1:] for row in ROWS], ids=[r[0] for r in ROWS]
)
def test_refusals(given_answer: Answer, error: type[TokenServiceError]) -> None:
    """A 403 has four meanings; only one of them is a revoked seat (§3.4)."""
    with pytest.raises(error) as raised:
        judged(given_answer)
    assert type(raised.value) is error


def test_a_seat_without_access_says_why() -> None:
    with pytest.raises(NoCopilotAccess) as raised:
        judged(answer(403, ENVELOPE))

    assert raised.value.metadata == {"notification_id": "spammy_user"}
    assert "No access to Copilot found." in raised.value.message


def test_a_strange_notification_id_does_not_become_metadata() -> None:
    details = {"notification_id": "x" * 65 + "\n", "message": "m"}
    with pytest.raises(NoCopilotAccess) as raised:
        judged(answer(200, {"error_details": details}))

    assert raised.value.metadata == {}


def test_not_found_names_the_direct_strategy() -> None:
    with pytest.raises(CredentialKindUnsupported, match="strategy: direct"):
        judged(answer(404, b""))


def test_a_rate_limit_carries_githubs_hint() -> None:
    with pytest.raises(GitHubRateLimited) as raised:
        judged(answer(429, b"", retry_after="33"))

    assert raised.value.retry_after == 33


@given(st.sampled_from([200, 401, 403, 404, 429, 500]), st.text(min_size=8))
def test_no_answer_is_echoed(status: int, text: str) -> None:
    """Of a body only error_details.message may be shown."""
    marked = f"MARK{text}"
    body = {"message": marked, "token": None, "reason": marked, "error_details": {"title": marked}}
    with pytest.raises(TokenServiceError) as raised:
        judged(answer(status, body))

    assert "MARK" not in raised.value.message + raised.value.detail
    assert "MARK" not in repr(raised.value.metadata)


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = scalars | st.dictionaries(st.text(max_size=5), scalars, max_size=3) | st.lists(scalars)


@given(
    st.integers(min_value=100, max_value=599),
    st.dictionaries(
        st.sampled_from(
            ["token", "expires_at", "refresh_in", "sku", "endpoints", "message", "error_details"]
        ),
        values,
    ),
)
def test_no_json_breaks_the_judgement(status: int, body: dict[str, Any]) -> None:
    """Any object gives a grant or one of our errors."""
    try:
        grant = judged(answer(status, body))
    except TokenServiceError:
        return
    assert status == 200
    assert 0 < grant.life <= 86400
