"""What can go wrong when asking the broker for a token.

TokenError
├── TokenRefused       the broker answered, and waiting alone does not mend it
└── TokenUnavailable   no token now; later there may be one
    └── BrokerUnreachable   the broker did not answer
UnusableFiles              certificates or token file, at the start of the client
"""

from collections.abc import Mapping


class TokenError(Exception):
    """No token. `reason` is the broker's word for why (protos/token_service/v1)."""

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        retry_after: float | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.retry_after = retry_after
        """Seconds after which asking again makes sense; None where the broker did not say."""
        self.metadata = dict(metadata or {})

    def again(self, retry_after: float | None) -> "TokenError":
        """The same error for another caller at another moment.

        One exception object raised in several tasks would collect all their tracebacks.
        """
        return type(self)(
            self.message, reason=self.reason, retry_after=retry_after, metadata=self.metadata
        )


class TokenRefused(TokenError):
    """An operator has to act: the account, its credential or its seat is not usable."""


class TokenUnavailable(TokenError):
    """GitHub or the broker cannot help at the moment."""


class BrokerUnreachable(TokenUnavailable):
    """No replica of the broker answered within the deadline."""


class UnusableFiles(ValueError):
    """A file cannot be read or is not what it should be. The text names it and quotes nothing."""
