"""What GitHub's API answers instead of a token (§3.4), as a table from seat state to answer.

Bodies are the reference's; where it records none, the docstring says that the body is
invented.
"""

from collections.abc import Callable
from dataclasses import dataclass

from simulator.scenario.accounts import Seat
from simulator.wire.answer import HTML, Answer, as_json, as_text, hang
from simulator.wire.pages import gateway_timeout_page, unicorn_page

REST_DOCS = "https://docs.github.com/rest"
RATE_DOCS = "https://developer.github.com/rest/overview/rate-limits-for-the-rest-api"
RATE_LIMIT_WINDOW_SECONDS = 60


@dataclass(frozen=True)
class Refused:
    """Who is refused, and when (the simulator's wall time, seconds)."""

    login: str
    now: float


def github_error(message: str, status: int, **headers: str) -> Answer:
    """GitHub's standard error body, as §3.4 shows it for 401."""
    body = {"message": message, "documentation_url": REST_DOCS, "status": str(status)}
    return as_json(body, status, **headers)


def bad_credentials() -> Answer:
    """401: the credential is unknown or revoked."""
    return github_error("Bad credentials", 401)


def requires_authentication() -> Answer:
    """401 without any credential; the body is invented after the one for bad ones."""
    return github_error("Requires authentication", 401)


def not_found() -> Answer:
    """404: this app's tokens may not be exchanged (§2.4), or no such path."""
    return github_error("Not Found", 404)


def wrong_kind(of: str = "integration") -> Answer:
    """403: a kind of credential that is not for the exchange (§2.4)."""
    return github_error(f"Resource not accessible by {of}", 403)


def rate_limited(refused: Refused) -> Answer:
    """403 with no requests left: a rate limit, not a lost seat."""
    body = {
        "message": "API rate limit exceeded for user ID 12345. This limit is simulated.",
        "documentation_url": RATE_DOCS,
        "status": "403",
    }
    return as_json(
        body,
        403,
        x_ratelimit_limit="5000",
        x_ratelimit_remaining="0",
        x_ratelimit_reset=str(int(refused.now) + RATE_LIMIT_WINDOW_SECONDS),
    )


def secondary_limit(status: int) -> Answer:
    """429 or 403 with `retry-after`; the end of the sentence is invented."""
    message = "You have exceeded a secondary rate limit. Please wait before you try again."
    body = {"message": message, "documentation_url": RATE_DOCS, "status": str(status)}
    return as_json(body, status, retry_after=str(RATE_LIMIT_WINDOW_SECONDS))


def no_access(refused: Refused, notification_id: str) -> Answer:
    """The 403 envelope; titles and reasons other than the recorded one are invented."""
    return as_json(
        {
            "can_signup_for_limited": False,
            "reason": f"simulated: {notification_id}",
            "error_details": {
                "url": "https://support.github.com?editor={EDITOR}",
                "message": (
                    "No access to GitHub Copilot found. "
                    f"You are currently logged in as {refused.login}."
                ),
                "title": "Contact Support",
                "notification_id": notification_id,
            },
            "message": "Resource not accessible by integration",
        },
        403,
    )


def garbage() -> Answer:
    """200 that is not JSON; invented."""
    return as_text("<<< simulated garbage: this is not JSON >>>", 200)


def tokenless() -> Answer:
    """200 without a token; what a client shows of it is `error_details.message`."""
    return as_json({"error_details": {"message": "simulated: no token in this answer"}})


OTHER_SEATS: dict[Seat, Callable[[Refused], Answer]] = {
    Seat.BAD_CREDENTIALS: lambda _: bad_credentials(),
    Seat.RATE_LIMITED: rate_limited,
    Seat.SECONDARY_LIMIT: lambda _: secondary_limit(429),
    Seat.SECONDARY_LIMIT_403: lambda _: secondary_limit(403),
    Seat.WRONG_KIND: lambda _: wrong_kind(),
    Seat.NOT_FOUND: lambda _: not_found(),
    Seat.HTTP_500: lambda _: as_text("Internal Server Error\n", 500),
    Seat.HTTP_502: lambda _: as_text("Bad Gateway\n", 502),
    Seat.HTTP_503: lambda _: as_text("Service Unavailable\n", 503),
    Seat.HTTP_504: lambda _: as_text(gateway_timeout_page(), 504, HTML),
    Seat.UNICORN: lambda _: as_text(unicorn_page(), 502, HTML),
    Seat.GARBAGE: lambda _: garbage(),
    Seat.TOKENLESS: lambda _: tokenless(),
    Seat.HANG: lambda _: hang(),
}


def refusal_of(seat: Seat, refused: Refused) -> Answer | None:
    """The answer to an account in this state; None if it gets a token."""
    if seat is Seat.ACTIVE:
        return None
    if seat in OTHER_SEATS:
        return OTHER_SEATS[seat](refused)
    return no_access(refused, seat.value)
