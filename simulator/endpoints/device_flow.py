"""The device flow (§2.2): codes for a person, then polling until the person has decided.

Errors come with status 200. Texts of `error_description` are invented.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec

from simulator.endpoints.question import Question, Request
from simulator.state.grants import Grant, Poll
from simulator.state.world import World
from simulator.wire.answer import Answer, as_json, as_text
from simulator.wire.github_refusals import not_found

FORM = "application/x-www-form-urlencoded; charset=utf-8"
GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
DOCS = "https://docs.github.com/apps/oauth-apps/troubleshooting-oauth-app-access-token-errors"
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"

DESCRIPTIONS: dict[str, str] = {
    Poll.PENDING: "The authorization request is still pending.",
    Poll.SLOW_DOWN: "Too many requests have been made in the same timeframe.",
    Poll.EXPIRED: "The device code has expired.",
    Poll.DENIED: "The authorization request was denied.",
    Poll.UNKNOWN: "The device code provided is not valid.",
    "incorrect_client_credentials": "The client id is not known.",
    "unsupported_grant_type": "The grant type is not supported.",
    "device_flow_disabled": "The device flow is disabled for this app.",
}


def device_code(world: World, question: Question) -> Answer:
    """`POST /login/device/code`. What an unknown client id is answered is invented: a 404."""
    request = question.request
    knobs = world.scenario.device
    fields = _fields(request)
    client_id = str(fields.get("client_id", ""))
    if not client_id or (knobs.client_ids and client_id not in knobs.client_ids):
        return not_found()
    if not knobs.enabled:
        return _error(request, "device_flow_disabled")
    grant = world.grants.open(world.hex(40), _user_code(world), client_id, world.clock.now())
    world.note_issued(grant.device_code)
    return _encoded(
        request,
        {
            "device_code": grant.device_code,
            "user_code": grant.user_code,
            "verification_uri": f"{request.base_url}/login/device",
            "expires_in": knobs.expires_in_seconds,
            "interval": knobs.interval_seconds,
        },
    )


def access_token(world: World, question: Question) -> Answer:
    """`POST /login/oauth/access_token`: one poll."""
    request = question.request
    fields = _fields(request)
    client_id = str(fields.get("client_id", ""))
    known = world.scenario.device.client_ids
    if not client_id or (known and client_id not in known):
        return _error(request, "incorrect_client_credentials")
    if fields.get("grant_type") != GRANT_TYPE:
        return _error(request, "unsupported_grant_type")
    poll, grant = world.grants.poll(
        str(fields.get("device_code", "")), client_id, world.clock.now()
    )
    if poll is Poll.SLOW_DOWN and grant is not None:
        return _error(request, poll, interval=grant.interval)
    if poll is not Poll.GRANTED or grant is None:
        return _error(request, poll)
    return _granted(world, request, grant)


def device_page(world: World, question: Question) -> Answer:
    """`GET /login/device`: tells a person how to decide; the real page is not imitated."""
    base = question.request.base_url
    return as_text(
        "This is copilot-simulator, not GitHub. To decide about a user code:\n\n"
        f"  curl -X POST {base}/_simulator/device/USER-CODE/grant\n"
        f"  curl -X POST {base}/_simulator/device/USER-CODE/deny\n",
        200,
    )


def _granted(world: World, request: Request, grant: Grant) -> Answer:
    """Which kind of credential an app issues follows from its client id (§2.1)."""
    kind = "ghu_" if grant.client_id.startswith("Iv") else "gho_"
    credential = f"{kind}simulated_{grant.account}_{world.hex(8)}"
    world.accounts.grant(grant.account, credential)
    world.note_issued(credential)
    return _encoded(request, {"access_token": credential, "token_type": "bearer", "scope": ""})


def _user_code(world: World) -> str:
    letters = "".join(world.random.choice(LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def _fields(request: Request) -> Mapping[str, Any]:
    """The body's fields, sent as JSON or as a form."""
    if "json" in request.headers.get("Content-Type", ""):
        try:
            fields = msgspec.json.decode(request.body)
        except msgspec.DecodeError:
            return {}
        return fields if isinstance(fields, dict) else {}
    return dict(parse_qsl(request.body.decode("utf-8", "replace")))


def _error(request: Request, code: str, **more: Any) -> Answer:
    fields = {"error": code, "error_description": DESCRIPTIONS[code], "error_uri": DOCS}
    return _encoded(request, {**fields, **more})


def _encoded(request: Request, fields: dict[str, Any]) -> Answer:
    """JSON for those who ask for it, else a form."""
    if "json" in request.headers.get("Accept", ""):
        return as_json(fields)
    return as_text(urlencode(fields), 200, FORM)
