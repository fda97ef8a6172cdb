"""What is the same in all of a Responses answer: its ids, and what it says of its request."""

from typing import Any

from gateway.domain.translation.contract import Asked
from gateway.domain.translation.messages_over_responses.fields import Fields, parse
from gateway.domain.translation.responses_over_messages import items
from gateway.domain.translation.responses_over_messages.items import Item
from gateway.domain.translation.responses_over_messages.tools import names_of
from gateway.domain.translation.usage import Usage

REPEATED = (
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
be large, and each stage of the answer would repeat them."""


class Frame:
    """The answer, apart from what is said in it."""

    def __init__(self, asked: Asked) -> None:
        # Without the request no custom tool and no namespace is told from a function.
        request = parse(asked.body) if asked.body else Fields({})
        self.tools = names_of(request)
        """The caller's tools."""
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
            **{name: request.raw(name) for name in REPEATED if request.has(name)},
        }

    def id(self, prefix: str, index: int) -> str:
        """The id of the item at a place."""
        return f"{prefix}_{self._answer_id}_{index}"

    def begun(self) -> dict[str, Any]:
        """The answer before anything is said."""
        return {**self._fields, "status": items.IN_PROGRESS, "output": [], "usage": None}

    def ended(self, output: list[Item], stop_reason: str | None, usage: Usage) -> dict[str, Any]:
        """The answer at its end."""
        reason = items.incomplete_reason(stop_reason)
        return {
            **self._fields,
            "status": items.INCOMPLETE if reason else items.COMPLETED,
            "incomplete_details": {"reason": reason} if reason else None,
            "output": output,
            "usage": usage.as_responses(),
        }
