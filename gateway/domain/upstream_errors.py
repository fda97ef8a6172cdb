"""What an upstream refusal means for the caller: one ordered table.

Upstream's errors lie about their type (copilot-upstream.md §7.1): JSON comes as text/plain,
401/403/404 mean different things in two services, and 5xx bodies are HTML pages. So the body is
looked at, whatever its type, and only the message of a JSON error about the caller's own request
is ever passed on. Upstream's 401 and 403 are about the seat and never become the caller's 401
(§7.3, design §2 invariant 5). An error inside a 200 goes through the same table. What follows
from a fault for the account is domain/failover.py's.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.refusals import Refusal, Row, by_code, by_phrase, by_status
from gateway.domain.retry_after import parse_retry_after

MAX_BODY_BYTES = 64 * 1024
MAX_MESSAGE_CHARACTERS = 1_000


BROKEN_SEALS = (
    ("invalid `signature` in `thinking` block",),
    ("encrypted content", "could not be verified"),
    ("encrypted content", "could not be decrypted"),
    ("item id does not belong to this connection",),
    ("item_id did not match",),
)
"""What upstream says, in lower case; all phrases of a row have to be there."""


def _seal_is_broken(refusal: Refusal) -> bool:
    """Whether a signature or encrypted content is refused: another account's, mostly (§5.9).

    Clients' threads show ids of items refused likewise, also with 401: which is no word about
    the token.
    """
    text = refusal.text.lower()
    if refusal.status not in (400, 401):
        return False
    return refusal.code == "invalid_encrypted_content" or any(
        all(words in text for words in phrases) for phrases in BROKEN_SEALS
    )


NO_SUCH_MODEL = "The model does not exist or this group's seat may not use it."
SEAT_REFUSED = "The seat behind this group is not accepted upstream; its operator has to look."
RATE_LIMITED = "The seat's rate limit is reached."

ROWS: tuple[Row, ...] = (
    # 400: mostly the caller's request; §7.2 in its order.
    Row(
        by_code(400, "model_not_supported", "model_not_found"),
        Fault.CALLER_MODEL_NOT_FOUND,
        NO_SUCH_MODEL,
        param="model",
    ),
    Row(
        by_phrase(400, "is not available for integrator", "is not supported in this"),
        Fault.CALLER_MODEL_NOT_FOUND,
        NO_SUCH_MODEL,
        param="model",
    ),
    Row(
        by_code(400, "unsupported_api_for_model"),
        Fault.CALLER_MODEL_ENDPOINT,
        None,
        param="model",
    ),
    Row(
        by_code(400, "model_max_prompt_tokens_exceeded", "context_length_exceeded"),
        Fault.CALLER_CONTEXT_LENGTH,
        None,
        param="messages",
    ),
    Row(by_phrase(400, "prompt is too long"), Fault.CALLER_CONTEXT_LENGTH, None, param="messages"),
    Row(by_code(400, "rate_limited"), Fault.SEAT_RATE_LIMITED, RATE_LIMITED),
    # In our own words: upstream's quote the sealed content.
    Row(
        _seal_is_broken,
        Fault.SEAT_STATE_FOREIGN,
        "Encrypted reasoning or a thinking signature in this conversation could not be verified; "
        "send the conversation without it.",
    ),
    # What the answer continued lies with one account; the code is what clients act on.
    Row(
        by_code(400, "previous_response_not_found"),
        Fault.CALLER_REQUEST_REFUSED,
        None,
        code="previous_response_not_found",
        param="previous_response_id",
    ),
    Row(
        by_phrase(400, "Copilot-Vision-Request"),
        Fault.GATEWAY_VISION_HEADER,
        "The gateway did not mark this request as one with images.",
    ),
    Row(
        by_phrase(400, "Editor-Version", "Personal Access Token"),
        Fault.SEAT_IDENTITY,
        SEAT_REFUSED,
    ),
    Row(by_phrase(400, "off_topic"), Fault.CALLER_CONTENT_FILTERED, "Upstream refused the topic."),
    Row(by_status(400), Fault.CALLER_REQUEST_REFUSED, None),
    # 401, 402, 403, 421: the seat, but for one session that is the caller's own (§5.7).
    Row(
        by_phrase(401, "Invalid auto-mode selector"),
        Fault.CALLER_REQUEST_REFUSED,
        "The session of the automatic model choice has ended; begin a new one or name a model.",
    ),
    Row(
        by_status(401),
        Fault.SEAT_TOKEN_REJECTED,
        "Upstream did not accept the seat's token; try again.",
    ),
    Row(by_status(402), Fault.SEAT_QUOTA, "The seat's quota is used up."),
    Row(
        by_phrase(403, "Terms of Service"),
        Fault.UPSTREAM_CLIENT_REFUSED,
        "Upstream refuses this client with a reference to its terms; the operator has to look.",
    ),
    Row(by_status(403), Fault.SEAT_FORBIDDEN, SEAT_REFUSED),
    Row(by_status(421), Fault.SEAT_WRONG_HOST, SEAT_REFUSED),
    # The rest, by status.
    Row(by_status(404), Fault.CALLER_MODEL_NOT_FOUND, NO_SUCH_MODEL, param="model"),
    Row(
        by_status(408),
        Fault.UPSTREAM_REQUEST_TIMEOUT,
        "Upstream did not get the request in time.",
    ),
    Row(by_status(413), Fault.CALLER_BODY_TOO_LARGE, "The request is too large for upstream."),
    Row(by_status(422), Fault.CALLER_CONTENT_FILTERED, "Upstream's content filter refused this."),
    Row(
        by_code(429, "integration_rate_limited"),
        Fault.UPSTREAM_RATE_LIMITED,
        "Upstream limits this whole client at the moment.",
    ),
    Row(
        by_code(429, "user_model_rate_limited"),
        Fault.SEAT_MODEL_RATE_LIMITED,
        "The seat's rate limit for this model is reached.",
    ),
    Row(
        by_code(429, "model_overloaded"),
        Fault.UPSTREAM_MODEL_OVERLOADED,
        "The model is overloaded upstream.",
    ),
    Row(by_status(429), Fault.SEAT_RATE_LIMITED, RATE_LIMITED),
    Row(
        by_status(466),
        Fault.UPSTREAM_CLIENT_REFUSED,
        "Upstream no longer serves the API version set here; the operator has to look.",
    ),
    # 4xx means the request, also where the number is new: no other account would take it.
    Row(
        lambda refusal: 400 <= refusal.status < 500,
        Fault.CALLER_REQUEST_REFUSED,
        "Upstream refused the request in a way that is not understood.",
    ),
    Row(by_status(503), Fault.UPSTREAM_OVERLOADED, "Upstream is overloaded."),
    # 504 too: upstream's front answered, at once and without waiting as long as we do. Only our
    # own deadline is UPSTREAM_TIMEOUT, which may move but once.
    Row(lambda refusal: refusal.status >= 500, Fault.UPSTREAM_UNAVAILABLE, "Upstream failed."),
    Row(
        lambda refusal: True,
        Fault.UPSTREAM_BAD_ANSWER,
        "Upstream answered in a way that is not understood.",
    ),
)
"""Copilot's refusals; for other platforms, those behind their own rows."""

