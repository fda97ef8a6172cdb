"""What all protocols have in common: routing by the catalogue, images, state of one account,
accounts that are refused for good, costs."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.simulator.asking import HUBOT, TWO, VISION, Simulated, Told, problem

Ask = Callable[..., Told]
PROTOCOLS = {
    "chat": (Simulated.chat, "/chat/completions", "claude-sonnet-4.6"),
    "responses": (Simulated.responses, "/responses", "gpt-5-mini"),
    "messages": (Simulated.messages, "/v1/messages", "claude-sonnet-4.6"),
}
each_protocol = pytest.mark.parametrize(("ask", "path", "model"), PROTOCOLS.values(), ids=PROTOCOLS)

CHAT, RESPONSES, MESSAGES = "/chat/completions", "/responses", "/v1/messages"
SERVED = {
    "gpt-4o": {CHAT},
    "gpt-5-mini": {CHAT, RESPONSES},
    "gpt-5.3-codex": {RESPONSES},
    "gpt-5.4": {RESPONSES},
    "claude-sonnet-4.6": {CHAT, MESSAGES},
    "gemini-3.1-pro-preview": {CHAT},
}


@each_protocol
@pytest.mark.parametrize("wanted", SERVED)
def test_models_are_served_where_the_catalogue_says(
    ask: Ask, path: str, model: str, wanted: str
) -> None:
    """§5.4, S15: the refusal names the path."""
    told = ask(Simulated(), model=wanted)
    if path in SERVED[wanted]:
        assert told.status == 200
        return
    assert problem(told) == (400, "unsupported_api_for_model")
    message = f'model "{wanted}" is not accessible via the {path} endpoint'
    assert told.json["error"]["message"] == message


@each_protocol
@pytest.mark.parametrize("wanted", ["gpt-nonsense", "claude-opus-4.5", "text-embedding-3-small"])
def test_models_that_there_are_not(ask: Ask, path: str, model: str, wanted: str) -> None:
    assert problem(ask(Simulated(), model=wanted)) == (400, "model_not_supported")


@each_protocol
def test_bodies_that_say_nothing(ask: Ask, path: str, model: str) -> None:
    simulated = Simulated()
    for body in (b"", b"[]", b"{", b"\xff", {"model": model}):
        assert simulated.post(path, body).status == 400


IMAGES = {
    "chat": [
        {"role": "user", "content": [{"type": "image_url"}]},
        {"role": "user", "content": "what is it?"},
    ],
    "responses": [{"type": "function_call_output", "output": [{"type": "input_image"}]}],
    "messages": [
        {"role": "user", "content": [{"type": "tool_result", "content": [{"type": "image"}]}]}
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", PROTOCOLS)
def test_images_need_the_header(name: str) -> None:
    """§7.2, S12: 400 with a text of its own; nothing else than the header helps."""
    ask, _, model = PROTOCOLS[name]
    refused = ask(Simulated(), IMAGES[name], model=model)
    assert refused.status == 400
    expected = "missing required Copilot-Vision-Request header for vision requests"
    assert refused.json["error"]["message"] == expected
    seen = ask(Simulated(), IMAGES[name], VISION, model=model)
    assert (seen.status, seen.entry.vision) == (200, True)


THINKING: dict[str, Any] = {"model": "claude-sonnet-4.6", "thinking_budget": 1024}


def opaque(simulated: Simulated, name: str, bearer: str) -> list[Any]:
    """A conversation with what an account's answer has to be sent back with."""
    user = {"role": "user", "content": "hello"}
    if name == "responses":
        include = ["reasoning.encrypted_content"]
        reasoning, said = simulated.responses("hello", bearer=bearer, include=include).json[
            "output"
        ]
        return [user, {**reasoning, "id": None}, {**said, "id": None}, user]
    if name == "messages":
        thinking = {"type": "enabled", "budget_tokens": 1024}
        content = simulated.messages("hello", bearer=bearer, thinking=thinking).json["content"]
        return [user, {"role": "assistant", "content": content}, user]
    body = simulated.chat("hello", bearer=bearer, **THINKING).json
    return [user, body["choices"][0]["message"], user]


