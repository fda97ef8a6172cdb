"""What kind of credential this is, and which strategy can use it (copilot-upstream.md §2.4).

Decides from the prefix alone; whether GitHub accepts the credential is for GitHub to say.
No function here puts any part of a credential into a result or an error.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

from token_service.domain.errors import CredentialKindUnsupported


class CredentialKind(StrEnum):
    """GitHub's kinds by their prefix; the values are what logs and summaries say."""

    USER_TO_SERVER = "ghu_"
    OAUTH = "gho_"
    CLASSIC_PAT = "ghp_"
    FINE_GRAINED_PAT = "github_pat_"
    INSTALLATION = "ghs_"
    UNKNOWN = "unknown"


class Strategy(StrEnum):
    """How an account's tokens are obtained."""

    EXCHANGE = "exchange"
    DIRECT = "direct"
    GITHUB_APP = "github_app"
    STATIC = "static"


class Choice(StrEnum):
    """What the configuration may ask for."""

    AUTO = "auto"
    EXCHANGE = "exchange"
    DIRECT = "direct"
    GITHUB_APP = "github_app"
    STATIC = "static"


@dataclass(frozen=True)
class Installation:
    """A GitHub App where it is installed, and what its tokens are to be limited to.

    app_id           the App's id or client id
    repository_ids   empty: all that the installation reaches
    permissions      name → read, write or admin; empty: all that the installation has
    """

    app_id: str
    installation_id: int
    repository_ids: tuple[int, ...] = ()
    permissions: Mapping[str, str] = field(default_factory=dict)


CLASSIC_PAT_REFUSED = (
    "classic personal access tokens (ghp_) are refused by Copilot; use the token of an editor "
    "sign-in (ghu_), or with `strategy: direct` an OAuth token (gho_) or a fine-grained "
    "personal access token (github_pat_) with the permission Copilot Requests"
)
FINE_GRAINED_NEEDS_DIRECT = (
    "fine-grained personal access tokens (github_pat_) cannot be exchanged; set "
    "`strategy: direct` for this account, and client_identity.integration_id to the "
    "integration that the token is meant for"
)
INSTALLATION_NEEDS_APP = (
    "installation tokens (ghs_) end after an hour and are made by a GitHub App: set "
    "`strategy: github_app` and give this account the App itself, not one of its tokens"
)
APP_TAKES_A_KEY = (
    "`strategy: github_app` takes the App's private key, and this is a GitHub token; "
    "set `strategy: auto`"
)
STATIC_TAKES_COPILOT_TOKENS = (
    "`strategy: static` takes a ready-made Copilot token, and this is a GitHub credential; "
    "set `strategy: auto`"
)

_EXCHANGING: dict[CredentialKind, Strategy | str] = {
    CredentialKind.USER_TO_SERVER: Strategy.EXCHANGE,
    # Only an editor app's gho_ can be exchanged; GitHub answers 404 to the others (§2.4).
    CredentialKind.OAUTH: Strategy.EXCHANGE,
    CredentialKind.CLASSIC_PAT: CLASSIC_PAT_REFUSED,
    CredentialKind.FINE_GRAINED_PAT: FINE_GRAINED_NEEDS_DIRECT,
    CredentialKind.INSTALLATION: INSTALLATION_NEEDS_APP,
    # Old OAuth tokens are 40 hexadecimal digits without a prefix.
    CredentialKind.UNKNOWN: Strategy.EXCHANGE,
}

# auto never chooses direct: there the credential itself would be handed out (design §2).
_VERDICTS: dict[Choice, dict[CredentialKind, Strategy | str]] = {
    Choice.AUTO: _EXCHANGING,
    Choice.EXCHANGE: _EXCHANGING,
    Choice.DIRECT: {
        CredentialKind.USER_TO_SERVER: Strategy.DIRECT,
        CredentialKind.OAUTH: Strategy.DIRECT,
        CredentialKind.CLASSIC_PAT: CLASSIC_PAT_REFUSED,
        CredentialKind.FINE_GRAINED_PAT: Strategy.DIRECT,
        CredentialKind.INSTALLATION: INSTALLATION_NEEDS_APP,
        CredentialKind.UNKNOWN: Strategy.DIRECT,
    },
    # A private key in PEM has no prefix of a token's.
    Choice.GITHUB_APP: {
        kind: Strategy.GITHUB_APP if kind is CredentialKind.UNKNOWN else APP_TAKES_A_KEY
        for kind in CredentialKind
    },
    Choice.STATIC: {
        kind: Strategy.STATIC if kind is CredentialKind.UNKNOWN else STATIC_TAKES_COPILOT_TOKENS
        for kind in CredentialKind
    },
}


def classify(credential: str) -> CredentialKind:
    """The credential's kind, from its prefix."""
    for kind in CredentialKind:
        if kind is not CredentialKind.UNKNOWN and credential.startswith(kind.value):
            return kind
    return CredentialKind.UNKNOWN


def choose(choice: Choice, kind: CredentialKind) -> Strategy:
    """The strategy for a credential of this kind. Raises CredentialKindUnsupported."""
    verdict = _VERDICTS[choice][kind]
    if isinstance(verdict, Strategy):
        return verdict
    raise CredentialKindUnsupported(verdict)


def digest(credential: str, installation: Installation | None = None) -> bytes:
    """SHA-256 of a credential and what it is used with: tells that one was replaced.

    Every part is preceded by its length, so that no two lists of parts give the same bytes.
    """
    parts = [credential]
    if installation is not None:
        limits = (installation.repository_ids, sorted(installation.permissions.items()))
        parts += [installation.app_id, str(installation.installation_id), str(limits)]
    framed = (f"{len(part)}:{part}" for part in parts)
    return sha256("".join(framed).encode()).digest()
