"""The price of an answer, by the formula of §6.6."""

from simulator.wire.catalogue import CATALOGUE, Prices
from simulator.wire.reply import Reply
from simulator.wire.usage import chat_usage, copilot_usage

SONNET = next(model for model in CATALOGUE if model.id == "claude-sonnet-4.6")


def reply(prompt: int, completion: int, cached: int = 0) -> Reply:
    return Reply("", (), "stop", prompt, completion, cached)


def test_the_recorded_example() -> None:
    usage = copilot_usage(reply(547, 88), SONNET.prices)
    assert usage["total_nano_aiu"] == 296_100_000
    assert usage["token_details"][0] == {
        "token_type": "input",
        "token_count": 547,
        "cost_per_batch": 300_000_000_000,
        "batch_size": 1_000_000,
    }


def test_cached_tokens_are_not_paid_for_twice() -> None:
    details = copilot_usage(reply(100, 0, cached=60), Prices(10, 0, 1))["token_details"]
    assert [each["token_count"] for each in details] == [40, 60, 0, 0]


def test_openai_counts() -> None:
    body = chat_usage(reply(10, 5, cached=4))
    assert (body["prompt_tokens"], body["completion_tokens"], body["total_tokens"]) == (10, 5, 15)
    assert body["prompt_tokens_details"]["cached_tokens"] == 4
