"""`POST /app/installations/{id}/access_tokens`: an App's signed claims for a token (§1, §2.4).

What GitHub documents: RS256, `iat` not in the future, `exp` at most 600 s away, an hour of life.
The sentences about `exp` and `iat` are those that octokit/auth-app.js looks for; the other
refusals' sentences are as GitHub's REST description has them, or invented.
"""

import re
from datetime import UTC, datetime
from typing import Any

import jwt
import msgspec

from simulator.endpoints.question import Question
from simulator.scenario.accounts import App
from simulator.state.accounts import Holder
from simulator.state.tokens import Minted
from simulator.state.world import World
from simulator.wire.answer import Answer, as_json
from simulator.wire.github_refusals import (
    Refused,
    github_error,
    not_found,
    refusal_of,
    requires_authentication,
)

INSTALLATION_PATH = re.compile(r"/app/installations/([0-9]{1,18})/access_tokens")
LONGEST_CLAIM_SECONDS = 600
LEVELS = ("read", "write", "admin")


def holder_of_installation(world: World, path: str) -> Holder | None:
    """The account that a path's installation is on."""
    match = INSTALLATION_PATH.fullmatch(path)
    return world.accounts.by_installation(int(match[1])) if match else None


def installation(world: World, question: Question) -> Answer:
    """A fresh installation token, or why there is none."""
    if question.secret is None:
        return requires_authentication()
    holder = question.holder
    if holder is None or holder.account.app is None:
        return not_found()
    app = holder.account.app
    refusal = _claims_refusal(question.secret, app, world.clock.stated())
    if refusal is not None:
        return refusal
    world.note_issued(question.secret)
    refusal = refusal_of(holder.account.seat, Refused(holder.account.login, world.clock.now()))
    if refusal is not None:
        return refusal
    if app.suspended:
        return github_error("This installation has been suspended", 403)
    return _limited(world, question, holder, app)


def _claims_refusal(signed: str, app: App, now: float) -> Answer | None:
    """now: what the simulator's clock shows."""
    options: Any = {"verify_exp": False, "verify_iat": False, "require": ["iss", "iat", "exp"]}
    try:
        claims = jwt.decode(signed, app.public_key, algorithms=["RS256"], options=options)
    except jwt.PyJWTError:
        return github_error("A JSON web token could not be decoded", 401)
    if claims["iss"] != app.app_id:
        return github_error("Integration not found", 404)
    times = (claims["iat"], claims["exp"])
    if not all(isinstance(each, int) for each in times):
        return github_error("A JSON web token could not be decoded", 401)
    return _times_refusal(*times, now)


def _times_refusal(issued: int, expires: int, now: float) -> Answer | None:
    if issued > now:
        message = "'Issued at' claim ('iat') must be an Integer representing the time that the "
        return github_error(message + "assertion was issued", 401)
    if expires <= now:
        message = "'Expiration time' claim ('exp') must be a numeric value representing the "
        return github_error(message + "future time at which the assertion expires", 401)
    if expires - now > LONGEST_CLAIM_SECONDS:
        return github_error("'Expiration time' claim ('exp') is too far in the future", 401)
    return None


def _limited(world: World, question: Question, holder: Holder, app: App) -> Answer:
    """A token limited as the body asks; 422 for more than the installation has."""
    try:
        body = msgspec.json.decode(question.request.body or b"{}", type=Wanted)
    except msgspec.DecodeError:
        return github_error("Problems parsing JSON", 400)
    if not set(body.repository_ids) <= set(app.repository_ids):
        message = "There is at least one repository that does not exist or is not accessible to "
        return github_error(message + "the parent installation.", 422)
    if not all(_has(app, name, level) for name, level in body.permissions.items()):
        message = "The permissions requested are not granted to this installation."
        return github_error(message, 422)
    return _minted(world, holder, app, body)


class Wanted(msgspec.Struct, frozen=True):
    """The request's body; what it leaves out is not limited."""

    repository_ids: tuple[int, ...] = ()
    permissions: dict[str, str] = {}


def _has(app: App, name: str, level: str) -> bool:
    granted = app.permissions.get(name)
    return granted is not None and level in LEVELS[: LEVELS.index(granted) + 1]


def _minted(world: World, holder: Holder, app: App, wanted: Wanted) -> Answer:
    true_expiry = world.clock.now() + app.life_seconds
    token = f"ghs_simulated_{world.hex(32)}"
    world.tokens.add(token, Minted(holder.account.login, true_expiry, world.home_of(holder)))
    world.note_issued(token)
    holder.exchanges += 1
    end = datetime.fromtimestamp(world.clock.expires_at(true_expiry), UTC)
    return as_json(
        {
            "token": token,
            "expires_at": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "permissions": wanted.permissions or app.permissions,
            "repository_selection": "selected" if wanted.repository_ids else "all",
        },
        201,
    )
