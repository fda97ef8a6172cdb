"""From a fault to what the caller reads: status, type and code, in OpenAI's error shape.

One table, total over Fault. Invariant 5 of the design is in it: only the caller_key_* rows are
401.
"""

import math
from dataclasses import dataclass

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.protocols import Protocol
from gateway.domain.streams import endings
from gateway.domain.streams.endings import ErrorWords
from gateway.web.rate_headers import rate_headers
from gateway.web.responses import Response

FAULT_HEADER = "x-gateway-error"
RETRY_HEADER = "x-should-retry"
"""The official SDKs obey it: `_should_retry` in the _base_client.py of openai and anthropic."""
FINAL = frozenset({Fault.POLICY_BUDGET})
"""Nothing is gained by asking again before hours or days have passed, and an SDK would wait."""

ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    408: "invalid_request_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}
ANTHROPIC_SERVER = "api_error"
TOO_LONG = "prompt is too long"
"""Claude Code compacts its conversation when an error begins with it (copilot-upstream.md §7.3)."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a fault looks from outside."""

    status: int
    type: str
    code: str | None


_REQUEST = "invalid_request_error"
_AUTH = "authentication_error"
_LIMIT = "rate_limit_error"
_SERVER = "server_error"

SHAPES: dict[Fault, Shape] = {
    Fault.CALLER_KEY_MISSING: Shape(401, _AUTH, "invalid_api_key"),
    Fault.CALLER_KEY_UNKNOWN: Shape(401, _AUTH, "invalid_api_key"),
    Fault.CALLER_KEY_EXPIRED: Shape(401, _AUTH, "invalid_api_key"),
    Fault.CALLER_KEY_REVOKED: Shape(401, _AUTH, "invalid_api_key"),
    Fault.CALLER_KEY_TOKEN: Shape(401, _AUTH, "invalid_api_key"),
    Fault.CALLER_KEYS_CONFLICT: Shape(401, _AUTH, "invalid_api_key"),
    Fault.CALLER_HTTP_INVALID: Shape(400, _REQUEST, "malformed_request"),
    Fault.CALLER_PATH_UNKNOWN: Shape(404, _REQUEST, "unknown_url"),
    Fault.CALLER_ENDPOINT_UNSUPPORTED: Shape(404, _REQUEST, "unsupported_endpoint"),
    Fault.CALLER_METHOD_NOT_ALLOWED: Shape(405, _REQUEST, "method_not_allowed"),
    Fault.CALLER_BODY_INVALID: Shape(400, _REQUEST, "invalid_request_body"),
    Fault.CALLER_BODY_TOO_LARGE: Shape(413, _REQUEST, "request_too_large"),
    Fault.CALLER_BODY_TIMEOUT: Shape(408, _REQUEST, "request_timeout"),
    Fault.CALLER_MODEL_NOT_FOUND: Shape(404, _REQUEST, "model_not_found"),
    Fault.CALLER_MODEL_ENDPOINT: Shape(400, _REQUEST, "unsupported_api_for_model"),
    Fault.CALLER_VISION_UNSUPPORTED: Shape(400, _REQUEST, "unsupported_image"),
    Fault.CALLER_CONTEXT_LENGTH: Shape(400, _REQUEST, "context_length_exceeded"),
    Fault.CALLER_CONTENT_FILTERED: Shape(400, _REQUEST, "content_filter"),
    Fault.CALLER_REQUEST_REFUSED: Shape(400, _REQUEST, "invalid_request"),
    Fault.POLICY_PLATFORM: Shape(403, "permission_error", "wrong_platform"),
    Fault.POLICY_GROUP: Shape(403, "permission_error", "policy_group"),
    Fault.POLICY_TOKEN: Shape(403, "permission_error", "policy_token"),
    Fault.POLICY_GUESSING: Shape(429, _LIMIT, "policy_guessing"),
    Fault.POLICY_RATE: Shape(429, _LIMIT, "rate_limit_exceeded"),
    Fault.POLICY_CONCURRENCY: Shape(429, _LIMIT, "rate_limit_exceeded"),
    Fault.POLICY_PAUSED: Shape(503, _SERVER, "policy_paused"),
    Fault.POLICY_BUDGET: Shape(429, "insufficient_quota", "insufficient_quota"),
    Fault.POLICY_BUDGET_UNKNOWN: Shape(503, _SERVER, "policy_budget_unknown"),
    Fault.SEAT_UNKNOWN: Shape(502, _SERVER, "seat_unknown"),
    Fault.SEAT_CREDENTIAL: Shape(502, _SERVER, "seat_credential"),
    Fault.SEAT_NO_ACCESS: Shape(502, _SERVER, "seat_no_access"),
    Fault.SEAT_TOKEN_UNAVAILABLE: Shape(503, _SERVER, "seat_token_unavailable"),
    Fault.SEAT_TOKEN_REJECTED: Shape(502, _SERVER, "seat_token_rejected"),
    Fault.SEAT_FORBIDDEN: Shape(502, _SERVER, "seat_forbidden"),
    Fault.SEAT_WRONG_HOST: Shape(502, _SERVER, "seat_wrong_host"),
    Fault.SEAT_IDENTITY: Shape(502, _SERVER, "seat_identity"),
    Fault.SEAT_QUOTA: Shape(429, "insufficient_quota", "insufficient_quota"),
    Fault.SEAT_RATE_LIMITED: Shape(429, _LIMIT, "rate_limit_exceeded"),
    Fault.SEAT_MODEL_RATE_LIMITED: Shape(429, _LIMIT, "rate_limit_exceeded"),
    Fault.SEAT_BUSY: Shape(429, _LIMIT, "rate_limit_exceeded"),
    Fault.SEAT_UNAVAILABLE: Shape(503, _SERVER, "seat_unavailable"),
    # The caller's history is at fault as upstream sees it, and the caller can mend it.
    Fault.SEAT_STATE_FOREIGN: Shape(400, _REQUEST, "invalid_encrypted_content"),
    Fault.UPSTREAM_CLIENT_REFUSED: Shape(502, _SERVER, "upstream_client_refused"),
    Fault.UPSTREAM_RATE_LIMITED: Shape(503, _SERVER, "upstream_rate_limited"),
    Fault.UPSTREAM_OVERLOADED: Shape(503, _SERVER, "upstream_overloaded"),
    Fault.UPSTREAM_MODEL_OVERLOADED: Shape(503, _SERVER, "model_overloaded"),
    Fault.UPSTREAM_UNAVAILABLE: Shape(502, _SERVER, "upstream_unavailable"),
    Fault.UPSTREAM_TIMEOUT: Shape(504, _SERVER, "upstream_timeout"),
    Fault.UPSTREAM_REQUEST_TIMEOUT: Shape(504, _SERVER, "upstream_request_timeout"),
    Fault.UPSTREAM_IDLE: Shape(504, _SERVER, "upstream_idle"),
    Fault.UPSTREAM_BAD_ANSWER: Shape(502, _SERVER, "upstream_bad_answer"),
    Fault.UPSTREAM_CUT_OFF: Shape(502, _SERVER, "upstream_cut_off"),
    Fault.UPSTREAM_TRUNCATED: Shape(502, _SERVER, "upstream_truncated"),
    Fault.UPSTREAM_STREAM_ERROR: Shape(502, _SERVER, "upstream_stream_error"),
    Fault.GATEWAY_TOKEN_SERVICE: Shape(503, _SERVER, "gateway_token_service"),
    Fault.GATEWAY_DEADLINE: Shape(504, _SERVER, "gateway_deadline"),
    Fault.GATEWAY_DRAINING: Shape(503, _SERVER, "gateway_draining"),
    Fault.GATEWAY_JOURNAL_FULL: Shape(503, _SERVER, "gateway_journal_full"),
    Fault.GATEWAY_KEYS: Shape(503, _SERVER, "gateway_keys"),
    Fault.GATEWAY_ISSUER: Shape(503, _SERVER, "gateway_issuer"),
    Fault.GATEWAY_LEDGER: Shape(503, _SERVER, "gateway_ledger"),
    Fault.GATEWAY_VISION_HEADER: Shape(502, _SERVER, "gateway_vision_header"),
    Fault.GATEWAY_OTHER: Shape(500, _SERVER, "gateway_other"),
}


