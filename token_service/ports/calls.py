"""Calls of the RPC: who calls, what is counted, and what is kept for those who look later."""

from typing import Protocol

from token_service.domain.callers import Caller, Presented, Refusal


class RpcEvents(Protocol):
    """What happened to a call, for metrics and logs. None of these waits or raises."""

    def call_crashed(self, method: str, error: Exception) -> None:
        """A call ended in a bug."""
        ...

    def caller_refused(self, why: Refusal) -> None:
        """A call was refused before its method ran."""
        ...


class CallMeter(Protocol):
    """Counts and times every call. labels: unary or server_stream, service, method."""

    def started(self, labels: tuple[str, str, str]) -> None:
        """A call came in."""
        ...

    def ended(self, labels: tuple[str, str, str], code: str, seconds: float) -> None:
        """It ended with this status code's name."""
        ...


class CallerEvents(Protocol):
    """What happened to the means by which callers are known. None of these waits or raises."""

    def certificates_loaded(self, expires_at: float) -> None:
        """The listener shows a new certificate; expires_at: seconds since the epoch."""
        ...

    def certificates_refused(self, explanation: str) -> None:
        """The listener's files cannot be used as they are; it keeps what it had."""
        ...

    def issuer_answered(self, keys: int) -> None:
        """The keys of callers' tokens were read anew; how many there are now."""
        ...

    def issuer_failed(self, explanation: str) -> None:
        """The keys, or the review of a token, could not be had; what is known still counts."""
        ...


class Authenticator(Protocol):
    """Finds out who calls."""

    async def identify(self, presented: Presented) -> Caller:
        """The caller. Raises CallerUnauthenticated.

        Called for every call: it waits only for what was never seen before, and within a bound.
        """
        ...


class Audit(Protocol):
    """Who was given what, and who was not. None of these waits or raises; nothing is secret."""

    def granted(
        self, caller: str, method: str, account: str, token_id: str, generation: int
    ) -> None:
        """A call was answered; the empty string or 0 for what the method does not have."""
        ...

    def refused(self, caller: str, method: str, account: str, reason: str) -> None:
        """A call was refused; caller is empty when nobody knows who it was."""
        ...
