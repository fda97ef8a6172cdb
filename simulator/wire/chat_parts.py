"""What streamed and whole chat answers have in common: identity, costs, filter results."""

from dataclasses import dataclass
from typing import Any

from simulator.wire.catalogue import Model
from simulator.wire.chat_reply import Reply
from simulator.wire.usage import copilot_usage, token_details, total_nano_aiu, usage_body

FINGERPRINT = "fp_simulated"
SAFE = {"filtered": False, "severity": "safe"}
FILTER_RESULTS = {"hate": SAFE, "self_harm": SAFE, "sexual": SAFE, "violence": SAFE}


@dataclass(frozen=True)
class Completion:
    """One reply about to be written. created: seconds since the epoch.

    padding: letters that hide the length of a whole answer (§6.3).
    """

    id: str
    created: int
    model: Model
    reply: Reply
    padding: str
    with_copilot_usage: bool = True
    split_choices: bool = False

    @property
    def cost(self) -> dict[str, Any]:
        """`usage`, and `copilot_usage` where the account is billed by tokens (§4.4)."""
        cost: dict[str, Any] = {"usage": usage_body(self.reply)}
        if self.with_copilot_usage:
            cost["copilot_usage"] = copilot_usage(self.reply, self.model.prices)
        return cost

    @property
    def nano_aiu(self) -> int:
        """What it costs, whether it is said or not."""
        return total_nano_aiu(token_details(self.reply, self.model.prices))


def filter_results() -> list[dict[str, Any]]:
    """`prompt_filter_results`, all safe."""
    return [{"prompt_index": 0, "content_filter_results": FILTER_RESULTS}]
