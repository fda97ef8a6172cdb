"""GitHub's device flow: what to ask, and what each answer means (copilot-upstream.md §2.2).

Waits for nothing: the interval and the time left are numbers that the caller acts on. GitHub
reports errors of this flow with status 200, so that the body decides, not the status.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from token_service.domain.answers import Answer, sentence

START_PATH = "/login/device/code"
POLL_PATH = "/login/oauth/access_token"
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
# RFC 8628 §3.5, for an answer that names no interval and for a slow_down without a new one.
DEFAULT_INTERVAL_SECONDS = 5.0
SLOW_DOWN_SECONDS = 5.0
# GitHub counts from when it answered; polling a moment early costs a slow_down.
MARGIN_SECONDS = 1.0
LONGEST_INTERVAL_SECONDS = 120.0
LONGEST_LIFE_SECONDS = 3600.0

_REFUSALS: dict[str, str] = {
    "expired_token": "the code has expired before it was entered; start again",
    "access_denied": "the sign-in was refused in the browser",
    "incorrect_client_credentials": "GitHub does not know this client id on this host",
    "incorrect_device_code": "GitHub does not know this sign-in any more; start again",
    "unsupported_grant_type": "GitHub does not offer this way of signing in on this host",
    "device_flow_disabled": "the app behind this client id has the device flow switched off",
    "unauthorized_client": "the app behind this client id may not use the device flow",
    "not_found": "GitHub does not know this client id on this host",
}
_CODE = re.compile(r"[A-Za-z0-9_-]{1,256}")
_ERROR = re.compile(r"[a-z_]{1,64}")
_CREDENTIAL = re.compile(r"[!-~]{1,4096}")


class LoginFailed(Exception):
    """The sign-in cannot come to a good end; the text says why and what to do."""


@dataclass(frozen=True)
class DeviceCode:
    """A sign-in that waits for its user. Seconds for the durations."""

    device_code: str = field(repr=False)
    user_code: str
    verification_uri: str
    expires_in: float
    interval: float


@dataclass(frozen=True)
class Pending:
    """Ask again after `interval` seconds."""

    interval: float


@dataclass(frozen=True)
class Granted:
    """The credential."""

    credential: str = field(repr=False)


def start_fields(client_id: str, scope: str) -> dict[str, str]:
    """The form that starts a sign-in."""
    return {"client_id": client_id, "scope": scope}


def poll_fields(client_id: str, code: DeviceCode) -> dict[str, str]:
    """The form that asks whether the user is done. Holds the device code, which is a secret."""
    return {"client_id": client_id, "device_code": code.device_code, "grant_type": GRANT_TYPE}


def started(answer: Answer) -> DeviceCode:
    """The sign-in that GitHub has opened. Raises LoginFailed."""
    body = answer.json_object() or {}
    if "error" in body or answer.status == 404:
        raise LoginFailed(_refusal(body.get("error", "not_found")))
    device_code, user_code = body.get("device_code"), body.get("user_code")
    uri = body.get("verification_uri")
    if answer.status != 200 or not (_is_code(device_code) and _is_code(user_code)) or not uri:
        raise LoginFailed(f"GitHub did not open a sign-in (status {answer.status}); try later")
    return DeviceCode(
        device_code=str(device_code),
        user_code=str(user_code),
        verification_uri=sentence(uri),
        expires_in=_seconds(body, "expires_in", 900.0, LONGEST_LIFE_SECONDS),
        interval=_interval(body),
    )


def polled(answer: Answer, interval: float) -> Pending | Granted:
    """What GitHub says so far; interval: the one in force. Raises LoginFailed.

    An answer that is no answer (an outage, a page instead of JSON) leaves the sign-in pending.
    """
    body = answer.json_object() or {}
    credential = body.get("access_token")
    if isinstance(credential, str) and _CREDENTIAL.fullmatch(credential):
        return Granted(credential)
    match body.get("error"):
        case None:
            return Pending(max(interval, answer.wait_hint() or 0.0))
        case "authorization_pending":
            return Pending(interval)
        case "slow_down":
            return Pending(_seconds(body, "interval", interval + SLOW_DOWN_SECONDS))
        case error:
            raise LoginFailed(_refusal(error))


def wait_before_poll(interval: float) -> float:
    """Seconds from an answer to the next question."""
    return interval + MARGIN_SECONDS


def _interval(body: Mapping[str, object]) -> float:
    return _seconds(body, "interval", DEFAULT_INTERVAL_SECONDS)


def _seconds(
    body: Mapping[str, object], name: str, default: float, most: float = LONGEST_INTERVAL_SECONDS
) -> float:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        return min(default, most)
    return min(float(value), most)


def _is_code(value: object) -> bool:
    return isinstance(value, str) and bool(_CODE.fullmatch(value))


def _refusal(error: object) -> str:
    name = error if isinstance(error, str) and _ERROR.fullmatch(error) else "an unknown error"
    return _REFUSALS.get(name, f"GitHub refused the sign-in: {name}")