WITHOUT_MESSAGE = "Upstream refused the request without saying why."


def explain(refusal: Refusal, rows: Sequence[Row] = ()) -> GatewayError:
    """The caller's error for an upstream refusal: the first row that matches.

    rows: a platform's own, asked before ROWS.
    """
    row = next(row for row in chain(rows, ROWS) if row.matches(refusal))
    message = row.message if row.message is not None else refusal.message or WITHOUT_MESSAGE
    return GatewayError(
        row.fault, message, code=row.code, param=row.param, retry_after=refusal.retry_after
    )


_WORDS = {
    429: "rate_limited user_model_rate_limited user_global_rate_limited user_weekly_rate_limited "
    "integration_rate_limited agent_mode_limit_exceeded extension_blocked model_overloaded "
    "rate_limit_exceeded rate_limit_error",
    402: "quota_exceeded free_quota_exceeded session_quota_exceeded overage_limit_reached "
    "additional_spend_limit_reached billing_not_configured insufficient_quota",
    400: "invalid_request_body model_not_supported model_not_found unsupported_api_for_model "
    "model_max_prompt_tokens_exceeded context_length_exceeded invalid_encrypted_content "
    "previous_response_not_found invalid_prompt bad_request invalid_request "
    "invalid_request_error",
    404: "not_found not_found_error",
    413: "request_too_large",
    422: "content_filter",
    503: "service_unavailable",
}
"""Which status a code or type would have come with, had the answer not begun with 200
(copilot-upstream.md §7.2, "Mid-stream", and OpenAI's and Anthropic's own words)."""

_EVENT_STATUS = {word: status for status, words in _WORDS.items() for word in words.split()}
_SAME_AS = {"overloaded_error": "model_overloaded"}
UNKNOWN_EVENT_STATUS = 500


def explain_event(
    code: str | None, type: str | None, message: str | None, rows: Sequence[Row] = ()
) -> GatewayError:
    """The caller's error for an error that came inside a 200, in an event or as the body.

    The code decides, or the type where the code says nothing; what neither knows is upstream's
    failure. When it may be tried again is not said in events.
    """
    words = [_SAME_AS.get(word, word) for word in map(_word, (code, type))]
    word = next((word for word in words if word in _EVENT_STATUS), "")
    said = (message or "")[:MAX_MESSAGE_CHARACTERS]
    status = _EVENT_STATUS.get(word, UNKNOWN_EVENT_STATUS)
    return explain(Refusal(status, word, said, text=said, retry_after=None), rows)


def read_refusal(status: int, headers: Mapping[str, str], body: bytes, now: float) -> Refusal:
    """Understand an answer as far as it goes. now: seconds since the epoch, for Retry-After."""
    text = body[:MAX_BODY_BYTES].decode("utf-8", errors="replace")
    code, message = _error_of(body)
    return Refusal(
        status=status,
        code=_word(code),
        message=message[:MAX_MESSAGE_CHARACTERS],
        text=text,
        retry_after=parse_retry_after(headers.get("retry-after"), now),
    )


def _word(code: str | None) -> str:
    """`user_model_rate_limited` of `user_model_rate_limited:gpt-5.4` (§7.1)."""
    return (code or "").partition(":")[0]


def _error_of(body: bytes) -> tuple[str, str]:
    """Code and message of `{"error": {…}}`, of the flat form, or of neither (§7.1)."""
    try:
        document = msgspec.json.decode(body)
    except UNREADABLE:
        return "", ""
    if not isinstance(document, dict):
        return "", ""
    error = document.get("error")
    if isinstance(error, str):
        return "", error
    return _code_and_message(error if isinstance(error, dict) else document)


def _code_and_message(fields: dict[str, Any]) -> tuple[str, str]:
    code, message = fields.get("code"), fields.get("message")
    return (code if isinstance(code, str) else ""), (message if isinstance(message, str) else "")
