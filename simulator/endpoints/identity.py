"""Who presents what: the authorization of a request, and the gate before the inference API.

Nothing here issues anything; exchange.py does.
"""

from simulator.endpoints.question import Question
from simulator.state.accounts import Holder
from simulator.state.tokens import Verdict
from simulator.state.world import MAIN, World
from simulator.wire.answer import Answer
from simulator.wire.capi_refusals import (
    API_VERSION_RETIRED,
    APP_WITHOUT_PERMISSION,
    MISDIRECTED,
    MISSING_EDITOR_VERSION,
    NO_AUTHORIZATION,
    PAT_NOT_SUPPORTED,
    PAT_WITHOUT_PERMISSION,
    TOKEN_EXPIRED,
    TOKEN_UNKNOWN,
    UNKNOWN_EDITOR_VERSION,
    Refusal,
)

SCHEMES = frozenset({"bearer", "token"})
CREDENTIAL_PREFIXES = ("gho_", "ghu_", "ghp_", "ghs_", "ghr_", "github_pat_")
CLI_INTEGRATION = "copilot-developer-cli"

REFUSED: dict[Verdict, Refusal] = {
    Verdict.EXPIRED: TOKEN_EXPIRED,
    Verdict.REVOKED: TOKEN_UNKNOWN,
    Verdict.UNKNOWN: TOKEN_UNKNOWN,
}


def presented_secret(authorization: str | None) -> str | None:
    """What stands in an Authorization header after `token` or `Bearer` (§3.1)."""
    if not authorization:
        return None
    scheme, _, secret = authorization.partition(" ")
    return (secret.strip() or None) if scheme.lower() in SCHEMES else None


def holder_of(world: World, secret: str | None) -> Holder | None:
    """The account that a credential or a token belongs to."""
    if secret is None:
        return None
    minted = world.tokens.find(secret)
    if minted is not None:
        return world.accounts.by_login(minted.login)
    return world.accounts.by_credential(secret) if secret.startswith(CREDENTIAL_PREFIXES) else None


def admit(world: World, question: Question) -> Holder | Answer:
    """The account for which the inference API serves this request, or why it does not."""
    version = question.request.headers.get("X-GitHub-Api-Version", "")
    if version in world.scenario.http.retired_api_versions:
        return API_VERSION_RETIRED.answer()
    secret = question.secret
    if secret is None:
        return NO_AUTHORIZATION.answer()
    judge = _admit_directly if secret.startswith(CREDENTIAL_PREFIXES) else _admit_token
    admitted = judge(world, question, secret)
    if isinstance(admitted, Refusal):
        return admitted.answer()
    world.note_issued(secret)
    return admitted


def _admit_directly(world: World, question: Question, secret: str) -> Holder | Refusal:
    """Direct mode (§2.5): no editor headers are asked for; each kind has its own rule (§2.4)."""
    holder = question.holder
    if secret.startswith("ghp_"):
        return PAT_NOT_SUPPORTED
    if holder is None or not holder.account.direct:
        return TOKEN_UNKNOWN
    if world.tokens.find(secret) is not None:
        verdict = world.tokens.judge(secret, world.clock.now())
        if verdict is not Verdict.VALID:
            return REFUSED[verdict]
        if not holder.account.copilot_requests:
            return APP_WITHOUT_PERMISSION
    if secret.startswith("github_pat_"):
        return _fine_grained_refusal(question, holder) or holder
    # The general host takes every account's credential; a plan's host its own (§2.5).
    is_here = question.request.listener in (MAIN, holder.account.plan.value)
    return holder if is_here else MISDIRECTED


def _fine_grained_refusal(question: Question, holder: Holder) -> Refusal | None:
    integration = question.request.headers.get("Copilot-Integration-Id")
    if integration != CLI_INTEGRATION:
        return PAT_NOT_SUPPORTED
    return None if holder.account.copilot_requests else PAT_WITHOUT_PERMISSION


def _admit_token(world: World, question: Question, secret: str) -> Holder | Refusal:
    """Exchange mode: a living token, at its host (§5.1), with an editor's version (§5.3)."""
    verdict = world.tokens.judge(secret, world.clock.now())
    minted, holder = world.tokens.find(secret), question.holder
    if verdict is not Verdict.VALID or minted is None or holder is None:
        return REFUSED.get(verdict, TOKEN_UNKNOWN)
    if not minted.home == world.home_of(holder) == question.request.listener:
        return MISDIRECTED
    refusal = _editor_refusal(question) if world.scenario.http.require_editor_version else None
    return refusal or holder


def _editor_refusal(question: Question) -> Refusal | None:
    """That a version without a slash counts as unknown is our reading of §5.3."""
    editor = question.request.headers.get("Editor-Version")
    if not editor:
        return MISSING_EDITOR_VERSION
    return None if "/" in editor else UNKNOWN_EDITOR_VERSION
