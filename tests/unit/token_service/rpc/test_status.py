"""Domain error to status (design §6)."""

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from token_service.domain import errors
from token_service.domain.errors import Reason, TokenServiceError
from token_service.rpc.status import CODES, duration, status_of

TABLE = {
    errors.CallerUnauthenticated: "UNAUTHENTICATED",
    errors.AccountNotFound: "NOT_FOUND",
    errors.ArgumentInvalid: "INVALID_ARGUMENT",
    errors.CredentialRejected: "FAILED_PRECONDITION",
    errors.CredentialKindUnsupported: "FAILED_PRECONDITION",
    errors.NoCopilotAccess: "FAILED_PRECONDITION",
    errors.HostNotAllowed: "FAILED_PRECONDITION",
    errors.GitHubRateLimited: "RESOURCE_EXHAUSTED",
    errors.GitHubUnavailable: "UNAVAILABLE",
    errors.TokenRejectedUpstream: "UNAVAILABLE",
    errors.Overloaded: "RESOURCE_EXHAUSTED",
    errors.Draining: "UNAVAILABLE",
    errors.InternalError: "INTERNAL",
}


def details(status: grpc.Status) -> status_pb2.Status:
    ((_, raw),) = status.trailing_metadata
    return status_pb2.Status.FromString(raw)


def test_every_reason_has_a_code() -> None:
    assert set(CODES) == set(Reason)
    assert {kind.reason for kind in TABLE} == set(Reason)


@pytest.mark.parametrize(("kind", "code"), TABLE.items())
def test_codes(kind: type[TokenServiceError], code: str) -> None:
    status = status_of(kind("what to do"))

    assert status.code.name == code
    assert status.details == "what to do"


def test_the_reason_and_its_metadata_travel_along() -> None:
    error = errors.NoCopilotAccess("m", metadata={"notification_id": "spammy_user"})
    info = error_details_pb2.ErrorInfo()
    details(status_of(error)).details[0].Unpack(info)

    assert (info.domain, info.reason) == ("token-service", "NO_COPILOT_ACCESS")
    assert info.metadata == {"notification_id": "spammy_user"}


def test_the_wait_travels_along() -> None:
    retry = error_details_pb2.RetryInfo()
    details(status_of(errors.GitHubRateLimited("m", retry_after=61.5))).details[1].Unpack(retry)

    assert retry.retry_delay == duration(61.5)


def test_no_wait_no_advice() -> None:
    assert len(details(status_of(errors.CredentialRejected("m"))).details) == 1


def test_a_bug_is_no_reason_callers_can_act_on() -> None:
    assert len(details(status_of(errors.InternalError("m"))).details) == 0


def test_what_is_for_the_log_stays_out() -> None:
    status = status_of(errors.CredentialRejected("m", detail="/run/secrets/seat-1: is empty"))

    assert b"secrets" not in details(status).SerializeToString()
