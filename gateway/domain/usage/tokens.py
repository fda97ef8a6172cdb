"""Tokens, as each protocol counts them. Values only.

OpenAI's input counts contain what came from a cache; Anthropic's do not.
"""

from typing import Any

import msgspec


class Tokens(msgspec.Struct, frozen=True, gc=False):
    """What an answer cost, in tokens."""

    input: int = 0
    """All of the prompt, cached tokens included."""
    output: int = 0
    """Reasoning included."""
    cached: int = 0
    """Of the input, read from a cache."""
    cache_written: int = 0
    """Of the input, written into a cache."""
    reasoning: int = 0
    """Of the output."""

    def __add__(self, other: "Tokens") -> "Tokens":
        """Of two answers together."""
        return Tokens(
            input=self.input + other.input,
            output=self.output + other.output,
            cached=self.cached + other.cached,
            cache_written=self.cache_written + other.cache_written,
            reasoning=self.reasoning + other.reasoning,
        )

    def as_chat(self) -> dict[str, Any]:
        """Chat's `usage`."""
        return {
            "prompt_tokens": self.input,
            "completion_tokens": self.output,
            "total_tokens": self.input + self.output,
            "prompt_tokens_details": {"cached_tokens": self.cached},
            "completion_tokens_details": {"reasoning_tokens": self.reasoning},
        }

    def as_responses(self) -> dict[str, Any]:
        """Responses' `usage`."""
        return {
            "input_tokens": self.input,
            "input_tokens_details": {
                "cached_tokens": self.cached,
                "cache_write_tokens": self.cache_written,
            },
            "output_tokens": self.output,
            "output_tokens_details": {"reasoning_tokens": self.reasoning},
            "total_tokens": self.input + self.output,
        }

    def as_messages(self) -> dict[str, Any]:
        """Anthropic's `usage`."""
        return {
            "input_tokens": max(0, self.input - self.cached - self.cache_written),
            "cache_creation_input_tokens": self.cache_written,
            "cache_read_input_tokens": self.cached,
            "output_tokens": self.output,
        }


def from_chat(usage: dict[str, Any] | None) -> Tokens:
    """Of chat's `usage`; what is missing is 0."""
    usage = usage or {}
    return Tokens(
        input=_count(usage, "prompt_tokens"),
        output=_count(usage, "completion_tokens"),
        cached=_count(usage.get("prompt_tokens_details"), "cached_tokens"),
        reasoning=_count(usage.get("completion_tokens_details"), "reasoning_tokens"),
    )


def from_responses(usage: dict[str, Any] | None) -> Tokens:
    """Of Responses' `usage`; what is missing is 0."""
    usage = usage or {}
    return Tokens(
        input=_count(usage, "input_tokens"),
        output=_count(usage, "output_tokens"),
        cached=_count(usage.get("input_tokens_details"), "cached_tokens"),
        cache_written=_count(usage.get("input_tokens_details"), "cache_write_tokens"),
        reasoning=_count(usage.get("output_tokens_details"), "reasoning_tokens"),
    )


def from_messages(usage: dict[str, Any] | None) -> Tokens:
    """Of Anthropic's `usage`; what is missing is 0."""
    usage = usage or {}
    cached = _count(usage, "cache_read_input_tokens")
    written = _count(usage, "cache_creation_input_tokens")
    return Tokens(
        input=_count(usage, "input_tokens") + cached + written,
        output=_count(usage, "output_tokens"),
        cached=cached,
        cache_written=written,
    )


def _count(fields: object, name: str) -> int:
    value = fields.get(name) if isinstance(fields, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
