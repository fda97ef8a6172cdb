"""What makes one platform different from another: what it serves, is told, and means by no."""

import json

import pytest
from multidict import CIMultiDict

from gateway.domain.errors import Fault
from gateway.domain.headers import Outgoing, attempt
from gateway.domain.initiator import Initiator
from gateway.domain.platforms.table import PLATFORMS
from gateway.domain.protocols import Protocol
from gateway.domain.upstream_errors import explain, explain_event, read_refusal

CALLER = CIMultiDict(
    {
        "Authorization": "Bearer callers-key",
        "X-Api-Key": "callers-key",
        "Cookie": "session=1",
        "User-Agent": "curl/8",
        "X-Forwarded-For": "203.0.113.9",
        "Editor-Version": "vscode/1.0",
        "Copilot-Integration-Id": "vscode-chat",
        "X-Initiator": "agent",
        "OpenAI-Intent": "conversation-agent",
        "X-Interaction-Id": "x" * 257,
        "OpenAI-Organization": "org-1",
        "OpenAI-Project": "proj-1",
        "OpenAI-Beta": "responses=experimental",
        "Idempotency-Key": "k",
    }
)


def upstream_headers(platform: str, **changes: object) -> dict[str, str]:
    arguments: dict[str, object] = {
        "token_value": "the-token",
        "token_headers": {},
        "initiator": Initiator.USER,
    }
    outgoing = Outgoing(**{**arguments, **changes})  # type: ignore[arg-type]  # spelled by tests
    found = PLATFORMS[platform]
    from_caller = found.from_caller(CALLER, outgoing.protocol or Protocol.CHAT)
    return dict(attempt(found.standing(outgoing), from_caller, "id-1"))


def test_there_are_two_platforms_and_the_broker_serves_one() -> None:
    assert set(PLATFORMS) == {"copilot", "openai"}
    assert [name for name, each in PLATFORMS.items() if each.own_key] == ["openai"]
    assert [name for name, each in PLATFORMS.items() if each.has_client_breaker] == ["copilot"]


@pytest.mark.parametrize(
    ("platform", "protocol", "path"),
    [
        ("copilot", Protocol.CHAT, "/chat/completions"),
        ("copilot", Protocol.RESPONSES, "/responses"),
        ("copilot", Protocol.MESSAGES, "/v1/messages"),
        ("openai", Protocol.CHAT, "/chat/completions"),
        ("openai", Protocol.RESPONSES, "/responses"),
        ("openai", Protocol.MESSAGES, None),
    ],
)
def test_a_platform_serves_its_own_paths(
    platform: str, protocol: Protocol, path: str | None
) -> None:
    assert PLATFORMS[platform].paths.get(protocol) == path


COMMON = {
    "Authorization": "Bearer the-token",
    "X-Request-Id": "id-1",
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
}


@pytest.mark.parametrize(
    ("platform", "own"),
    [
        ("copilot", {"openai-intent": "conversation-agent", "X-Initiator": "user"}),
        ("openai", {"openai-beta": "responses=experimental"}),
    ],
)
def test_nothing_unlisted_goes_upstream(platform: str, own: dict[str, str]) -> None:
    assert upstream_headers(platform) == {**COMMON, **own}


def test_copilot_is_told_of_images_and_machines_and_no_other_platform_is() -> None:
    said = {"vision": True, "initiator": Initiator.AGENT, "stream": True}
    copilot = upstream_headers("copilot", **said)
    assert copilot["Copilot-Vision-Request"] == "true"
    assert copilot["X-Initiator"] == "agent"
    assert copilot["Accept"] == "text/event-stream"
    openai = upstream_headers("openai", **said)
    assert not {"Copilot-Vision-Request", "X-Initiator"} & set(openai)


@pytest.mark.parametrize("platform", ["copilot", "openai"])
def test_a_request_that_is_no_inference_says_nothing_of_a_body(platform: str) -> None:
    found = upstream_headers(platform, initiator=None)
    assert not {"Content-Type", "X-Initiator"} & set(found)


def error(code: str, message: str = "said upstream") -> bytes:
    return json.dumps({"error": {"message": message, "type": code, "code": code}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "copilot", "openai"),
    [
        (401, error("invalid_api_key"), Fault.SEAT_TOKEN_REJECTED, Fault.SEAT_CREDENTIAL),
        (403, b"see our Terms of Service", Fault.UPSTREAM_CLIENT_REFUSED, Fault.SEAT_FORBIDDEN),
        (403, error("unsupported_country"), Fault.SEAT_FORBIDDEN, Fault.SEAT_FORBIDDEN),
        (404, error("model_not_found"), Fault.CALLER_MODEL_NOT_FOUND, Fault.CALLER_MODEL_NOT_FOUND),
        (429, error("insufficient_quota"), Fault.SEAT_RATE_LIMITED, Fault.SEAT_QUOTA),
        (429, error("rate_limit_exceeded"), Fault.SEAT_RATE_LIMITED, Fault.SEAT_RATE_LIMITED),
        (400, error("content_filter"), Fault.CALLER_REQUEST_REFUSED, Fault.CALLER_CONTENT_FILTERED),
        (500, b"", Fault.UPSTREAM_UNAVAILABLE, Fault.UPSTREAM_UNAVAILABLE),
    ],
)
def test_the_same_no_means_what_its_platform_means(
    status: int, body: bytes, copilot: Fault, openai: Fault
) -> None:
    refusal = read_refusal(status, {}, body, now=0.0)
    found = {name: explain(refusal, each.rows).fault for name, each in PLATFORMS.items()}
    assert found == {"copilot": copilot, "openai": openai}


def test_an_error_inside_a_200_goes_through_the_platforms_rows_too() -> None:
    found = explain_event("insufficient_quota", "", "pay", PLATFORMS["openai"].rows)
    assert found.fault is Fault.SEAT_QUOTA
