"""Reads a failed RPC: status code, ErrorInfo and RetryInfo → one of our errors."""

from google.protobuf.any_pb2 import Any
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode
from grpc.aio import AioRpcError

from token_client.errors import BrokerUnreachable, TokenError, TokenRefused, TokenUnavailable

DETAILS_KEY = "grpc-status-details-bin"

ERROR_OF_STATUS: dict[StatusCode, type[TokenError]] = {
    StatusCode.NOT_FOUND: TokenRefused,
    StatusCode.FAILED_PRECONDITION: TokenRefused,
    StatusCode.INVALID_ARGUMENT: TokenRefused,
    StatusCode.UNAUTHENTICATED: TokenRefused,
    StatusCode.PERMISSION_DENIED: TokenRefused,
    StatusCode.UNIMPLEMENTED: TokenRefused,
    StatusCode.RESOURCE_EXHAUSTED: TokenUnavailable,
    StatusCode.DEADLINE_EXCEEDED: BrokerUnreachable,
}


def error_of(failure: AioRpcError) -> TokenError:
    """The error a caller should see. Its text is the broker's own, which never holds a secret."""
    info, retry_after = _details(failure)
    kind = ERROR_OF_STATUS.get(failure.code(), TokenUnavailable)
    if kind is TokenUnavailable and failure.code() is StatusCode.UNAVAILABLE and not info.reason:
        # Without ErrorInfo it was the transport that failed, not the broker that refused.
        return BrokerUnreachable("the token broker cannot be reached", retry_after=retry_after)
    return kind(
        failure.details() or failure.code().name,
        reason=info.reason,
        retry_after=retry_after,
        metadata=dict(info.metadata),
    )


def _details(failure: AioRpcError) -> tuple[error_details_pb2.ErrorInfo, float | None]:
    info = error_details_pb2.ErrorInfo()
    retry_after = None
    for detail in _status(failure).details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            detail.Unpack(info)
        elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            retry_after = _retry_seconds(detail)
    return info, retry_after


def _retry_seconds(detail: Any) -> float:
    retry = error_details_pb2.RetryInfo()
    detail.Unpack(retry)
    return float(retry.retry_delay.seconds) + float(retry.retry_delay.nanos) / 1e9


def _status(failure: AioRpcError) -> status_pb2.Status:
    for key, value in failure.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            return status_pb2.Status.FromString(value)
    return status_pb2.Status()
