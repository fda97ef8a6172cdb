"""What the inference API answers instead of an answer: the table of §7.2, by name.

Scenarios name these rows (`refusal: rate_limited`); endpoints answer some of them on their
own. Texts are the reference's unless the row says that it is invented.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.wire.answer import HTML, TEXT, Answer, encode
from simulator.wire.pages import gateway_timeout_page, unicorn_page


@dataclass(frozen=True)
class Refusal:
    """One row: a status, a body (a mapping is sent as JSON), headers."""

    status: int
    body: str | Mapping[str, Any]
    content_type: str = TEXT
    headers: Mapping[str, str] | None = None

    def answer(self) -> Answer:
        """The row as an answer. JSON bodies end in a line feed, as recorded ones do."""
        raw = self.body.encode() if isinstance(self.body, str) else encode(self.body) + b"\n"
        return Answer(self.status, self.content_type, raw, headers=dict(self.headers or {}))


def error(message: str, code: str, **more: str) -> dict[str, Any]:
    """The common JSON shape."""
    return {"error": {"message": message, "code": code, **more}}


def _limit(code: str, seconds: int = 60) -> Refusal:
    headers = {"retry-after": str(seconds), "x-ratelimit-exceeded": code.partition(":")[0]}
    return Refusal(429, error("rate limit exceeded", code), headers=headers)


MISSING_EDITOR_VERSION = Refusal(400, "bad request: missing Editor-Version header for IDE auth\n")
UNKNOWN_EDITOR_VERSION = Refusal(400, "bad request: unknown Editor-Version header for IDE auth\n")
PAT_NOT_SUPPORTED = Refusal(
    400,
    "checking third-party user token: bad request: "
    "Personal Access Tokens are not supported for this endpoint\n",
)
PAT_WITHOUT_PERMISSION = Refusal(
    401, "unauthorized: Personal Access Token does not have Copilot Requests permission\n"
)
# Of this one only the status and the first word are documented (github/copilot-sdk,
# docs/auth/server-to-server-tokens.md).
APP_WITHOUT_PERMISSION = Refusal(403, "Forbidden (simulated text)\n")
TOKEN_EXPIRED = Refusal(401, "IDE token expired: unauthorized: token expired\n")
TOKEN_UNKNOWN = Refusal(401, "unauthorized: token expired\n")
# Not recorded: the body for no credential at all is invented.
NO_AUTHORIZATION = Refusal(401, "unauthorized: missing authorization (simulated text)\n")
MISDIRECTED = Refusal(421, "Misdirected Request\n")
API_VERSION_RETIRED = Refusal(
    466,
    "bad request: the specified API version is no longer supported. "
    "You may need to update your client to a newer version.\n",
)
MODEL_NOT_SUPPORTED = Refusal(
    400,
    error(
        "The requested model is not supported.",
        "model_not_supported",
        param="model",
        type="invalid_request_error",
    ),
)
MAX_TOKENS_UNSUPPORTED = Refusal(
    400,
    error(
        "Unsupported parameter: 'max_tokens' is not supported with this model. "
        "Use 'max_completion_tokens' instead.",
        "invalid_request_body",
    ),
)
VISION_HEADER_MISSING = Refusal(
    400, error("missing required Copilot-Vision-Request header for vision requests", "")
)
# Not recorded; invented.
VISION_UNSUPPORTED = Refusal(
    400, error("vision is not supported by this model (simulated text)", "invalid_request_body")
)
# Not recorded; invented after the 413 of the table.
BODY_UNREADABLE = Refusal(400, error("failed to parse request", "invalid_request_body"))
# What embeddings answer to anything but a list of strings (§5.8).
BAD_REQUEST = Refusal(400, "Bad Request\n")
BODY_TOO_LARGE = Refusal(413, error("failed to parse request", ""))
QUOTA_EXCEEDED = Refusal(402, error("You have no quota", "quota_exceeded"))
NO_SUCH_PATH = Refusal(404, "404 page not found\n")


def unsupported_endpoint(model: str, path: str) -> Refusal:
    """400: the model exists, but not behind this path."""
    message = f'model "{model}" is not accessible via the {path} endpoint'
    return Refusal(400, error(message, "unsupported_api_for_model"))


def prompt_too_long(tokens: int, limit: int, is_claude: bool) -> Refusal:
    """400: more than the model's `max_prompt_tokens`, in the form of its back-end."""
    if is_claude:
        message = f"prompt is too long: {tokens} tokens > {limit} maximum"
        return Refusal(400, anthropic_error(message))
    message = f"prompt token count of {tokens} exceeds the limit of {limit}"
    return Refusal(400, error(message, "model_max_prompt_tokens_exceeded"))


