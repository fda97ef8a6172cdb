"""TokenCounter over bpe-openai, whose vocabulary comes with its package: nothing is downloaded.

Upstream's catalogue names `o200k_base` for every model, Claude's too (copilot-upstream.md §5.5).
"""

from functools import cached_property
from typing import Any

ENCODING = "o200k_base"


class Tokenizer:
    """Counts as o200k_base does. Made ready by the first count, which takes a moment."""

    @cached_property
    def _encoding(self) -> Any:
        # Reading the vocabularies takes half a second: only where somebody counts.
        import bpe_openai

        return bpe_openai.get_encoding(ENCODING)

    def count(self, text: str) -> int:
        """See ports.token_counter.TokenCounter."""
        return len(self._encoding.encode_ordinary(text))
