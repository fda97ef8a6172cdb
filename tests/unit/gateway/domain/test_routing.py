"""Which endpoint serves a request: an independent table."""

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.models import Model
from gateway.domain.protocols import Protocol
from gateway.domain.routing import route

CHAT, RESPONSES, MESSAGES = Protocol.CHAT, Protocol.RESPONSES, Protocol.MESSAGES
EMBEDDINGS = Protocol.EMBEDDINGS
COPILOT = {CHAT, RESPONSES, MESSAGES, EMBEDDINGS}
OPENAI = {CHAT, RESPONSES, EMBEDDINGS}
KINDS = {
    "legacy": {CHAT},
    "codex": {RESPONSES},
    "claude": {CHAT, MESSAGES},
    "gpt-5": {CHAT, RESPONSES},
}


@pytest.mark.parametrize(
    ("caller", "kind", "expected"),
    [
        (CHAT, "legacy", CHAT),
        (CHAT, "codex", RESPONSES),
        (CHAT, "claude", CHAT),
        (CHAT, "gpt-5", CHAT),
        (RESPONSES, "legacy", CHAT),
        (RESPONSES, "codex", RESPONSES),
        (RESPONSES, "claude", MESSAGES),
        (RESPONSES, "gpt-5", RESPONSES),
        (MESSAGES, "legacy", CHAT),
        (MESSAGES, "codex", RESPONSES),
        (MESSAGES, "claude", MESSAGES),
        (MESSAGES, "gpt-5", RESPONSES),
    ],
)
def test_by_what_the_model_has(caller: Protocol, kind: str, expected: Protocol) -> None:
    model = Model("m", endpoints=frozenset(KINDS[kind]))
    assert route(caller, model, COPILOT) is expected


def test_what_is_not_known_goes_as_it_came() -> None:
    for caller in (CHAT, RESPONSES, MESSAGES, EMBEDDINGS):
        assert route(caller, None, COPILOT) is caller


def test_a_platform_without_the_callers_protocol_gets_chat() -> None:
    for model in (None, Model("m")):
        assert route(MESSAGES, model, OPENAI) is CHAT
        assert route(RESPONSES, model, OPENAI) is RESPONSES


@pytest.mark.parametrize(
    ("caller", "endpoints"), [(EMBEDDINGS, {CHAT}), (CHAT, {EMBEDDINGS}), (MESSAGES, {EMBEDDINGS})]
)
def test_embeddings_and_conversations_are_not_each_other(
    caller: Protocol, endpoints: set[Protocol]
) -> None:
    with pytest.raises(GatewayError) as caught:
        route(caller, Model("m", endpoints=frozenset(endpoints)), COPILOT)
    assert caught.value.fault is Fault.CALLER_MODEL_ENDPOINT
