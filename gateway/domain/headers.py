"""Which headers cross the gateway, in closed lists both ways (design §7).

What is not listed does not cross: a caller's cookies, tracing and client telemetry stay here,
and so do upstream's quota figures, which are the seat's and not the caller's.
"""

from collections.abc import Mapping

from gateway.domain.initiator import Initiator

FROM_CALLER = ("openai-intent", "x-interaction-id", "x-interaction-type", "x-agent-task-id")
"""A caller's own account of what the request is for (copilot-upstream.md §5.3)."""

TO_CALLER = ("content-type", "retry-after")

NEVER_FROM_TOKEN = frozenset(
    {"authorization", "host", "cookie", "x-initiator", "content-length", "transfer-encoding"}
    | {"connection", "keep-alive", "te", "trailer", "upgrade", "proxy-authorization"}
)
"""The broker promises never to send these (proto, CopilotToken.headers); held to it here."""

MAX_VALUE_CHARACTERS = 256
MAX_REQUEST_ID_CHARACTERS = 128
REQUEST_ID_CHARACTERS = frozenset(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
)


def for_upstream(
    caller: Mapping[str, str],
    token_value: str,
    token_headers: Mapping[str, str],
    attempt_id: str,
    initiator: Initiator | None,
    vision: bool,
    stream: bool,
) -> dict[str, str]:
    """The headers of one attempt. initiator None: a request that is no inference."""
    headers = {
        name: caller[name]
        for name in FROM_CALLER
        if 0 < len(caller.get(name, "")) <= MAX_VALUE_CHARACTERS
    }
    headers.update(
        (name, value)
        for name, value in token_headers.items()
        if name.lower() not in NEVER_FROM_TOKEN
    )
    headers["Authorization"] = f"Bearer {token_value}"
    headers["X-Request-Id"] = attempt_id
    headers["Accept"] = "text/event-stream" if stream else "application/json"
    # Compressed events would arrive in bursts: whatever the compressor had gathered.
    headers["Accept-Encoding"] = "identity"
    if initiator is not None:
        headers["Content-Type"] = "application/json"
        headers["X-Initiator"] = initiator.value
    if vision:
        headers["Copilot-Vision-Request"] = "true"
    return headers


def for_caller(upstream: Mapping[str, str]) -> dict[str, str]:
    """The headers of an answer that go on to the caller. Names are lower case."""
    return {name: upstream[name] for name in TO_CALLER if name in upstream}


def is_request_id(text: str) -> bool:
    """Whether a caller's own request id may be kept beside ours."""
    return 0 < len(text) <= MAX_REQUEST_ID_CHARACTERS and set(text) <= REQUEST_ID_CHARACTERS
