"""What an answer cost, as far as upstream has said it. Values only."""

import msgspec

from gateway.domain.usage.tokens import Tokens

_NO_TOKENS = Tokens()


class Spent(msgspec.Struct, frozen=True, gc=False):
    """Tokens and credits of one answer, or of several added up."""

    tokens: Tokens = _NO_TOKENS
    nano_aiu: int | None = None
    """What upstream charges: 1 credit is 1e9 nano-AIU (copilot-upstream.md §4.4, §6.6). None: it
    did not say."""

    def __add__(self, other: "Spent") -> "Spent":
        """Of two answers together."""
        if other is NOTHING or self is NOTHING:
            return self if other is NOTHING else other
        if self.nano_aiu is None or other.nano_aiu is None:
            nano_aiu = self.nano_aiu if other.nano_aiu is None else other.nano_aiu
        else:
            nano_aiu = self.nano_aiu + other.nano_aiu
        return Spent(self.tokens + other.tokens, nano_aiu)


NOTHING = Spent()
