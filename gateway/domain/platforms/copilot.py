"""GitHub Copilot: accounts are seats whose tokens the broker exchanges (copilot-upstream.md §5).

Its refusals are upstream_errors.ROWS as they stand.
"""

from collections.abc import Mapping

from gateway.domain.fitting import kept_betas
from gateway.domain.headers import Outgoing, Standing, listed, standing
from gateway.domain.platforms.platform import Platform
from gateway.domain.protocols import Protocol

FROM_CALLER = ("openai-intent", "x-interaction-id", "x-interaction-type", "x-agent-task-id")
"""A caller's own account of what the request is for (copilot-upstream.md §5.3)."""
ANTHROPIC_VERSION = "2023-06-01"
"""The only one there is; other clients send it too (§5.3)."""


def standing_for(outgoing: Outgoing) -> Standing:
    """See Platform.standing."""
    found = standing(outgoing)
    if outgoing.initiator is not None:
        found["X-Initiator"] = outgoing.initiator.value
    if outgoing.vision:
        found["Copilot-Vision-Request"] = "true"
    if outgoing.protocol is Protocol.MESSAGES:
        found["anthropic-version"] = ANTHROPIC_VERSION
    return found


def from_caller(caller: Mapping[str, str], protocol: Protocol) -> dict[str, str]:
    """See Platform.from_caller."""
    found = listed(caller, FROM_CALLER)
    if protocol is Protocol.MESSAGES:
        betas = kept_betas(caller.get("anthropic-beta"))
        if betas:
            found["anthropic-beta"] = ",".join(betas)
    return found


COPILOT = Platform(
    name="copilot",
    # Only Messages has the version in its path (§5.2).
    paths={
        Protocol.CHAT: "/chat/completions",
        Protocol.RESPONSES: "/responses",
        Protocol.MESSAGES: "/v1/messages",
        Protocol.EMBEDDINGS: "/embeddings",
    },
    standing=standing_for,
    from_caller=from_caller,
    names_endpoints=True,
    fits=True,
    has_client_breaker=True,
)
