"""A Responses answer as an event stream (§6.4): no id is shown twice, not even of one item."""

from collections.abc import Iterator
from itertools import count
from typing import Any

from simulator.scenario.faults import Script
from simulator.wire.answer import Event, encode
from simulator.wire.completion import Completion
from simulator.wire.reply import argument_pieces, pieces_of
from simulator.wire.responses_items import Kind, Output, summary_part, text_part
from simulator.wire.responses_request import ResponsesRequest
from simulator.wire.responses_whole import COMPLETED, begun, finished, items_of, shown, terminal_of
from simulator.wire.seals import SealKind

Payloads = Iterator[dict[str, Any]]


def responses_events(
    completion: Completion, request: ResponsesRequest, script: Script
) -> Iterator[Event]:
    """The events in order; the last one says how the answer ended. There is no `[DONE]`."""
    numbers = count()
    for payload in _payloads(completion, request, script):
        name = payload["type"]
        numbered = {"type": name, "sequence_number": next(numbers), **payload}
        yield Event(encode(numbered), name)


def _payloads(completion: Completion, request: ResponsesRequest, script: Script) -> Payloads:
    for name in ("response.created", "response.in_progress"):
        yield {"type": name, "response": begun(completion, request)}
    items = items_of(completion, request)
    for index, item in enumerate(items):
        yield from _item(completion, item, index, script)
    terminal = terminal_of(completion)
    # The ids at the end are none that could be sent back: those of the done items are (§6.4).
    output = shown(completion, items, SealKind.UNFINISHED)
    end = {"type": terminal.event, "response": finished(completion, request, terminal, output)}
    yield {**end, **completion.copilot_cost} if terminal is COMPLETED else end


def _item(completion: Completion, item: Output, index: int, script: Script) -> Payloads:
    """One item: its beginning, its content in pieces, and itself once more, complete."""
    begins = completion.seal(SealKind.UNFINISHED) if item.encrypted else None
    added = item.shown(_churned(completion), is_done=False, encrypted=begins)
    yield {"type": "response.output_item.added", "output_index": index, "item": added}
    for payload in CONTENTS[item.kind](item, script):
        yield {"item_id": _churned(completion), "output_index": index, **payload}
    kept = completion.seal(SealKind.ITEM_ID)
    done = item.shown(kept, is_done=True, encrypted=item.encrypted)
    yield {"type": "response.output_item.done", "output_index": index, "item": done}


def _churned(completion: Completion) -> str:
    """An id that is shown once and never again."""
    return completion.seal(SealKind.UNFINISHED)


def _message(item: Output, script: Script) -> Payloads:
    place = {"content_index": 0}
    yield {"type": "response.content_part.added", **place, "part": text_part("")}
    for piece in pieces_of(item.text, script):
        yield {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **place, "text": item.text, "logprobs": []}
    yield {"type": "response.content_part.done", **place, "part": text_part(item.text)}


def _reasoning(item: Output, script: Script) -> Payloads:
    """Nothing between beginning and end unless a summary was asked for."""
    if not item.text:
        return
    prefix, place = "response.reasoning_summary", {"summary_index": 0}
    yield {"type": f"{prefix}_part.added", **place, "part": summary_part("")}
    for piece in pieces_of(item.text, script):
        yield {"type": f"{prefix}_text.delta", **place, "delta": piece}
    yield {"type": f"{prefix}_text.done", **place, "text": item.text}
    yield {"type": f"{prefix}_part.done", **place, "part": summary_part(item.text)}


def _function_call(item: Output, script: Script) -> Payloads:
    for piece in argument_pieces(item.text):
        yield {"type": "response.function_call_arguments.delta", "delta": piece}
    yield {"type": "response.function_call_arguments.done", "arguments": item.text}


def _custom_call(item: Output, script: Script) -> Payloads:
    for piece in argument_pieces(item.text):
        yield {"type": "response.custom_tool_call_input.delta", "delta": piece}
    yield {"type": "response.custom_tool_call_input.done", "input": item.text}


CONTENTS = {
    Kind.REASONING: _reasoning,
    Kind.MESSAGE: _message,
    Kind.FUNCTION_CALL: _function_call,
    Kind.CUSTOM_TOOL_CALL: _custom_call,
}
