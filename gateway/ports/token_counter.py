"""Counting tokens where upstream does not."""

from typing import Protocol


class TokenCounter(Protocol):
    """Counts tokens as a model's tokenizer would; an estimate for models whose is not known."""

    def count(self, text: str) -> int:
        """How many tokens a text is. Pure computation; some milliseconds for 100 KB."""
