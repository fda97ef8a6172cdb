"""One reply about to be written: what all protocols need to write it, and what it costs."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from simulator.wire.answer import Cost
from simulator.wire.catalogue import Model
from simulator.wire.reply import Reply
from simulator.wire.seals import SealKind, seal
from simulator.wire.usage import copilot_usage, cost_of

# Encrypted reasoning and signatures as long as those of a short thought.
SEAL_BYTES = 268


@dataclass(frozen=True)
class Completion:
    """A reply with what goes around it. created: seconds since the epoch.

    login: the account that its opaque parts belong to. chance: what ids and padding are drawn
    from, while the answer is written.
    """

    created: int
    model: Model
    reply: Reply
    login: str
    chance: Random = field(repr=False)
    with_copilot_usage: bool = True
    split_choices: bool = False

    @property
    def copilot_cost(self) -> dict[str, Any]:
        """`copilot_usage` where the account is billed by tokens (§4.4), as a field."""
        if not self.with_copilot_usage:
            return {}
        return {"copilot_usage": copilot_usage(self.reply, self.model.prices)}

    @property
    def cost(self) -> Cost:
        """What it costs, whether it is said or not."""
        return cost_of(self.reply, self.model.prices)

    def hex(self, digits: int) -> str:
        """Random hex digits."""
        return f"{self.chance.getrandbits(4 * digits):0{digits}x}"

    def seal(self, kind: SealKind) -> str:
        """A new opaque value, 400 characters long, that belongs to the account (§5.9)."""
        return seal(kind, self.login, self.chance.randbytes(SEAL_BYTES))
