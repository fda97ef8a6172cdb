"""The output items of a Responses answer (§6.4): what they are, apart from how they are sent.

Their ids are about 400 opaque characters, and a new one each time an item is shown.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from simulator.wire.completion import Completion
from simulator.wire.reply import Call
from simulator.wire.seals import SealKind


class Kind(StrEnum):
    """What an item is."""

    REASONING = "reasoning"
    MESSAGE = "message"
    FUNCTION_CALL = "function_call"
    CUSTOM_TOOL_CALL = "custom_tool_call"


@dataclass(frozen=True, slots=True)
class Output:
    """One item of an answer.

    text: what it says, its arguments or its summary. encrypted: what has to be sent back with
    it, if that was asked for. status: how it ends.
    """

    kind: Kind
    text: str = field(repr=False)
    call: Call | None = None
    encrypted: str | None = field(default=None, repr=False)
    status: str = "completed"

    def shown(self, item_id: str, *, is_done: bool, encrypted: str | None) -> dict[str, Any]:
        """The item as an object: complete, or as it is when it begins."""
        body: dict[str, Any] = {"id": item_id, "type": self.kind.value}
        if self.kind is Kind.REASONING:
            summary = [summary_part(self.text)] if is_done and self.text else []
            body["summary"] = summary
            return {**body, "encrypted_content": encrypted} if encrypted else body
        body["status"] = self.status if is_done else "in_progress"
        if self.call is None:
            content = [text_part(self.text)] if is_done else []
            return {**body, "role": "assistant", "content": content}
        argument = "input" if self.call.is_custom else "arguments"
        text = self.text if is_done else ""
        return {**body, "call_id": self.call.id, "name": self.call.name, argument: text}


def text_part(text: str) -> dict[str, Any]:
    """A message's text."""
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def summary_part(text: str) -> dict[str, Any]:
    """A reasoning item's text."""
    return {"type": "summary_text", "text": text}


def outputs_of(completion: Completion, *, summary: bool, encrypted: bool) -> list[Output]:
    """The items of an answer in their order: reasoning, text, calls.

    Without a summary the reasoning item has an empty one. A reply that says nothing still has
    a message, with nothing in it.
    """
    reply = completion.reply
    items = []
    if reply.reasoning:
        opaque = completion.seal(SealKind.ENCRYPTED_CONTENT) if encrypted else None
        text = reply.reasoning if summary else ""
        items.append(Output(Kind.REASONING, text, encrypted=opaque))
    if reply.text or not reply.calls:
        status = "incomplete" if reply.finish_reason == "length" else "completed"
        items.append(Output(Kind.MESSAGE, reply.text, status=status))
    return [*items, *(_call(each) for each in reply.calls)]


def _call(call: Call) -> Output:
    kind = Kind.CUSTOM_TOOL_CALL if call.is_custom else Kind.FUNCTION_CALL
    return Output(kind, call.arguments, call)
