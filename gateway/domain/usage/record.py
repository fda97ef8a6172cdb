"""The usage record: one request to an inference endpoint, who asked, what it cost, how it ended.

A value without content: no prompt, answer, tool argument or image is in it, and no secret.
"""

from enum import Enum

import msgspec

MAX_MODEL_CHARACTERS = 100
"""Of a model's name, which is the caller's own text."""


class Outcome(Enum):
    """How a request ended, in the words of the ledger."""

    COMPLETE = "complete"
    """The whole answer was there, and what it cost is known as far as upstream says it."""
    CLIENT_GONE = "client_gone"
    UPSTREAM_ERROR = "upstream_error"
    """Upstream failed in the middle of its answer."""
    TRUNCATED = "truncated"
    IDLE = "idle"
    DEADLINE = "deadline"
    DRAINED = "drained"
    REVOKED = "revoked"
    """The key was taken back in the middle of it."""
    UNAVAILABLE = "unavailable"
    """Nobody upstream could answer."""
    REFUSED = "refused"
    """The request itself was at fault, or a rule of this gateway stood against it."""
    GATEWAY_ERROR = "gateway_error"
    CRASHED = "crashed"
    """The gateway's process ended in the middle of it."""


UNANSWERED = frozenset({Outcome.UNAVAILABLE, Outcome.REFUSED, Outcome.GATEWAY_ERROR})
"""Nothing of an answer was handed out; such a request is not counted in a budget of requests."""
_UNANSWERED_WORDS = frozenset(each.value for each in UNANSWERED)


class CreditsSource(Enum):
    """Where the credits of a record come from."""

    NONE = ""
    """They are not known."""
    UPSTREAM = "upstream"
    CATALOGUE = "catalogue"
    """Estimated from the catalogue's prices, since upstream did not say."""


class UsageRecord(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One row of `usage_records`. Times in seconds, `time` since the epoch.

    Made by names wherever that is not in the path of a request: two dozen names cost eight times
    what the values do.

    Evolves by expand and contract: a field that is added has a default, so that records of the
    version before can be read, and unknown fields are passed over.
    """

    request_id: str
    """The `x-request-id` of the answer: unique."""
    time: float
    """When the request came."""
    key_id: str
    group_id: str
    """The key's own group."""
    endpoint: str
    """The path as a template, such as /v1/chat/completions."""
    outcome: str
    """An Outcome."""
    caller_request_id: str = ""
    served_group_id: str = ""
    """The group whose account served: the key's own, or its fallback."""
    account_id: str = ""
    """The account tried last."""
    platform: str = ""
    requested_model: str = ""
    served_model: str = ""
    """What was asked of upstream, aliases resolved."""
    initiator: str = ""
    initiator_rule: str = ""
    stream: bool = False
    status: int = 0
    """The HTTP status of the answer; 499 when the caller had gone before there was one."""
    fault: str = ""
    """What `x-gateway-error` said."""
    is_partial: bool = False
    """Whether more may have been used than is known."""
    input_tokens: int = 0
    """Cached ones included."""
    output_tokens: int = 0
    """Reasoning included."""
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    nano_aiu: int | None = None
    """Credits times 1e9."""
    credits_source: str = ""
    """A CreditsSource."""
    premium_multiplier: float | None = None
    """How many premium requests one of this model is, on plans that count those."""
    attempts: int = 0
    """How many requests were sent upstream."""
    first_byte_seconds: float | None = None
    duration_seconds: float = 0.0

    @property
    def is_counted(self) -> bool:
        """Whether a budget of requests counts it."""
        return self.attempts > 0 and self.outcome not in _UNANSWERED_WORDS
