"""Domain error → gRPC status with google.rpc.ErrorInfo and RetryInfo, by one table.

Decides nothing else; a test fails until every reason has its row.
"""

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from token_service.domain.errors import InternalError, Reason, TokenServiceError

DOMAIN = "token-service"

CODES: dict[Reason, grpc.StatusCode] = {
    Reason.CALLER_UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    Reason.ACCOUNT_NOT_FOUND: grpc.StatusCode.NOT_FOUND,
    Reason.ARGUMENT_INVALID: grpc.StatusCode.INVALID_ARGUMENT,
    Reason.CREDENTIAL_REJECTED: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.CREDENTIAL_KIND_UNSUPPORTED: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.NO_COPILOT_ACCESS: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.HOST_NOT_ALLOWED: grpc.StatusCode.FAILED_PRECONDITION,
    Reason.GITHUB_RATE_LIMITED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.GITHUB_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    Reason.TOKEN_REJECTED_UPSTREAM: grpc.StatusCode.UNAVAILABLE,
    Reason.OVERLOADED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    Reason.DRAINING: grpc.StatusCode.UNAVAILABLE,
    Reason.INTERNAL: grpc.StatusCode.INTERNAL,
}

INTERNAL = InternalError("the token service failed; its log says more")


def status_of(error: TokenServiceError) -> grpc.Status:
    """What to abort the call with."""
    code: tuple[int, str] = CODES[error.reason].value
    status = status_pb2.Status(code=code[0], message=error.message)
    # INTERNAL is not one of the reasons callers can act on (token_service.proto).
    if error.reason is not Reason.INTERNAL:
        status.details.add().Pack(
            error_details_pb2.ErrorInfo(
                reason=error.reason.value, domain=DOMAIN, metadata=error.metadata
            )
        )
    if error.retry_after is not None:
        retry = error_details_pb2.RetryInfo(retry_delay=duration(error.retry_after))
        status.details.add().Pack(retry)
    answer: grpc.Status = rpc_status.to_status(status)
    return answer


def duration(seconds: float) -> Duration:
    """A protobuf Duration to the millisecond."""
    made = Duration()
    made.FromMilliseconds(int(seconds * 1000))
    return made
