"""Headers cross in closed lists, both ways."""

import pytest
from multidict import CIMultiDict

from gateway.domain.headers import for_caller, for_upstream, is_request_id
from gateway.domain.initiator import Initiator

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
    }
)


def upstream_headers(**changes: object) -> dict[str, str]:
    arguments: dict[str, object] = {
        "caller": CALLER,
        "token_value": "the-token",
        "token_headers": {"Editor-Version": "copilot-gateway/1"},
        "attempt_id": "id-1",
        "initiator": Initiator.USER,
        "vision": False,
        "stream": False,
    }
    return for_upstream(**{**arguments, **changes})  # type: ignore[arg-type]  # spelled by tests


def test_nothing_unlisted_goes_upstream() -> None:
    assert upstream_headers() == {
        "openai-intent": "conversation-agent",
        "Editor-Version": "copilot-gateway/1",
        "Authorization": "Bearer the-token",
        "X-Request-Id": "id-1",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        "X-Initiator": "user",
    }


def test_an_image_and_a_stream_are_said() -> None:
    found = upstream_headers(vision=True, stream=True, initiator=Initiator.AGENT)
    assert found["Copilot-Vision-Request"] == "true"
    assert found["Accept"] == "text/event-stream"
    assert found["X-Initiator"] == "agent"


@pytest.mark.parametrize(
    "name", ["authorization", "Authorization", "Host", "cookie", "X-Initiator", "Transfer-Encoding"]
)
def test_the_broker_cannot_set_what_is_not_its_own(name: str) -> None:
    assert upstream_headers(token_headers={name: "evil"}) == upstream_headers(token_headers={})


def test_only_type_and_retry_after_come_back() -> None:
    answer = CIMultiDict(
        {
            "Content-Type": "text/event-stream",
            "Retry-After": "3",
            "X-Quota-Snapshot-Chat": "ent=1",
            "Set-Cookie": "a=b",
            "X-GitHub-Request-Id": "F499",
        }
    )
    assert for_caller(answer) == {"content-type": "text/event-stream", "retry-after": "3"}


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("a", True),
        ("A-z.0_9", True),
        ("a" * 128, True),
        ("a" * 129, False),
        ("", False),
        ("a b", False),
        ("a\n", False),
        ("é", False),
    ],
)
def test_a_callers_request_id_is_kept_when_it_is_plain(text: str, fine: bool) -> None:
    assert is_request_id(text) is fine
