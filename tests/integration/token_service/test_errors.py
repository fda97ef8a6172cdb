"""Every way GitHub can refuse, as a caller of the RPC sees it (design §6)."""

from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from tests.servers.scripted_github import Reply, granted, scripted_github
from tests.servers.token_service import RunningService, configured, running

pytestmark = pytest.mark.anyio

ENVELOPE = {
    "message": "Resource not accessible by integration",
    "error_details": {"message": "No access.", "notification_id": "no_copilot_access"},
}
ROWS = [
    ("401", Reply(401, {"message": "Bad credentials"}), "CREDENTIAL_REJECTED", None),
    ("403 envelope", Reply(403, ENVELOPE), "NO_COPILOT_ACCESS", None),
    (
        "403 rate limit",
        Reply(403, {"message": "API rate limit exceeded for user ID 1."}, {"Retry-After": "90"}),
        "GITHUB_RATE_LIMITED",
        90,
    ),
    (
        "403 rate limit as text",
        Reply(403, "You have exceeded a secondary rate limit.\n", {"Retry-After": "7"}),
        "GITHUB_RATE_LIMITED",
        7,
    ),
    ("403 kind", Reply(403, {"message": "Resource"}), "CREDENTIAL_KIND_UNSUPPORTED", None),
    ("404", Reply(404, {"message": "Not Found"}), "CREDENTIAL_KIND_UNSUPPORTED", None),
    ("429", Reply(429, "slow", {"Retry-After": "7200"}), "GITHUB_RATE_LIMITED", 900),
    ("500", Reply(500, "<html>Unicorn</html>"), "GITHUB_UNAVAILABLE", 0),
    ("503 with a hint", Reply(503, "", {"Retry-After": "20"}), "GITHUB_UNAVAILABLE", 20),
    ("302", Reply(302, "", {"Location": "https://evil.example"}), "GITHUB_UNAVAILABLE", 0),
    ("HTML", Reply(200, "<html>hello</html>"), "GITHUB_UNAVAILABLE", 0),
    ("no token", Reply(200, {"expires_at": 1}), "GITHUB_UNAVAILABLE", 0),
    ("huge", Reply(200, "x" * 70_000), "GITHUB_UNAVAILABLE", 0),
    ("end in milliseconds", granted(expires_at=1_795_354_200_000), "GITHUB_UNAVAILABLE", 0),
    ("evil host", granted(endpoints={"api": "https://evil.example"}), "HOST_NOT_ALLOWED", None),
]
CODES = {
    "ACCOUNT_NOT_FOUND": grpc.StatusCode.NOT_FOUND,
    "ARGUMENT_INVALID": grpc.StatusCode.INVALID_ARGUMENT,
    "CREDENTIAL_REJECTED": grpc.StatusCode.FAILED_PRECONDITION,
    "CREDENTIAL_KIND_UNSUPPORTED": grpc.StatusCode.FAILED_PRECONDITION,
    "NO_COPILOT_ACCESS": grpc.StatusCode.FAILED_PRECONDITION,
    "HOST_NOT_ALLOWED": grpc.StatusCode.FAILED_PRECONDITION,
    "GITHUB_RATE_LIMITED": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "GITHUB_UNAVAILABLE": grpc.StatusCode.UNAVAILABLE,
}


class Seen:
    """What a failed call carried."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        status = rpc_status.from_call(error)
        self.code = error.code()
        self.message = error.details()
        self.info = error_details_pb2.ErrorInfo()
        self.retry: float | None = None
        for detail in status.details if status is not None else ():
            retry = error_details_pb2.RetryInfo()
            if not detail.Unpack(self.info) and detail.Unpack(retry):
                self.retry = retry.retry_delay.ToMilliseconds() / 1000


async def refusal(
    service: RunningService, account: str = "seat-1", min_ttl: float | None = None
) -> Seen:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await service.get(account, min_ttl)
    return Seen(raised.value)


@pytest.mark.parametrize(
    ("reply", "reason", "retry"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS]
)
async def test_refusals_of_github(
    tmp_path: Path, reply: Reply, reason: str, retry: float | None
) -> None:
    """retry: the least RetryInfo in seconds; None where waiting does not help."""
    async with scripted_github() as github, running(configured(tmp_path, github.url, {})) as made:
        github.exchanges.append(reply)
        seen = await refusal(made)

    assert seen.code is CODES[reason]
    assert (seen.info.domain, seen.info.reason) == ("token-service", reason)
    if retry is None:
        assert seen.retry is None
    else:
        assert seen.retry is not None
        assert retry <= seen.retry <= max(1, retry) + 1


async def test_a_notification_id_travels_as_metadata(tmp_path: Path) -> None:
    async with scripted_github() as github, running(configured(tmp_path, github.url, {})) as made:
        github.exchanges.append(Reply(403, ENVELOPE))
        seen = await refusal(made)

    assert seen.info.metadata == {"notification_id": "no_copilot_access"}
    assert "No access." in (seen.message or "")


@pytest.mark.parametrize(
    ("account", "min_ttl", "reason"),
    [
        ("nobody", None, "ACCOUNT_NOT_FOUND"),
        ("", None, "ARGUMENT_INVALID"),
        ("seat-1", 1201, "ARGUMENT_INVALID"),
        ("seat-1", -1, "ARGUMENT_INVALID"),
    ],
)
async def test_refusals_of_our_own(
    tmp_path: Path, account: str, min_ttl: float | None, reason: str
) -> None:
    async with scripted_github() as github, running(configured(tmp_path, github.url, {})) as made:
        seen = await refusal(made, account, min_ttl)

        assert (seen.code, seen.info.reason) == (CODES[reason], reason)
        assert github.exchange_count == 0


async def test_no_github_at_all(tmp_path: Path) -> None:
    async with running(configured(tmp_path, "http://127.0.0.1:9", {})) as made:
        seen = await refusal(made)

    assert seen.info.reason == "GITHUB_UNAVAILABLE"
    assert seen.retry is not None


async def test_a_github_that_hangs(tmp_path: Path) -> None:
    async with scripted_github() as github:
        content = {"github": {"api_url": github.url, "timeout_seconds": 0.1}}
        async with running(configured(tmp_path, github.url, content)) as made:
            github.hold()
            seen = await refusal(made)
            github.release()

    assert seen.info.reason == "GITHUB_UNAVAILABLE"


async def test_a_remembered_failure_counts_down(tmp_path: Path) -> None:
    """While the pause lasts GitHub is not asked again."""
    async with scripted_github() as github, running(configured(tmp_path, github.url, {})) as made:
        github.exchanges.append(Reply(429, "", {"Retry-After": "90"}))
        first = await refusal(made)
        second = await refusal(made)

        assert github.exchange_count == 1
        assert first.retry is not None
        assert second.retry is not None
        assert second.retry <= first.retry
