"""Usage and its price (§6.1, §6.5, §6.6): each protocol's `usage`, and `copilot_usage`."""

from typing import Any

from simulator.wire.answer import Cost
from simulator.wire.catalogue import Prices
from simulator.wire.models_body import BATCH, NANO_AIU_PER_CREDIT
from simulator.wire.reply import Reply


def chat_usage(reply: Reply) -> dict[str, Any]:
    """Chat's counts."""
    return {
        "completion_tokens": reply.completion_tokens,
        "completion_tokens_details": {
            "accepted_prediction_tokens": 0,
            "audio_tokens": 0,
            "reasoning_tokens": reply.reasoning_tokens,
            "rejected_prediction_tokens": 0,
        },
        "prompt_tokens": reply.prompt_tokens,
        "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": reply.cached_tokens},
        "total_tokens": reply.prompt_tokens + reply.completion_tokens,
    }


def responses_usage(reply: Reply) -> dict[str, Any]:
    """The counts of a Responses answer."""
    return {
        "input_tokens": reply.prompt_tokens,
        "input_tokens_details": {"cached_tokens": reply.cached_tokens},
        "output_tokens": reply.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": reply.reasoning_tokens},
        "total_tokens": reply.prompt_tokens + reply.completion_tokens,
    }


def messages_usage(reply: Reply, output_tokens: int) -> dict[str, Any]:
    """The counts of a Messages answer, in which cached tokens are not part of the input."""
    return {
        "input_tokens": reply.prompt_tokens - reply.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": reply.cached_tokens,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output_tokens,
    }


def cost_of(reply: Reply, prices: Prices) -> Cost:
    """What a reply is charged as."""
    return Cost(
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        cached_tokens=reply.cached_tokens,
        reasoning_tokens=reply.reasoning_tokens,
        nano_aiu=total_nano_aiu(token_details(reply, prices)),
    )


def copilot_usage(reply: Reply, prices: Prices) -> dict[str, Any]:
    """Counts with prices, and their sum."""
    details = token_details(reply, prices)
    return {"token_details": details, "total_nano_aiu": total_nano_aiu(details)}


def token_details(reply: Reply, prices: Prices) -> list[dict[str, Any]]:
    """Counts with prices per batch, in nano-AIU.

    Cached tokens are taken out of the input: every token is paid for once.
    """
    return [
        _detail("input", reply.prompt_tokens - reply.cached_tokens, prices.input),
        _detail("cache_read", reply.cached_tokens, prices.cache_read),
        _detail("cache_write", 0, prices.cache_write),
        _detail("output", reply.completion_tokens, prices.output),
    ]


def total_nano_aiu(details: list[dict[str, Any]]) -> int:
    """The sum of token_count * cost_per_batch / batch_size."""
    return sum(
        each["token_count"] * each["cost_per_batch"] // each["batch_size"] for each in details
    )


def _detail(kind: str, count: int, price: int) -> dict[str, Any]:
    return {
        "token_type": kind,
        "token_count": count,
        "cost_per_batch": price * NANO_AIU_PER_CREDIT,
        "batch_size": BATCH,
    }
