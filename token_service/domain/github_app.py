"""GitHub App → installation token: the App's claims, the request, what GitHub's answer means.

The sanctioned route to Copilot without a person's seat, billed to the organization that has the
App installed (copilot-upstream.md §1, §2.4; peers.md §0.1). Values in, values out: the claims
are signed and the request is sent by adapters/sources/github_app.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from token_service.domain.answers import Answer
from token_service.domain.credentials import Installation, Strategy
from token_service.domain.errors import (
    CredentialRejected,
    GitHubRateLimited,
    GitHubUnavailable,
    NoCopilotAccess,
    TokenServiceError,
)
from token_service.domain.freshness import LIFE_BEYOND_REFRESH_SECONDS, life_of
from token_service.domain.hosts import Site, api_base_url
from token_service.domain.identity import ClientIdentity, direct_headers
from token_service.domain.tokens import Grant

# GitHub refuses claims that reach more than 600 s beyond its own clock. Backdating them and
# staying under the limit lets two clocks be a minute apart either way (peers.md §0.2).
BACKDATED_SECONDS = 60
CLAIMS_LIFE_SECONDS = 480
# A refusal whose Date is further from our clock than this may be about the clock alone.
CLOCK_TOLERANCE_SECONDS = 30.0
# What is assumed where an answer has no Date: installation tokens live an hour (§2.4).
NOMINAL_LIFE_SECONDS = 3600.0
# Since 2026 they may be some hundred characters long, with a JWT inside.
_TOKEN_TEXT = re.compile(r"[!-~]{1,8192}")


def claims(installation: Installation, wall: float) -> dict[str, Any]:
    """What the App states of itself. wall: GitHub's time as far as we know it, seconds."""
    now = int(wall)
    return {
        "iss": installation.app_id,
        "iat": now - BACKDATED_SECONDS,
        "exp": now + CLAIMS_LIFE_SECONDS,
    }


def url(site: Site, installation: Installation) -> str:
    """Where an installation's tokens are made."""
    return f"{site.api_url}/app/installations/{installation.installation_id}/access_tokens"


def request_headers(signed_claims: str) -> dict[str, str]:
    """The headers of the request. Hold the signed claims, which are a credential."""
    return {"Authorization": f"Bearer {signed_claims}", "Accept": "application/vnd.github+json"}


def request_body(installation: Installation) -> dict[str, Any]:
    """What the token is limited to; what is not limited is left out."""
    wanted = {
        "repository_ids": list(installation.repository_ids),
        "permissions": dict(installation.permissions),
    }
    return {name: value for name, value in wanted.items() if value}


def clock_error(answer: Answer, wall: float) -> float | None:
    """Seconds GitHub's clock is ahead of `wall`, if that may be why it refused the claims."""
    date = answer.date()
    if answer.status != 401 or date is None or abs(date - wall) <= CLOCK_TOLERANCE_SECONDS:
        return None
    return date - wall


def judge(answer: Answer, site: Site, identity: ClientIdentity) -> Grant:
    """The token an answer grants; upstream takes it itself. Raises TokenServiceError."""
    body = answer.json_object() or {}
    token, expires_at = body.get("token"), _moment(body.get("expires_at"))
    if answer.status not in (200, 201) or not isinstance(token, str):
        raise _refusal(answer)
    if not _TOKEN_TEXT.fullmatch(token) or expires_at is None:
        raise GitHubUnavailable("GitHub's answer holds no installation token that can be used")
    life = life_of(expires_at, answer.date(), NOMINAL_LIFE_SECONDS - LIFE_BEYOND_REFRESH_SECONDS)
    return Grant(
        value=token,
        strategy=Strategy.GITHUB_APP,
        api_base_url=api_base_url(site, None, None),
        headers=direct_headers(identity),
        life=life,
        refresh_in=None,
        expires_at=expires_at,
    )


def _moment(value: object) -> float | None:
    """An RFC 3339 time with its zone, as seconds since the epoch."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        return moment.astimezone(UTC).timestamp() if moment and moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


# --- refusals ---------------------------------------------------------------------------------

Make = Callable[[Answer], TokenServiceError]


def _refusal(answer: Answer) -> TokenServiceError:
    return next(make(answer) for applies, make in _REFUSALS if applies(answer))


def _rejected(text: str) -> Make:
    return lambda answer: CredentialRejected(text)


def _no_access(text: str) -> Make:
    return lambda answer: NoCopilotAccess(text)


def _rate_limited(answer: Answer) -> TokenServiceError:
    return GitHubRateLimited(
        "GitHub limits the rate of installation tokens", retry_after=answer.wait_hint()
    )


def _unavailable(text: str) -> Make:
    return lambda answer: GitHubUnavailable(
        text, retry_after=answer.wait_hint(), detail=f"status {answer.status}"
    )


# Read from the top; the first that applies is the meaning. GitHub's own message stays out: it
# may quote what it was sent.
_REFUSALS: tuple[tuple[Callable[[Answer], bool], Make], ...] = (
    (
        lambda a: a.status == 401,
        _rejected("GitHub refuses the App's key (401): it was deleted, or is not this App's"),
    ),
    (lambda a: a.status == 429, _rate_limited),
    (lambda a: a.status == 403 and (a.says_rate_limit() or a.hints_rate_limit()), _rate_limited),
    (
        lambda a: a.status == 403,
        _no_access("GitHub gives this installation no tokens (403): it may be suspended"),
    ),
    (
        lambda a: a.status == 404,
        _rejected("GitHub knows no such installation of this App (404); look at both ids"),
    ),
    (
        lambda a: a.status == 422,
        _no_access("the installation lacks a repository or a permission that is asked for (422)"),
    ),
    (
        lambda a: a.status in (200, 201),
        _unavailable("GitHub's answer holds no installation token"),
    ),
    (
        lambda a: 300 <= a.status < 400,
        _unavailable("GitHub answered with a redirect, which is not followed; see github.api_url"),
    ),
    (lambda a: True, _unavailable("GitHub cannot be used for installation tokens at the moment")),
)
