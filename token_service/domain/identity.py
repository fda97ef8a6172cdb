"""Which headers say who is asking: to GitHub for a token, and upstream with the token.

A truthful identity is the default; every other is the operator's to configure, and none that
belongs to somebody else is shipped (copilot-upstream.md §1).
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ClientIdentity:
    """The configured identity; None where the operator left it to us."""

    product: str
    api_version: str
    user_agent: str | None = None
    editor_version: str | None = None
    editor_plugin_version: str | None = None
    integration_id: str | None = None


def exchange_request_headers(identity: ClientIdentity, credential: str) -> dict[str, str]:
    """The headers of the exchange (copilot-upstream.md §3.1). Holds the credential."""
    return {
        "Authorization": f"token {credential}",
        "Accept": "application/json",
        **editor_headers(identity),
    }


def editor_headers(identity: ClientIdentity) -> dict[str, str]:
    """What upstream wants beside an exchanged token; 400 without Editor-Version (§5.3)."""
    return _present(
        {
            "User-Agent": identity.user_agent or identity.product,
            "Editor-Version": identity.editor_version or identity.product,
            "Editor-Plugin-Version": identity.editor_plugin_version or identity.product,
            "X-GitHub-Api-Version": identity.api_version,
            "Copilot-Integration-Id": identity.integration_id,
        }
    )


def direct_headers(identity: ClientIdentity) -> dict[str, str]:
    """What goes with a credential that upstream takes itself: no editor unless asked for (§2.5)."""
    return _present(
        {
            "User-Agent": identity.user_agent or identity.product,
            "Editor-Version": identity.editor_version,
            "Editor-Plugin-Version": identity.editor_plugin_version,
            "X-GitHub-Api-Version": identity.api_version,
            "Copilot-Integration-Id": identity.integration_id,
        }
    )


def _present(headers: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if value is not None}
