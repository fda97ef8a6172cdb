"""Every way a request can fail, by whose fault it is. Knows no HTTP status and no wire shape.

GatewayError
└── carries one Fault, a public message, and what a caller may act on

The words of Fault are what `x-gateway-error`, the metrics and the log say. The list is closed:
what fits none is `gateway_other`, which operators are alerted about.
"""

from enum import Enum

from gateway.domain.budgets.standing import RateStanding


class Fault(Enum):
    """Who is at fault and how; the prefix names the party."""

    CALLER_KEY_MISSING = "caller_key_missing"
    CALLER_KEY_UNKNOWN = "caller_key_unknown"
    CALLER_KEY_EXPIRED = "caller_key_expired"
    CALLER_KEY_REVOKED = "caller_key_revoked"
    CALLER_KEY_TOKEN = "caller_key_token"
    CALLER_KEYS_CONFLICT = "caller_keys_conflict"
    CALLER_HTTP_INVALID = "caller_http_invalid"
    CALLER_PATH_UNKNOWN = "caller_path_unknown"
    CALLER_ENDPOINT_UNSUPPORTED = "caller_endpoint_unsupported"
    CALLER_METHOD_NOT_ALLOWED = "caller_method_not_allowed"
    CALLER_BODY_INVALID = "caller_body_invalid"
    CALLER_BODY_TOO_LARGE = "caller_body_too_large"
    CALLER_BODY_TIMEOUT = "caller_body_timeout"
    CALLER_MODEL_NOT_FOUND = "caller_model_not_found"
    CALLER_MODEL_ENDPOINT = "caller_model_endpoint"
    CALLER_VISION_UNSUPPORTED = "caller_vision_unsupported"
    CALLER_CONTEXT_LENGTH = "caller_context_length"
    CALLER_CONTENT_FILTERED = "caller_content_filtered"
    CALLER_REQUEST_REFUSED = "caller_request_refused"
    POLICY_PLATFORM = "policy_platform"
    POLICY_GROUP = "policy_group"
    POLICY_TOKEN = "policy_token"
    POLICY_GUESSING = "policy_guessing"
    POLICY_RATE = "policy_rate"
    POLICY_CONCURRENCY = "policy_concurrency"
    POLICY_PAUSED = "policy_paused"
    POLICY_BUDGET = "policy_budget"
    POLICY_BUDGET_UNKNOWN = "policy_budget_unknown"
    SEAT_UNKNOWN = "seat_unknown"
    SEAT_CREDENTIAL = "seat_credential"
    SEAT_NO_ACCESS = "seat_no_access"
    SEAT_TOKEN_UNAVAILABLE = "seat_token_unavailable"
    SEAT_TOKEN_REJECTED = "seat_token_rejected"
    SEAT_FORBIDDEN = "seat_forbidden"
    SEAT_WRONG_HOST = "seat_wrong_host"
    SEAT_IDENTITY = "seat_identity"
    SEAT_QUOTA = "seat_quota"
    SEAT_RATE_LIMITED = "seat_rate_limited"
    SEAT_MODEL_RATE_LIMITED = "seat_model_rate_limited"
    SEAT_BUSY = "seat_busy"
    SEAT_UNAVAILABLE = "seat_unavailable"
    SEAT_STATE_FOREIGN = "seat_state_foreign"
    UPSTREAM_CLIENT_REFUSED = "upstream_client_refused"
    UPSTREAM_RATE_LIMITED = "upstream_rate_limited"
    UPSTREAM_OVERLOADED = "upstream_overloaded"
    UPSTREAM_MODEL_OVERLOADED = "upstream_model_overloaded"
    UPSTREAM_UNAVAILABLE = "upstream_unavailable"
    UPSTREAM_TIMEOUT = "upstream_timeout"
    UPSTREAM_REQUEST_TIMEOUT = "upstream_request_timeout"
    UPSTREAM_IDLE = "upstream_idle"
    UPSTREAM_BAD_ANSWER = "upstream_bad_answer"
    UPSTREAM_CUT_OFF = "upstream_cut_off"
    UPSTREAM_TRUNCATED = "upstream_truncated"
    UPSTREAM_STREAM_ERROR = "upstream_stream_error"
    GATEWAY_TOKEN_SERVICE = "gateway_token_service"
    GATEWAY_DEADLINE = "gateway_deadline"
    GATEWAY_DRAINING = "gateway_draining"
    GATEWAY_JOURNAL_FULL = "gateway_journal_full"
    GATEWAY_KEYS = "gateway_keys"
    GATEWAY_ISSUER = "gateway_issuer"
    GATEWAY_LEDGER = "gateway_ledger"
    GATEWAY_VISION_HEADER = "gateway_vision_header"
    GATEWAY_OTHER = "gateway_other"


class GatewayError(Exception):
    """A refusal whose message may reach the caller: it never holds a secret or HTML."""

    blames_account = True
    """Whether it says anything of the account that the request went to."""

    def __init__(
        self,
        fault: Fault,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        allow: str | None = None,
        rate: RateStanding | None = None,
    ) -> None:
        super().__init__(message)
        self.fault = fault
        self.message = message
        self.code = code
        """Overrides the fault's usual `code` where clients act on a more precise word."""
        self.param = param
        """The field of the request that is at fault."""
        self.retry_after = retry_after
        """Seconds after which the same request may succeed."""
        self.allow = allow
        """The method that the path takes."""
        self.rate = rate
        """How the rate of the key stands that asked; None where it has none."""

    def under(self, rate: RateStanding | None) -> "GatewayError":
        """The same for a key with this rate. A new one: an error may be that of many requests."""
        return GatewayError(
            self.fault,
            self.message,
            code=self.code,
            param=self.param,
            retry_after=self.retry_after,
            allow=self.allow,
            rate=rate,
        )