def anthropic_error(message: str, kind: str = "invalid_request_error") -> dict[str, Any]:
    """The shape of errors that come from behind the Messages endpoint (§7.1)."""
    inner = {"type": kind, "message": message}
    return {"type": "error", "error": inner, "request_id": "req_simulated"}


def extra_input(place: str) -> Refusal:
    """400: a field that upstream does not take, at this place of the body."""
    return Refusal(400, {"message": f"{place}: Extra inputs are not permitted"})


def unsupported_betas(betas: Sequence[str]) -> Refusal:
    """400: names in `anthropic-beta` that upstream does not take (§5.3). The text is invented."""
    names = ", ".join(betas)
    message = f"unsupported beta header(s): {names} (simulated text)"
    return Refusal(400, error(message, "invalid_request_body"))


def foreign_state(place: str, is_messages: bool) -> Refusal:
    """400: opaque state that this account did not get (§5.9). What upstream says is not
    recorded (§11, S16): the texts are invented, the words in them are those that clients know."""
    if is_messages:
        message = f"{place}: Invalid `signature` in `thinking` block (simulated text)"
        return Refusal(400, anthropic_error(message))
    message = f"{place}: the encrypted content could not be verified (simulated text)"
    return Refusal(400, error(message, "invalid_encrypted_content", type="invalid_request_error"))


def nameless_tool(index: int) -> Refusal:
    """400: a function without a name, such as one in a chat request's shape. OpenAI's own text;
    what Copilot says is not recorded."""
    place = f"tools[{index}].name"
    message = f"Missing required parameter: '{place}'."
    return Refusal(
        400,
        error(message, "missing_required_parameter", param=place, type="invalid_request_error"),
    )


def unmatched_call(call_id: str) -> Refusal:
    """400: a call without a result or the other way round. The text is invented: each vendor
    has its own."""
    message = f"tool calls and results do not match: {call_id} (simulated text)"
    return Refusal(400, error(message, "invalid_request_body", type="invalid_request_error"))


def too_many_inputs(count: int, limit: int) -> Refusal:
    """400: more texts than `max_inputs` (§5.8). The text is invented."""
    message = f"{count} inputs are more than {limit} (simulated text)"
    return Refusal(400, error(message, "invalid_request_body"))


# Anthropic's own texts; that Copilot passes them on is our reading.
MAX_TOKENS_REQUIRED = Refusal(400, anthropic_error("max_tokens: Field required"))
BUDGET_TOO_LARGE = Refusal(
    400, anthropic_error("`max_tokens` must be greater than `thinking.budget_tokens`.")
)
PREVIOUS_RESPONSE_NOT_FOUND = Refusal(
    # Only the code is recorded; the message is invented.
    400,
    error("Previous response not found (simulated text)", "previous_response_not_found"),
)

