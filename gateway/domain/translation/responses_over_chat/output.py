"""The objects of a Responses answer: the response at each stage of it, and its items.

Ids are made of the answer's, and differ by kind and place; those of calls stay upstream's, so
that results find their calls.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import UNSET

from gateway.domain.streams.chat_chunks import says
from gateway.domain.translation.chat_over_responses.bodies import Fields
from gateway.domain.translation.contract import Asked
from gateway.domain.translation.reading import UNREADABLE
from gateway.domain.translation.reasons import INCOMPLETE_FROM_CHAT
from gateway.domain.translation.responses_over_chat.names import Called, ToolNames
from gateway.domain.translation.responses_over_chat.responses_body import Offering
from gateway.domain.translation.responses_over_chat.tools import functions_of, names_of
from gateway.domain.translation.usage import from_chat

Shown = dict[str, Any]

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

COMPLETED = "completed"
INCOMPLETE = "incomplete"
IN_PROGRESS = "in_progress"
FAILURE = {"code": "server_error", "message": "Upstream's answer ended with an error."}

_decode_fields = msgspec.json.Decoder(Fields).decode
_decode_offering = msgspec.json.Decoder(Offering).decode


@dataclass(frozen=True, slots=True)
class Ending:
    """How an answer ends."""

    status: str
    reason: str | None = None

    @property
    def last_item(self) -> str:
        """The status of the item that the answer ends in."""
        return INCOMPLETE if self.status == INCOMPLETE else COMPLETED


def ending_of(finish_reason: str | None) -> Ending:
    """The end that chat's `finish_reason` says; upstream has one for answers that broke (§6.1)."""
    if finish_reason == "error":
        return Ending("failed")
    reason = INCOMPLETE_FROM_CHAT.get(finish_reason or "")
    return Ending(COMPLETED) if reason is None else Ending(INCOMPLETE, reason)


class Frame:
    """What is the same in all of an answer."""

    def __init__(self, asked: Asked) -> None:
        self._answer_id = asked.answer_id
        # Until Asked has the request, custom tools and namespaces are not told from functions.
        body = asked.body or b"{}"
        self.names: ToolNames = names_of(functions_of(_decode_offering(body)))
        request = _decode_fields(body)
        self._fields: Shown = {
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
            **{name: request[name] for name in ECHOED if says(request.get(name, UNSET))},
        }

    def id(self, prefix: str, index: int) -> str:
        """The id of an item, or of a call that upstream gave none."""
        return f"{prefix}_{self._answer_id}_{index}"

    def begun(self) -> Shown:
        """The response before anything is said."""
        return {**self._fields, "status": IN_PROGRESS, "output": [], "usage": None}

    def ended(self, ending: Ending, output: Sequence[Shown], usage: dict[str, Any] | None) -> Shown:
        """The response at its end; usage is chat's."""
        shown = {**self._fields, "status": ending.status, "output": output}
        if ending.reason is not None:
            shown["incomplete_details"] = {"reason": ending.reason}
        if ending.status == "failed":
            shown["error"] = FAILURE
        shown["usage"] = from_chat(usage).as_responses() if usage else None
        return shown


def reasoning(item_id: str, text: str) -> Shown:
    """A reasoning item; nothing in it is sealed, so it need not be sent back."""
    summary = [summary_part(text)] if text else []
    return {"id": item_id, "type": "reasoning", "summary": summary}


def message(item_id: str, content: Sequence[Shown], status: str) -> Shown:
    """A message of the model's."""
    shown = {"id": item_id, "type": "message", "status": status}
    return {**shown, "role": "assistant", "content": content}


def call(item_id: str, call_id: str, called: Called, argument: str, status: str) -> Shown:
    """A call of a function, or of a custom tool; argument: JSON, or that tool's text."""
    kind, name = CALLS[called.is_custom]
    shown = {"id": item_id, "type": kind, "status": status, "call_id": call_id}
    space = {"namespace": called.namespace} if called.namespace else {}
    return {**shown, "name": called.name, **space, name: argument}


CALLS = {False: ("function_call", "arguments"), True: ("custom_tool_call", "input")}
"""The type of a call, and where its argument stands; by whether the tool is a custom one."""
CALL_IDS = {False: "fc", True: "ctc"}


def text_part(text: str) -> Shown:
    """What a message says."""
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def refusal_part(text: str) -> Shown:
    """What a message says instead of an answer."""
    return {"type": "refusal", "refusal": text}


def summary_part(text: str) -> Shown:
    """What a reasoning item says."""
    return {"type": "summary_text", "text": text}


class _Input(msgspec.Struct):
    input: str


_decode_input = msgspec.json.Decoder(_Input).decode


def argument_of(called: Called, arguments: str) -> str:
    """What a tool is called with in the caller's words.

    A model that does not put a custom tool's text into JSON means the text itself.
    """
    if not called.is_custom:
        return arguments
    try:
        return _decode_input(arguments.encode()).input
    except UNREADABLE:
        return arguments
