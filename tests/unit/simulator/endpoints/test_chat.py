"""Chat completions: what is refused, and that the answer is what the request made it."""

import json
from typing import Any

import pytest

from tests.unit.simulator.asking import WEATHER, Simulated, Told

IMAGE = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]
VISION = {"Copilot-Vision-Request": "true"}


def code(told: Told) -> str:
    text = told.json["error"]["code"]
    assert isinstance(text, str)
    return text


def test_answer_quotes_the_request_and_says_what_it_is() -> None:
    message = Simulated().chat("hello world").json["choices"][0]["message"]
    assert message["content"] == "This is a simulated answer from gpt-4o. You said: hello world"


def test_stream_and_whole_say_the_same() -> None:
    simulated = Simulated()
    events = simulated.chat("one two three", stream=True).events
    streamed = "".join(
        choice["delta"].get("content") or "" for event in events for choice in event["choices"]
    )
    whole = simulated.chat("one two three").json["choices"][0]["message"]["content"]
    assert streamed == whole


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"model": "gpt-nonsense"}, "model_not_supported"),
        ({"model": "claude-opus-4.5"}, "model_not_supported"),
        ({"model": "text-embedding-3-small"}, "model_not_supported"),
        ({"model": "gpt-5.3-codex"}, "unsupported_api_for_model"),
        ({"model": "gpt-5-mini", "max_tokens": 10}, "invalid_request_body"),
        ({"model": "gpt-4o-mini", "said": "x" * 300_000}, "model_max_prompt_tokens_exceeded"),
    ],
)
def test_refusals_of_section_7_2(fields: dict[str, Any], expected: str) -> None:
    told = Simulated().chat(**fields)
    assert (told.status, code(told)) == (400, expected)
    assert told.plan.headers["Content-Type"].startswith("text/plain")


def test_wrong_endpoint_is_named() -> None:
    told = Simulated().chat(model="gpt-5.3-codex")
    assert told.json["error"]["message"] == (
        'model "gpt-5.3-codex" is not accessible via the /chat/completions endpoint'
    )


def test_max_completion_tokens_is_the_way_to_limit_gpt_5() -> None:
    choice = Simulated().chat(model="gpt-5-mini", max_completion_tokens=3).json["choices"][0]
    assert choice["finish_reason"] == "length"
    assert choice["message"]["content"] == "This is a si"


def test_too_long_for_claude_is_said_in_its_own_form() -> None:
    told = Simulated().chat("x" * 700_000, model="claude-sonnet-4.6")
    assert told.json["error"]["message"] == "prompt is too long: 175004 tokens > 168000 maximum"


@pytest.mark.parametrize(
    ("model", "headers", "status"),
    [
        ("gpt-4o", {}, 400),
        ("gpt-4o", VISION, 200),
        ("gpt-4o", {"Copilot-Vision-Request": "false"}, 400),
        ("gpt-4o-mini", VISION, 400),
    ],
)
def test_images_need_the_header_and_a_model_that_sees(
    model: str, headers: dict[str, str], status: int
) -> None:
    messages = [{"role": "user", "content": IMAGE}, {"role": "user", "content": "what is it?"}]
    told = Simulated().chat(messages, headers, model=model)
    assert told.status == status
    if not headers:
        assert told.json["error"]["message"] == (
            "missing required Copilot-Vision-Request header for vision requests"
        )


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"model": 1}', b'{"model":"gpt-4o"}', b"\xff"]
)
def test_unreadable_bodies_are_400(body: bytes) -> None:
    simulated = Simulated()
    headers = {"Authorization": "Bearer gho_simulated_octocat"}
    assert simulated.ask("POST", "/chat/completions", headers, body).status == 400


def test_tools_are_called_and_their_results_quoted() -> None:
    simulated = Simulated()
    told = simulated.chat("weather in Berlin?", tools=[WEATHER])
    choice = told.json["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert "content" not in choice["message"]
    (call,) = choice["message"]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"city": "Berlin", "unit": "celsius"}
    result = {"role": "tool", "tool_call_id": call["id"], "content": "rain"}
    answer = simulated.chat([{"role": "user", "content": "?"}, result], tools=[WEATHER]).json
    assert answer["choices"][0]["message"]["content"].endswith("The tool answered: rain")


def test_costs_are_charged_to_the_account_and_the_ledger() -> None:
    """§6.6, §4.2: what the answer says it cost is what the quota headers show as used."""
    simulated = Simulated({"accounts": [_account(credits=1, used=0.5)]})
    told = simulated.chat("hello", bearer=simulated.token("ghu_a"))
    holder = simulated.world.accounts.by_login("a")
    assert holder is not None
    assert told.json["copilot_usage"]["total_nano_aiu"] == told.entry.nano_aiu > 0
    assert holder.nano_aiu == told.entry.nano_aiu
    assert "rem=48.5" in told.plan.headers["x-quota-snapshot-premium_interactions"]


def test_used_up_quota_is_402_where_it_is_enforced() -> None:
    simulated = Simulated({"accounts": [_account(credits=1, used=1, enforce=True)]})
    told = simulated.chat(bearer=simulated.token("ghu_a"))
    assert (told.status, code(told)) == (402, "quota_exceeded")


def test_legacy_plans_have_no_copilot_usage() -> None:
    simulated = Simulated({"accounts": [{**_account(), "token_based_billing": False}]})
    body = simulated.chat(bearer=simulated.token("ghu_a")).json
    assert "copilot_usage" not in body
    assert "usage" in body


def test_the_ledger_learns_what_the_request_says_of_itself() -> None:
    entry = Simulated().chat(headers={"X-Initiator": "agent", **VISION}, stream=True).entry
    assert (entry.endpoint, entry.account, entry.model) == ("chat", "octocat", "gpt-4o")
    assert (entry.stream, entry.initiator, entry.vision) == (True, "agent", True)


def _account(**quota: Any) -> dict[str, Any]:
    return {"login": "a", "credentials": ["ghu_a"], "quota": quota}
