"""A span around whatever obtains a token: in the trace of the call that set it off."""

from runtime.tracing.tracer import Kind, Tracer
from token_service.domain.errors import TokenServiceError
from token_service.domain.tokens import Account, Grant
from token_service.ports.tokens import TokenSource

NAME = "obtain token"


class TracedSource:
    """The TokenSource port over another one."""

    def __init__(self, source: TokenSource, tracer: Tracer) -> None:
        self._source = source
        self._tracer = tracer

    async def obtain(self, account: Account) -> Grant:
        """See ports.tokens.TokenSource."""
        with self._tracer.span(NAME, Kind.CLIENT) as span:
            span.set({"copilot.account": account.id})
            try:
                return await self._source.obtain(account)
            except TokenServiceError as error:
                span.failed(error.reason)
                raise
            except Exception as error:
                # A bug; its text may hold a value.
                span.failed(type(error).__name__)
                raise
