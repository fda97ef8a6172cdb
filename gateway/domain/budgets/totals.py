"""What is counted of a budget: numbers that only grow, so that two views of them can be joined.

Values only. Who counts, and where, is for adapters.
"""

import msgspec
from msgspec.structs import force_setattr

from gateway.domain.budgets.holder import Holder
from gateway.domain.budgets.period import Span


class Counter(msgspec.Struct, frozen=True, cache_hash=True):
    """What one holder uses in one minute, day or month."""

    holder: Holder
    span: Span
    name: str = ""
    """Such as key:ci-bot:2026-11; no two have the same, since no span's name ends another's.
    Follows from the others, and is asked for several times in each request."""

    def __post_init__(self) -> None:
        """Make the name."""
        name = f"{self.holder.kind.value}:{self.holder.id}:{self.span.name}"
        force_setattr(self, "name", name)


class Totals(msgspec.Struct, frozen=True, gc=False):
    """What a counter stands at, or by how much it grows."""

    reserved: int = 0
    """Requests that were let through."""
    released: int = 0
    """Of those, the ones that turned out not to count."""
    tokens: int = 0
    """Input and output."""
    nano_aiu: int = 0

    @property
    def requests(self) -> int:
        """Those that count, the ones under way included."""
        left = self.reserved - self.released
        # Not max(): it is asked for several times in each request.
        return left if left > 0 else 0

    def __add__(self, other: "Totals") -> "Totals":
        """Both, one after the other."""
        return Totals(
            self.reserved + other.reserved,
            self.released + other.released,
            self.tokens + other.tokens,
            self.nano_aiu + other.nano_aiu,
        )

    def __sub__(self, other: "Totals") -> "Totals":
        """What came after the other."""
        return Totals(
            self.reserved - other.reserved,
            self.released - other.released,
            self.tokens - other.tokens,
            self.nano_aiu - other.nano_aiu,
        )

    def joined(self, other: "Totals") -> "Totals":
        """Of two views of one counter: since no number ever shrinks, the greater is the later."""
        return Totals(
            max(self.reserved, other.reserved),
            max(self.released, other.released),
            max(self.tokens, other.tokens),
            max(self.nano_aiu, other.nano_aiu),
        )

    def at_least(self, spent: "Totals") -> "Totals":
        """The same, with no less used than somebody else has found; `spent` released nothing."""
        reserved = spent.requests + self.released
        return self.joined(Totals(reserved, 0, spent.tokens, spent.nano_aiu))


NOTHING = Totals()
TAKEN = Totals(reserved=1)
GIVEN_BACK = Totals(released=1)