REFUSALS: dict[str, Refusal] = {
    "model_not_supported": MODEL_NOT_SUPPORTED,
    "model_wrong_plan": Refusal(
        400, error("Model is not supported for this request.", "model_not_supported")
    ),
    "unsupported_api_for_model": unsupported_endpoint("gpt-5.4", "/chat/completions"),
    "integrator": Refusal(
        400,
        'The requested model is not available for integrator "simulated". '
        "Verify the correct Copilot-Integration-Id header is being sent.\n",
    ),
    "editor_too_old": Refusal(
        400,
        "model gpt-5-codex is not supported in this VS Code version. "
        "Please update it to version 1.104.1 or newer\n",
    ),
    "prompt_too_long": prompt_too_long(514673, 128000, is_claude=False),
    "prompt_too_long_claude": prompt_too_long(210194, 200000, is_claude=True),
    "max_tokens_unsupported": MAX_TOKENS_UNSUPPORTED,
    "vision_header_missing": VISION_HEADER_MISSING,
    "vision_unsupported": VISION_UNSUPPORTED,
    "extra_inputs": extra_input("context_management"),
    "cache_scope": extra_input("system.1.cache_control.ephemeral.scope"),
    "unsupported_beta": unsupported_betas(["simulated-2026-01-01"]),
    "invalid_encrypted_content": foreign_state("input.0", is_messages=False),
    "invalid_signature": foreign_state("messages.1.content.0", is_messages=True),
    "previous_response_not_found": PREVIOUS_RESPONSE_NOT_FOUND,
    # Only the word is recorded; the sentence is invented.
    "off_topic": Refusal(400, "refused as off_topic (simulated text)\n"),
    "rate_limited_400": Refusal(400, error("rate limit exceeded", "rate_limited")),
    "missing_editor_version": MISSING_EDITOR_VERSION,
    "unknown_editor_version": UNKNOWN_EDITOR_VERSION,
    "bad_request": BAD_REQUEST,
    "pat_not_supported": PAT_NOT_SUPPORTED,
    "pat_without_permission": PAT_WITHOUT_PERMISSION,
    "token_expired": TOKEN_EXPIRED,
    "token_unknown": TOKEN_UNKNOWN,
    "invalid_auto_mode": Refusal(401, "Invalid auto-mode selector\n"),
    # Only the field is recorded; the address is invented.
    "authorize_url": Refusal(401, {"authorize_url": "https://github.com/login/simulated"}),
    "quota_exceeded": QUOTA_EXCEEDED,
    # Of these four only the codes are recorded.
    "free_quota_exceeded": Refusal(402, error("You have no quota", "free_quota_exceeded")),
    "overage_limit_reached": Refusal(402, error("You have no quota", "overage_limit_reached")),
    "billing_not_configured": Refusal(402, error("You have no quota", "billing_not_configured")),
    "session_quota_exceeded": Refusal(402, error("You have no quota", "session_quota_exceeded")),
    "feature_forbidden": Refusal(403, "unauthorized: not authorized to use this Copilot feature\n"),
    "app_without_permission": APP_WITHOUT_PERMISSION,
    "terms_forbidden": Refusal(
        403,
        "Forbidden: Access to this endpoint is forbidden. Please review our "
        "[Terms of Service](https://docs.github.com/site-policy).\n",
    ),
    "not_found": NO_SUCH_PATH,
    "request_timeout": Refusal(
        408,
        error(
            "Timed out reading request body. Try again, or use a smaller request size.",
            "user_request_timeout",
        ),
    ),
    "body_too_large": BODY_TOO_LARGE,
    "misdirected": MISDIRECTED,
    # The table records "any"; invented.
    "content_filtered": Refusal(422, error("content filtered (simulated text)", "content_filter")),
    "agent_dependency": Refusal(424, "failed agent dependency (simulated text)\n"),
    "rate_limited": _limit("rate_limited"),
    "rate_limited_58_hours": _limit("rate_limited", 58 * 3600),
    "user_model_rate_limited": _limit("user_model_rate_limited:gpt-5.4"),
    "user_global_rate_limited": _limit("user_global_rate_limited"),
    "user_weekly_rate_limited": _limit("user_weekly_rate_limited", 58 * 3600),
    "integration_rate_limited": _limit("integration_rate_limited"),
    "model_overloaded": _limit("model_overloaded", 10),
    "agent_mode_limit_exceeded": _limit("agent_mode_limit_exceeded"),
    "extension_blocked": Refusal(
        429, error("rate limit exceeded", "extension_blocked", type="rate_limit_error")
    ),
    "api_version_retired": API_VERSION_RETIRED,
    "cancelled_by_server": Refusal(499, "cancelled (simulated text)\n"),
    "internal_error": Refusal(500, "Internal Server Error\n"),
    "bad_gateway": Refusal(502, "Bad Gateway\n"),
    "unicorn": Refusal(502, unicorn_page(), HTML),
    "unavailable": Refusal(503, "upstream connect error (simulated text)\n"),
    "gateway_timeout": Refusal(504, gateway_timeout_page(), HTML),
}
