"""What upstream refuses reaches each client as the error it acts on, in its own protocol.

Each case has an account of its own that upstream refuses for good, and a key bound to it: what
follows from a refusal for the account cannot reach another case.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import anthropic
import openai
import pytest

from tests.e2e.sdk.asked import CLAUDE, CODEX, GPT
from tests.servers.pair import Pair
from tests.servers.simulator import Simulator


@dataclass(frozen=True)
class Case:
    """What a client sees of a refusal of upstream's. kind: the error's type in Messages."""

    status: int
    code: str
    openai: type[openai.APIStatusError]
    anthropic: type[anthropic.APIStatusError]
    kind: str


BAD_REQUEST = (400, openai.BadRequestError, anthropic.BadRequestError, "invalid_request_error")
LIMIT = (429, openai.RateLimitError, anthropic.RateLimitError, "rate_limit_error")
BUSY = (503, openai.InternalServerError, anthropic.ServiceUnavailableError, "overloaded_error")
BROKEN = (502, openai.InternalServerError, anthropic.InternalServerError, "api_error")


def case(code: str, shape: tuple[int, Any, Any, str]) -> Case:
    status, of_openai, of_anthropic, kind = shape
    return Case(status, code, of_openai, of_anthropic, kind)


# By the simulator's names of upstream's refusals.
CASES: dict[str, Case] = {
    "prompt_too_long": case("context_length_exceeded", BAD_REQUEST),
    "prompt_too_long_claude": case("context_length_exceeded", BAD_REQUEST),
    "content_filtered": case("content_filter", BAD_REQUEST),
    "quota_exceeded": case("insufficient_quota", LIMIT),
    "rate_limited": case("rate_limit_exceeded", LIMIT),
    "user_model_rate_limited": case("rate_limit_exceeded", LIMIT),
    # 401 and 403 are about the seat: they must never look like the caller's key.
    "token_unknown": case("seat_token_rejected", BROKEN),
    "feature_forbidden": case("seat_forbidden", BROKEN),
    "pat_without_permission": case("seat_token_rejected", BROKEN),
    "model_overloaded": case("model_overloaded", BUSY),
    "unavailable": case("upstream_overloaded", BUSY),
    "internal_error": case("upstream_unavailable", BROKEN),
    "unicorn": case("upstream_unavailable", BROKEN),
}


SAID: Any = [{"role": "user", "content": "Say hello."}]


@dataclass(frozen=True)
class Clients:
    """Both SDKs with one key."""

    openai: openai.OpenAI
    anthropic: anthropic.Anthropic

    def with_key(self, key: str) -> "Clients":
        return Clients(
            self.openai.with_options(api_key=key), self.anthropic.with_options(api_key=key)
        )


def chat(clients: Clients, stream: bool) -> Any:
    return clients.openai.chat.completions.create(model=GPT, messages=SAID, stream=stream)


def responses(clients: Clients, stream: bool) -> Any:
    return clients.openai.responses.create(model=CODEX, input="Say hello.", stream=stream)


def messages(clients: Clients, stream: bool, model: str = CLAUDE) -> Any:
    return clients.anthropic.messages.create(
        model=model, max_tokens=64, messages=SAID, stream=stream
    )


def translated(clients: Clients, stream: bool) -> Any:
    """Messages, for a model that upstream has on Responses only."""
    return messages(clients, stream, CODEX)


ASK: dict[str, Callable[[Clients, bool], Any]] = {
    "chat": chat,
    "responses": responses,
    "messages": messages,
    "translated": translated,
}
NAMES = [f"{refusal}-{way}" for refusal in CASES for way in ASK]
HEALTHY = "healthy"


@pytest.fixture(scope="module")
def refusing_upstream() -> Iterator[Simulator]:
    """An account for each case, which upstream refuses, and one for faults of streams."""
    accounts = [
        {"login": name, "credentials": [f"ghu_{number}"], "refusal": name.partition("-")[0]}
        for number, name in enumerate(NAMES, start=1)
    ]
    with Simulator() as simulator:
        simulator.load(
            {
                "accounts": [{"login": HEALTHY, "credentials": ["ghu_0"]}, *accounts],
                "chat": {"chunk_delay_seconds": 0},
            }
        )
        yield simulator


@pytest.fixture(scope="module")
def refusing(
    refusing_upstream: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    with Pair(
        tmp_path_factory.mktemp("refusing"),
        refusing_upstream.base_url,
        credential="ghu_0",
        more_credentials=[f"ghu_{number}" for number, _ in enumerate(NAMES, start=1)],
        more_keys={
            name: {"account": f"seat-{number}"}
            for number, name in enumerate([HEALTHY, *NAMES], start=1)
        },
    ) as pair:
        yield pair


@pytest.fixture(scope="module")
def refused(refusing: Pair) -> Iterator[Clients]:
    url, key = refusing.base_url, refusing.key
    with openai.OpenAI(base_url=url + "/v1", api_key=key, max_retries=0) as client:
        with anthropic.Anthropic(base_url=url, api_key=key, max_retries=0) as claude:
            yield Clients(client, claude)


@pytest.fixture
def clients(client: openai.OpenAI, claude: anthropic.Anthropic) -> Clients:
    return Clients(client, claude)


@pytest.mark.parametrize("way", ASK)
@pytest.mark.parametrize("refusal", CASES)
def test_a_refusal_of_upstreams(refusing: Pair, refused: Clients, refusal: str, way: str) -> None:
    expected = CASES[refusal]
    clients = refused.with_key(refusing.more_keys[f"{refusal}-{way}"])
    for stream in (False, True):
        with pytest.raises((expected.openai, expected.anthropic)) as caught:
            ASK[way](clients, stream)
        error = caught.value
        assert isinstance(error, (openai.APIStatusError, anthropic.APIStatusError))
        assert error.status_code == expected.status
        assert "<" not in error.message
        assert error.response.headers["x-gateway-error"]
        if isinstance(error, openai.APIStatusError):
            assert error.code == expected.code
        else:
            assert_is_anthropics(error, expected)


def assert_is_anthropics(error: anthropic.APIStatusError, expected: Case) -> None:
    body = error.body
    assert isinstance(body, dict)
    assert body["type"] == "error"
    assert body["request_id"] == error.response.headers["x-request-id"]
    assert body["error"]["type"] == expected.kind
    if expected.code == "context_length_exceeded":
        # What makes Claude Code compact its conversation.
        assert body["error"]["message"].startswith("prompt is too long")


def test_a_limit_says_how_long_to_wait(refusing: Pair, refused: Clients) -> None:
    clients = refused.with_key(refusing.more_keys["rate_limited-chat"])
    with pytest.raises(openai.RateLimitError) as caught:
        chat(clients, stream=False)
    assert int(caught.value.response.headers["retry-after"]) > 0


def test_a_bad_key_is_an_authentication_error(clients: Clients) -> None:
    stranger = clients.with_key("nope")
    for ask in (chat, responses):
        with pytest.raises(openai.AuthenticationError) as caught:
            ask(stranger, stream=False)
        assert caught.value.code == "invalid_api_key"
        assert caught.value.response.headers["x-gateway-error"] == "caller_key_unknown"
    with pytest.raises(anthropic.AuthenticationError) as refused:
        messages(stranger, stream=False)
    assert refused.value.response.headers["x-gateway-error"] == "caller_key_unknown"


@pytest.mark.parametrize("stream", [False, True])
def test_a_bad_model_is_a_not_found_error(clients: Clients, stream: bool) -> None:
    client = clients.openai
    with pytest.raises(openai.NotFoundError) as in_chat:
        client.chat.completions.create(model="gpt-none", messages=SAID, stream=stream)
    with pytest.raises(openai.NotFoundError) as in_responses:
        client.responses.create(model="gpt-none", input="Say hello.", stream=stream)
    for caught in (in_chat, in_responses):
        assert caught.value.code == "model_not_found"
        assert caught.value.param == "model"
    with pytest.raises(anthropic.NotFoundError):
        messages(clients, stream, model="gpt-none")


def test_a_model_that_its_holder_has_not_enabled_does_not_exist(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model="claude-opus-4.5", input="Say hello.")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("claude-opus-4.5")


def test_a_body_that_is_wrong_names_the_field(
    client: openai.OpenAI, claude: anthropic.Anthropic
) -> None:
    with pytest.raises(openai.BadRequestError) as in_responses:
        client.responses.create(model=CODEX, input=[])
    assert in_responses.value.param == "input"
    with pytest.raises(anthropic.BadRequestError) as in_messages:
        claude.messages.create(model=CLAUDE, max_tokens=64, messages=[])
    assert "messages" in in_messages.value.message


STREAM_FAULTS: dict[str, dict[str, Any]] = {
    "an error event": {"error_event": {"after_events": 6, "code": "server_error"}},
    "an end without an end": {"end": {"how": "finish", "after_events": 7}},
    "a broken connection": {"end": {"how": "reset", "after_events": 7}},
}


@pytest.mark.parametrize("model", [CLAUDE, CODEX, GPT])
@pytest.mark.parametrize("fault", STREAM_FAULTS)
def test_a_stream_that_ends_badly_is_an_error(
    refusing: Pair, refused: Clients, refusing_upstream: Simulator, fault: str, model: str
) -> None:
    """No client may take what came before it for a whole answer."""
    refusing_upstream.remove_faults()
    refusing_upstream.faults(STREAM_FAULTS[fault])
    clients = refused.with_key(refusing.more_keys[HEALTHY])
    client = clients.openai
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model=model, messages=SAID, stream=True))
    with pytest.raises(openai.APIError):
        list(client.responses.create(model=model, input="Say hello.", stream=True))
    with pytest.raises(anthropic.APIError):
        list(messages(clients, stream=True, model=model))