REFUSED = {
    "chat": "invalid_encrypted_content",
    "responses": "invalid_encrypted_content",
    "messages": ("messages.1.content.0: Invalid `signature` in `thinking` block (simulated text)"),
}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_state_belongs_to_one_account(name: str) -> None:
    """§5.9, S16."""
    simulated = Simulated(TWO)
    ask, _, model = PROTOCOLS[name]
    own, other = simulated.token(), simulated.token(HUBOT)
    conversation = opaque(simulated, name, own)
    assert ask(simulated, conversation, bearer=own, model=model).status == 200
    refused = ask(simulated, conversation, bearer=other, model=model)
    assert problem(refused) == (400, REFUSED[name])
    assert ask(Simulated({**TWO, "seed": 2}), conversation, model=model).status == 200


def test_streamed_state_is_good_too() -> None:
    simulated = Simulated(TWO)
    deltas = [
        choice["delta"]
        for event in simulated.chat(stream=True, **THINKING).events
        for choice in event["choices"]
    ]
    (value,) = [delta["reasoning_opaque"] for delta in deltas if "reasoning_opaque" in delta]
    assert any("reasoning_text" in delta for delta in deltas)
    said = [{"role": "assistant", "reasoning_opaque": value}, {"role": "user", "content": "?"}]
    assert simulated.chat(said, **THINKING).status == 200
    assert simulated.chat(said, bearer=simulated.token(HUBOT), **THINKING).status == 400


@each_protocol
def test_accounts_can_be_refused_for_good(ask: Ask, path: str, model: str) -> None:
    accounts = [{"login": "a", "credentials": ["ghu_a"], "refusal": "unavailable"}]
    simulated = Simulated({"accounts": accounts})
    bearer = simulated.token("ghu_a")
    for _ in range(3):
        assert ask(simulated, model=model, bearer=bearer).status == 503
    headers = {"Authorization": f"Bearer {bearer}", "Editor-Version": "test/1"}
    assert simulated.ask("GET", "/models", headers).status == 200


@each_protocol
def test_accounts_can_be_slow(ask: Ask, path: str, model: str) -> None:
    accounts = [{"login": "a", "credentials": ["ghu_a"], "latency_seconds": 2}]
    simulated = Simulated({"accounts": accounts})
    bearer = simulated.token("ghu_a")
    assert ask(simulated, model=model, bearer=bearer).plan.delay_seconds == 2
    assert ask(simulated, model=model, bearer=bearer, stream=True).plan.delay_seconds == 2


@each_protocol
def test_quota_that_is_used_up(ask: Ask, path: str, model: str) -> None:
    quota = {"credits": 1, "used": 1, "enforce": True}
    simulated = Simulated({"accounts": [{"login": "a", "credentials": ["ghu_a"], "quota": quota}]})
    told = ask(simulated, model=model, bearer=simulated.token("ghu_a"))
    assert problem(told) == (402, "quota_exceeded")


@each_protocol
def test_ledger_knows_whose_it_was_and_what_it_cost(ask: Ask, path: str, model: str) -> None:
    headers = {"X-Initiator": "agent"}
    told = ask(Simulated(), "hello marker:key-1.r2, please", headers, model=model)
    entry = told.entry
    assert (entry.account, entry.model, entry.initiator) == ("octocat", model, "agent")
    assert entry.marker == "key-1.r2"
    assert entry.nano_aiu == told.json["copilot_usage"]["total_nano_aiu"] > 0
    text = f"This is a simulated answer from {model}. You said: hello marker:key-1.r2, please"
    assert entry.text_sha256 == hashlib.sha256(text.encode()).hexdigest()


