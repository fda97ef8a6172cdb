"""What is the same in all of a Responses answer: its ids, what it says of its request, its end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.domain.translation.contract import Asked
from gateway.domain.translation.for_responses.items import COMPLETED, IN_PROGRESS, INCOMPLETE, Item
from gateway.domain.translation.for_responses.names import ToolNames
from gateway.domain.translation.reasons import INCOMPLETE_FROM_CHAT
from gateway.domain.usage.tokens import Tokens

ECHOED = (
    "max_output_tokens",
    "metadata",
    "parallel_tool_calls",
    "reasoning",
    "temperature",
    "text",
    "tool_choice",
    "top_p",
)
"""What an answer says again of its request. The tools and the instructions are left out: they may
be large, and every stage of the answer would repeat them."""

FAILURE = {"code": "server_error", "message": "Upstream's answer ended with an error."}


@dataclass(frozen=True, slots=True)
class Ending:
    """How an answer ends."""

    status: str
    reason: str | None = None

    @property
    def last_item(self) -> str:
        """The status of the item that the answer ends in."""
        return INCOMPLETE if self.status == INCOMPLETE else COMPLETED


FAILED = Ending("failed")


def ending_of(finish_reason: str | None) -> Ending:
    """The end that chat's `finish_reason` says; upstream has one for answers that broke (§6.1)."""
    if finish_reason == "error":
        return FAILED
    reason = INCOMPLETE_FROM_CHAT.get(finish_reason or "")
    return Ending(COMPLETED) if reason is None else Ending(INCOMPLETE, reason)


class Frame:
    """The answer, apart from what is said in it.

    names: the caller's tools. echoed: of the fields that ECHOED names, those that the request has.
    """

    def __init__(self, asked: Asked, names: ToolNames, echoed: Mapping[str, Any]) -> None:
        self.names = names
        self._answer_id = asked.answer_id
        self._fields: dict[str, Any] = {
            "id": f"resp_{asked.answer_id}",
            "object": "response",
            "created_at": asked.created,
            "model": asked.model,
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "store": False,
            "tool_choice": "auto",
            "tools": [],
            **echoed,
        }

    def id(self, prefix: str, index: int) -> str:
        """The id of the item at a place, or of a call that upstream gave none."""
        return f"{prefix}_{self._answer_id}_{index}"

    def begun(self) -> dict[str, Any]:
        """The answer before anything is said."""
        return {**self._fields, "status": IN_PROGRESS, "output": [], "usage": None}

    def ended(self, ending: Ending, output: Sequence[Item], usage: Tokens | None) -> dict[str, Any]:
        """The answer at its end."""
        return {
            **self._fields,
            "status": ending.status,
            "error": FAILURE if ending == FAILED else None,
            "incomplete_details": {"reason": ending.reason} if ending.reason else None,
            "output": output,
            "usage": usage.as_responses() if usage is not None else None,
        }
