"""The exchange of a GitHub credential for a Copilot token: what GitHub's answer means.

Copies the rows of copilot-upstream.md §3.2 and §3.4. Judges values: sends nothing, waits for
nothing. No text of an answer reaches a message except GitHub's own sentence for the user.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from token_service.domain import token_string
from token_service.domain.answers import Answer, sentence
from token_service.domain.credentials import Strategy
from token_service.domain.errors import (
    CredentialKindUnsupported,
    CredentialRejected,
    GitHubRateLimited,
    GitHubUnavailable,
    NoCopilotAccess,
    TokenServiceError,
)
from token_service.domain.freshness import life_of
from token_service.domain.hosts import Site, api_base_url
from token_service.domain.tokens import Grant

PATH = "/copilot_internal/v2/token"
# The one id of the envelope that says GitHub, not the seat, is at fault (§3.4).
SERVER_ERROR = "server_error"
_NOTIFICATION_ID = re.compile(r"[a-z0-9_]{1,64}")
_TOKEN_TEXT = re.compile(r"[!-~]{1,8192}")


def judge(answer: Answer, site: Site, headers: Mapping[str, str], wall: float) -> Grant:
    """The token an answer grants.

    site: where this account's tokens may go; headers: what goes upstream with the token;
    wall: our clock, for an expiry date when the answer has none. Raises TokenServiceError.
    """
    body = answer.json_object() or {}
    token = body.get("token")
    if answer.status != 200 or not isinstance(token, str) or not _TOKEN_TEXT.fullmatch(token):
        raise _refusal(answer, body)
    refresh_in, expires_at = _seconds(body.get("refresh_in")), _end(body.get("expires_at"))
    life = life_of(expires_at, answer.date(), refresh_in)
    parsed = token_string.fields(token)
    return Grant(
        value=token,
        strategy=Strategy.EXCHANGE,
        api_base_url=api_base_url(site, _named_host(body), parsed.get("proxy-ep")),
        headers=headers,
        life=life,
        refresh_in=refresh_in,
        expires_at=expires_at if expires_at is not None else (answer.date() or wall) + life,
        sku=sentence(body.get("sku")) or sentence(parsed.get("sku")),
    )


def _named_host(body: Mapping[str, Any]) -> str | None:
    endpoints = body.get("endpoints")
    named = endpoints.get("api") if isinstance(endpoints, dict) else None
    return named if isinstance(named, str) and named else None


def _end(value: object) -> float | None:
    """`expires_at`; None when it is not there. Raises GitHubUnavailable for what is no time."""
    seconds = _seconds(value)
    if value is not None and seconds is None:
        raise GitHubUnavailable("GitHub's answer gives its token an end that is no time in seconds")
    return seconds


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -1e12 < value < 1e12:
        return None
    return float(value)


# --- refusals ---------------------------------------------------------------------------------

Body = Mapping[str, Any]


def _refusal(answer: Answer, body: Body) -> TokenServiceError:
    return next(make(answer, body) for applies, make in _REFUSALS if applies(answer, body))


def _details(body: Body) -> Mapping[str, Any]:
    details = body.get("error_details")
    return details if isinstance(details, dict) else {}


def _notification_id(body: Body) -> str:
    value = _details(body).get("notification_id")
    return value if isinstance(value, str) and _NOTIFICATION_ID.fullmatch(value) else ""


def _no_access(answer: Answer, body: Body) -> TokenServiceError:
    notification = _notification_id(body)
    said = sentence(_details(body).get("message"))
    return NoCopilotAccess(
        "GitHub gives this account no Copilot token; look at its seat"
        + (f". GitHub says: {said}" if said else ""),
        metadata={"notification_id": notification} if notification else None,
    )


def _rate_limited(answer: Answer, body: Body) -> TokenServiceError:
    return GitHubRateLimited(
        "GitHub limits the rate of token exchanges", retry_after=answer.wait_hint()
    )


def _unavailable(text: str) -> Callable[[Answer, Body], TokenServiceError]:
    def make(answer: Answer, body: Body) -> TokenServiceError:
        return GitHubUnavailable(
            text, retry_after=answer.wait_hint(), detail=f"status {answer.status}"
        )

    return make


def _rejected(answer: Answer, body: Body) -> TokenServiceError:
    return CredentialRejected(
        "GitHub refuses the credential (401): it was revoked, has expired or is not complete; "
        "sign in again and replace it"
    )


def _wrong_kind(answer: Answer, body: Body) -> TokenServiceError:
    return CredentialKindUnsupported(
        f"GitHub does not exchange this credential ({answer.status}): only those of an editor's "
        "sign-in can be; use such a one, or set `strategy: direct` for this account if upstream "
        "takes the credential itself"
    )


# Read from the top; the first that applies is the meaning. A 403 has four (§3.4), and a seat
# whose envelope also counts down a rate limit is still a seat without access.
_REFUSALS: tuple[
    tuple[
        Callable[[Answer, Body], bool],
        Callable[[Answer, Body], TokenServiceError],
    ],
    ...,
] = (
    (lambda a, b: a.status == 401, _rejected),
    (lambda a, b: a.status == 429, _rate_limited),
    (lambda a, b: a.status == 403 and a.says_rate_limit(), _rate_limited),
    (
        lambda a, b: a.status in (200, 403) and _notification_id(b) == SERVER_ERROR,
        _unavailable("GitHub reports a fault of its own"),
    ),
    (lambda a, b: a.status == 403 and bool(_notification_id(b)), _no_access),
    (lambda a, b: a.status == 403 and a.hints_rate_limit(), _rate_limited),
    (lambda a, b: a.status in (403, 404), _wrong_kind),
    (lambda a, b: a.status == 200 and bool(_details(b)), _no_access),
    (lambda a, b: a.status == 200, _unavailable("GitHub's answer holds no token")),
    (
        lambda a, b: 300 <= a.status < 400,
        _unavailable("GitHub answered with a redirect, which is not followed; see github.api_url"),
    ),
    (lambda a, b: True, _unavailable("GitHub cannot be used for exchanges at the moment")),
)
