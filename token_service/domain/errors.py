"""Every way an account's token can fail to be given.

    TokenServiceError
    ├── CallerError                  the request is at fault; only the caller can mend it
    │   ├── CallerUnauthenticated
    │   ├── AccountNotFound
    │   └── ArgumentInvalid
    ├── AccountError                 the account is at fault; an operator has to mend it
    │   ├── CredentialRejected
    │   ├── CredentialKindUnsupported
    │   ├── NoCopilotAccess
    │   └── HostNotAllowed
    ├── TemporaryError               nobody has to mend anything; waiting helps
    │   ├── GitHubRateLimited
    │   ├── GitHubUnavailable
    │   ├── TokenRejectedUpstream
    │   ├── Overloaded
    │   └── Draining
    └── InternalError                a fault of the token service itself

An error is a value until somebody raises it: it is remembered, handed to every waiting caller
as a copy of its own, and knows no status code (rpc/status.py does).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """The words callers act on: google.rpc.ErrorInfo.reason (token_service.proto)."""

    CALLER_UNAUTHENTICATED = "CALLER_UNAUTHENTICATED"
    ACCOUNT_NOT_FOUND = "ACCOUNT_NOT_FOUND"
    ARGUMENT_INVALID = "ARGUMENT_INVALID"
    CREDENTIAL_REJECTED = "CREDENTIAL_REJECTED"
    CREDENTIAL_KIND_UNSUPPORTED = "CREDENTIAL_KIND_UNSUPPORTED"
    NO_COPILOT_ACCESS = "NO_COPILOT_ACCESS"
    HOST_NOT_ALLOWED = "HOST_NOT_ALLOWED"
    GITHUB_RATE_LIMITED = "GITHUB_RATE_LIMITED"
    GITHUB_UNAVAILABLE = "GITHUB_UNAVAILABLE"
    TOKEN_REJECTED_UPSTREAM = "TOKEN_REJECTED_UPSTREAM"  # noqa: S105  a reason's name
    OVERLOADED = "OVERLOADED"
    DRAINING = "DRAINING"
    INTERNAL = "INTERNAL"


class TokenServiceError(Exception):
    """One failure.

    message      what happened and what to do, for the caller; holds no credential and no token
    retry_after  seconds after which asking again is worth it; None where waiting does not help
    metadata     closed set of keys, such as notification_id
    detail       for the operator's log only: which file, which transport error; no secret either
    """

    reason: Reason

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        metadata: Mapping[str, str] | None = None,
        detail: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after
        self.metadata: Mapping[str, str] = dict(metadata or {})
        self.detail = detail

    def again(self, retry_after: float | None) -> Self:
        """A fresh copy for one more caller, with the waiting time that is left for it."""
        return type(self)(
            self.message, retry_after=retry_after, metadata=self.metadata, detail=self.detail
        )


class CallerError(TokenServiceError):
    """The request is at fault."""


class CallerUnauthenticated(CallerError):
    """The caller did not prove who it is, or is nobody this service knows."""

    reason = Reason.CALLER_UNAUTHENTICATED


class AccountNotFound(CallerError):
    """No such account, or none that this caller may know of."""

    reason = Reason.ACCOUNT_NOT_FOUND


class ArgumentInvalid(CallerError):
    """A field of the request is out of its range."""

    reason = Reason.ARGUMENT_INVALID


class AccountError(TokenServiceError):
    """The account is at fault; trying again changes nothing until an operator acts."""


class CredentialRejected(AccountError):
    """GitHub refused the credential, or it cannot be read or has expired."""

    reason = Reason.CREDENTIAL_REJECTED


class CredentialKindUnsupported(AccountError):
    """This kind of credential cannot be used this way."""

    reason = Reason.CREDENTIAL_KIND_UNSUPPORTED


class NoCopilotAccess(AccountError):
    """The credential is good, the person behind it has no usable Copilot seat."""

    reason = Reason.NO_COPILOT_ACCESS


class HostNotAllowed(AccountError):
    """The token would have to be sent to a host that is not on the list."""

    reason = Reason.HOST_NOT_ALLOWED


class TemporaryError(TokenServiceError):
    """Waiting helps."""


class GitHubRateLimited(TemporaryError):
    """GitHub asks for fewer requests."""

    reason = Reason.GITHUB_RATE_LIMITED


class GitHubUnavailable(TemporaryError):
    """GitHub did not answer, or not in a way that can be used."""

    reason = Reason.GITHUB_UNAVAILABLE


class TokenRejectedUpstream(TemporaryError):
    """Upstream refused the last few tokens although they were new."""

    reason = Reason.TOKEN_REJECTED_UPSTREAM


class Overloaded(TemporaryError):
    """Too many callers wait already."""

    reason = Reason.OVERLOADED


class Draining(TemporaryError):
    """This process is about to end."""

    reason = Reason.DRAINING


class InternalError(TokenServiceError):
    """A fault of the token service; its log has the particulars."""

    reason = Reason.INTERNAL
