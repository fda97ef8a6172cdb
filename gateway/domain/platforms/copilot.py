"""GitHub Copilot: accounts are seats whose tokens the broker exchanges (copilot-upstream.md §5).

Its refusals are upstream_errors.ROWS as they stand.
"""

from collections.abc import Mapping

from gateway.domain import headers
from gateway.domain.initiator import Initiator
from gateway.domain.platforms.platform import Platform
from gateway.domain.protocols import Protocol

FROM_CALLER = ("openai-intent", "x-interaction-id", "x-interaction-type", "x-agent-task-id")
"""A caller's own account of what the request is for (copilot-upstream.md §5.3)."""


def headers_for(
    caller: Mapping[str, str],
    token_value: str,
    token_headers: Mapping[str, str],
    attempt_id: str,
    initiator: Initiator | None,
    vision: bool,
    stream: bool,
) -> dict[str, str]:
    """See UpstreamHeaders."""
    found = headers.for_attempt(
        headers.listed(caller, FROM_CALLER),
        token_value,
        token_headers,
        attempt_id,
        has_body=initiator is not None,
        stream=stream,
    )
    if initiator is not None:
        found["X-Initiator"] = initiator.value
    if vision:
        found["Copilot-Vision-Request"] = "true"
    return found


COPILOT = Platform(
    name="copilot",
    # Only Messages has the version in its path (§5.2).
    paths={
        Protocol.CHAT: "/chat/completions",
        Protocol.RESPONSES: "/responses",
        Protocol.MESSAGES: "/v1/messages",
    },
    headers=headers_for,
    has_client_breaker=True,
)
