"""What an upstream refusal means for the caller: one ordered table.

Upstream's errors lie about their type (copilot-upstream.md §7.1): JSON comes as text/plain,
401/403/404 mean different things in two services, and 5xx bodies are HTML pages. So the body is
looked at, whatever its type, and only the message of a JSON error about the caller's own request
is ever passed on. Upstream's 401 and 403 are about the seat and never become the caller's 401
(§7.3, design §2 invariant 5).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.retry_after import parse_retry_after

MAX_BODY_BYTES = 64 * 1024
MAX_MESSAGE_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class Refusal:
    """An upstream answer that is no success, as far as it was understood."""

    status: int
    code: str
    """Upstream's code without what stands behind a colon; empty when there is none."""
    message: str
    """The message of a JSON error, bounded; empty when there is none."""
    text: str
    """The whole body, for matching phrases; never passed on."""
    retry_after: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: which refusals, whose fault, what the caller reads and acts on."""

    matches: Callable[[Refusal], bool]
    fault: Fault
    message: str | None
    """None passes upstream's own message on."""
    code: str | None = None
    param: str | None = None


def _status(*statuses: int) -> Callable[[Refusal], bool]:
    return lambda refusal: refusal.status in statuses


def _code(status: int, *codes: str) -> Callable[[Refusal], bool]:
    return lambda refusal: refusal.status == status and refusal.code in codes


def _phrase(status: int, *phrases: str) -> Callable[[Refusal], bool]:
    return lambda refusal: (
        refusal.status == status and any(phrase in refusal.text for phrase in phrases)
    )


NO_SUCH_MODEL = "The model does not exist or this group's seat may not use it."
SEAT_REFUSED = "The seat behind this group is not accepted by Copilot; its operator has to look."

ROWS: tuple[Row, ...] = (
    # 400: mostly the caller's request; §7.2 in its order.
    Row(
        _code(400, "model_not_supported", "model_not_found"),
        Fault.CALLER_MODEL_NOT_FOUND,
        NO_SUCH_MODEL,
        param="model",
    ),
    Row(
        _phrase(400, "is not available for integrator", "is not supported in this"),
        Fault.CALLER_MODEL_NOT_FOUND,
        NO_SUCH_MODEL,
        param="model",
    ),
    Row(_code(400, "unsupported_api_for_model"), Fault.CALLER_MODEL_ENDPOINT, None, param="model"),
    Row(
        _code(400, "model_max_prompt_tokens_exceeded", "context_length_exceeded"),
        Fault.CALLER_CONTEXT_LENGTH,
        None,
        param="messages",
    ),
    Row(_phrase(400, "prompt is too long"), Fault.CALLER_CONTEXT_LENGTH, None, param="messages"),
    Row(_code(400, "rate_limited"), Fault.SEAT_RATE_LIMITED, "The seat's rate limit is reached."),
    Row(
        _phrase(400, "Copilot-Vision-Request"),
        Fault.GATEWAY_VISION_HEADER,
        "The gateway did not mark this request as one with images.",
    ),
    Row(
        _phrase(400, "Editor-Version", "Personal Access Token"),
        Fault.SEAT_IDENTITY,
        SEAT_REFUSED,
    ),
    Row(_phrase(400, "off_topic"), Fault.CALLER_CONTENT_FILTERED, "Upstream refused the topic."),
    Row(_status(400), Fault.CALLER_REQUEST_REFUSED, None),
    # 401, 402, 403, 421: the seat.
    Row(
        _status(401),
        Fault.SEAT_TOKEN_REJECTED,
        "Copilot did not accept the seat's token; try again.",
    ),
    Row(_status(402), Fault.SEAT_QUOTA, "The seat's Copilot quota is used up."),
    Row(
        _phrase(403, "Terms of Service"),
        Fault.UPSTREAM_CLIENT_REFUSED,
        "Copilot refuses this client with a reference to its terms; the operator has to look.",
    ),
    Row(_status(403), Fault.SEAT_FORBIDDEN, SEAT_REFUSED),
    Row(_status(421), Fault.SEAT_WRONG_HOST, SEAT_REFUSED),
    # The rest, by status.
    Row(_status(404), Fault.CALLER_MODEL_NOT_FOUND, NO_SUCH_MODEL, param="model"),
    Row(_status(408), Fault.UPSTREAM_TIMEOUT, "Upstream did not get the request in time."),
    Row(_status(413), Fault.CALLER_BODY_TOO_LARGE, "The request is too large for upstream."),
    Row(_status(422), Fault.CALLER_CONTENT_FILTERED, "Upstream's content filter refused this."),
    Row(
        _code(429, "integration_rate_limited"),
        Fault.UPSTREAM_RATE_LIMITED,
        "Copilot limits this whole client at the moment.",
    ),
    Row(
        _code(429, "model_overloaded"),
        Fault.UPSTREAM_OVERLOADED,
        "The model is overloaded upstream.",
    ),
    Row(_status(429), Fault.SEAT_RATE_LIMITED, "The seat's rate limit is reached."),
    Row(
        _status(466),
        Fault.UPSTREAM_CLIENT_REFUSED,
        "Copilot no longer serves the API version set here; the operator has to look.",
    ),
    Row(_status(503), Fault.UPSTREAM_OVERLOADED, "Upstream is overloaded."),
    Row(_status(504), Fault.UPSTREAM_TIMEOUT, "Upstream did not answer in time."),
    Row(lambda refusal: refusal.status >= 500, Fault.UPSTREAM_UNAVAILABLE, "Upstream failed."),
    Row(
        lambda refusal: True,
        Fault.UPSTREAM_BAD_ANSWER,
        "Upstream answered in a way that is not understood.",
    ),
)

WITHOUT_MESSAGE = "Upstream refused the request without saying why."


def explain(refusal: Refusal) -> GatewayError:
    """The caller's error for an upstream refusal: the first row that matches."""
    row = next(row for row in ROWS if row.matches(refusal))
    message = row.message if row.message is not None else refusal.message or WITHOUT_MESSAGE
    return GatewayError(
        row.fault, message, code=row.code, param=row.param, retry_after=refusal.retry_after
    )


def read_refusal(status: int, headers: Mapping[str, str], body: bytes, now: float) -> Refusal:
    """Understand an answer as far as it goes. now: seconds since the epoch, for Retry-After."""
    text = body[:MAX_BODY_BYTES].decode("utf-8", errors="replace")
    code, message = _error_of(body)
    return Refusal(
        status=status,
        code=code.partition(":")[0],
        message=message[:MAX_MESSAGE_CHARACTERS],
        text=text,
        retry_after=parse_retry_after(headers.get("retry-after"), now),
    )


def _error_of(body: bytes) -> tuple[str, str]:
    """Code and message of `{"error": {…}}`, of the flat form, or of neither (§7.1)."""
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "", ""
    if not isinstance(document, dict):
        return "", ""
    error = document.get("error")
    if isinstance(error, str):
        return "", error
    fields = error if isinstance(error, dict) else document
    code, message = fields.get("code"), fields.get("message")
    return (code if isinstance(code, str) else ""), (message if isinstance(message, str) else "")