@each_protocol
def test_ledger_knows_the_tokens_that_the_answer_names(ask: Ask, path: str, model: str) -> None:
    """Whichever way a protocol counts: Anthropic's input is without what came from a cache."""
    told = ask(Simulated({"chat": {"cached_tokens": 2, "reasoning": True}}), model=model)
    entry, usage = told.entry, told.json["usage"]
    apart = usage.get("cache_read_input_tokens", 0)
    inputs = usage.get("prompt_tokens", usage.get("input_tokens", 0) + apart)
    assert (entry.prompt_tokens, entry.cached_tokens) == (inputs, 2)
    outputs = usage.get("completion_tokens", usage.get("output_tokens"))
    assert entry.completion_tokens == outputs > entry.reasoning_tokens
    details = usage.get("completion_tokens_details") or usage.get("output_tokens_details") or {}
    assert entry.reasoning_tokens == details.get("reasoning_tokens", entry.reasoning_tokens)
    written = {"prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens"}
    assert written <= entry.as_json().keys()


@each_protocol
def test_legacy_plans_are_told_no_cost(ask: Ask, path: str, model: str) -> None:
    accounts = [{"login": "a", "credentials": ["ghu_a"], "token_based_billing": False}]
    simulated = Simulated({"accounts": accounts})
    told = ask(simulated, model=model, bearer=simulated.token("ghu_a"))
    assert "copilot_usage" not in told.json
    assert told.entry.nano_aiu > 0


@each_protocol
def test_texts_can_be_instances_of_a_schema(ask: Ask, path: str, model: str) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    wanted = {"type": "json_schema", "schema": schema}
    fields: dict[str, dict[str, Any]] = {
        CHAT: {"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}},
        RESPONSES: {"text": {"format": wanted}},
        MESSAGES: {"output_format": wanted},
    }
    told = ask(Simulated(), model=model, **fields[path])
    assert b'{\\"n\\":1}' in told.body


@each_protocol
def test_a_tool_loop_ends(ask: Ask, path: str, model: str) -> None:
    """The same rule everywhere: the first tool is called, unless a tool's result came last."""
    results = {
        CHAT: [{"role": "tool", "tool_call_id": "c", "content": "rain"}],
        RESPONSES: [{"type": "function_call_output", "call_id": "c", "output": "rain"}],
        MESSAGES: [{"role": "user", "content": [{"type": "tool_result", "content": "rain"}]}],
    }
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
    function = {"name": "w", "parameters": parameters}
    tools = {
        CHAT: [{"type": "function", "function": function}],
        RESPONSES: [{"type": "function", **function}],
        MESSAGES: [{"name": "w", "input_schema": parameters}],
    }
    asked = ask(Simulated(), model=model, tools=tools[path])
    assert b"Berlin" in asked.body
    told = ask(Simulated(), results[path], model=model, tools=tools[path])
    assert b"The tool answered: rain" in told.body


def exchanged(path: str, call_id: str, result_id: str) -> list[Any]:
    """A conversation in which a tool was called."""
    function = {"name": "w", "arguments": "{}"}
    call = {"id": call_id, "type": "function", "function": function}
    use = {"type": "tool_use", "id": call_id, "name": "w", "input": {}}
    conversations: dict[str, list[Any]] = {
        CHAT: [
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": result_id, "content": "rain"},
        ],
        RESPONSES: [
            {"type": "function_call", "call_id": call_id, **function},
            {"type": "function_call_output", "call_id": result_id, "output": "rain"},
        ],
        MESSAGES: [
            {"role": "assistant", "content": [use]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": result_id}]},
        ],
    }
    return conversations[path]


@each_protocol
def test_calls_and_results_are_matched_where_a_scenario_says_so(
    ask: Ask, path: str, model: str
) -> None:
    strict = Simulated({"http": {"check_tool_calls": True}})
    assert ask(strict, exchanged(path, "a", "a"), model=model).status == 200
    assert problem(ask(strict, exchanged(path, "a", "b"), model=model)) == (
        400,
        "invalid_request_body",
    )
    assert ask(Simulated(), exchanged(path, "a", "b"), model=model).status == 200