def turns_away(fault: Fault) -> bool:
    """Whether it is who calls that is refused, and not what is asked for: the audit has these."""
    return SHAPES[fault].status in (401, 403) or fault is Fault.POLICY_GUESSING


def malformed() -> GatewayError:
    """The error for a request that HTTP itself does not allow; quotes nothing of it."""
    return GatewayError(
        Fault.CALLER_HTTP_INVALID,
        "The request is not valid HTTP: its line, a header, or the length or encoding of its body "
        "is wrong or too long.",
    )


def unexpected() -> GatewayError:
    """The error for a defect of ours; what happened is in the log, not in the answer."""
    return GatewayError(Fault.GATEWAY_OTHER, "The gateway failed; its operators can see why.")


def error_response(
    error: GatewayError, protocol: Protocol | None = None, request_id: str = ""
) -> Response:
    """The whole answer to a request that failed before anything was sent.

    protocol: the caller's; None is OpenAI's shape.
    """
    headers = {"Content-Type": "application/json", FAULT_HEADER: error.fault.value}
    if error.retry_after is not None:
        # Rounded up: a caller that returns a moment too early is refused again.
        headers["Retry-After"] = str(math.ceil(error.retry_after))
    if error.allow is not None:
        headers["Allow"] = error.allow
    if error.fault in FINAL:
        headers[RETRY_HEADER] = "false"
    headers |= rate_headers(error.rate, protocol)
    body = endings.error_body(protocol or Protocol.CHAT, _words(protocol, error, request_id))
    return Response(SHAPES[error.fault].status, headers, body)


def error_event(protocol: Protocol, error: GatewayError, request_id: str) -> bytes:
    """The event that ends a stream with an error, in the caller's protocol."""
    return endings.error_event(protocol, _words(protocol, error, request_id))


def _words(protocol: Protocol | None, error: GatewayError, request_id: str) -> ErrorWords:
    shape = SHAPES[error.fault]
    message, kind = error.message, shape.type
    if protocol is Protocol.MESSAGES:
        kind = ANTHROPIC_TYPES.get(shape.status, ANTHROPIC_SERVER)
        if error.fault is Fault.CALLER_CONTEXT_LENGTH and not message.startswith(TOO_LONG):
            message = f"{TOO_LONG}: {message}"
    return ErrorWords(
        message=message,
        type=kind,
        code=error.code or shape.code,
        param=error.param,
        request_id=request_id,
        details=error.code,
    )
