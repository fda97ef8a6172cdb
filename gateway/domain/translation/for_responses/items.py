"""The output items of a Responses answer that is made of another protocol's."""

from collections.abc import Sequence
from typing import Any

from gateway.domain.translation.for_responses.names import Called

Item = dict[str, Any]

COMPLETED, INCOMPLETE, IN_PROGRESS = "completed", "incomplete", "in_progress"


def text_part(text: str) -> Item:
    """What a message says."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def refusal_part(text: str) -> Item:
    """What a message says instead of an answer."""
    return {"type": "refusal", "refusal": text}


def summary_part(text: str) -> Item:
    """What reasoning shows."""
    return {"type": "summary_text", "text": text}


def message(id_: str, content: Sequence[Item], status: str) -> Item:
    """A message of the assistant's."""
    return {"id": id_, "type": "message", "role": "assistant", "status": status, "content": content}


def reasoning(id_: str, text: str, encrypted_content: str = "") -> Item:
    """Reasoning: what it shows, and what has to be sent back of it."""
    summary = [summary_part(text)] if text else []
    item: Item = {"id": id_, "type": "reasoning", "summary": summary}
    return {**item, "encrypted_content": encrypted_content} if encrypted_content else item


def call(id_: str, call_id: str, called: Called, argument: str, status: str) -> Item:
    """A call of a function, or of a custom tool. argument: JSON, or that tool's text."""
    kind, name = CALLS[called.is_custom]
    namespace = {"namespace": called.namespace} if called.namespace else {}
    item = {"id": id_, "type": kind, "call_id": call_id, "name": called.name}
    return {**item, **namespace, name: argument, "status": status}


CALLS = {False: ("function_call", "arguments"), True: ("custom_tool_call", "input")}
"""The type of a call and where its argument stands, by whether the tool is a custom one."""
CALL_IDS = {False: "fc", True: "ctc"}
"""How the id of such an item begins."""
