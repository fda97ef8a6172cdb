"""A Responses answer as one object (§6.4): the body of a whole answer, and what events carry."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from simulator.wire.completion import Completion
from simulator.wire.responses_items import Output, outputs_of
from simulator.wire.responses_request import ResponsesRequest
from simulator.wire.seals import SealKind
from simulator.wire.usage import responses_usage


@dataclass(frozen=True)
class Terminal:
    """How an answer ends: its status, with what is said about it."""

    status: str
    incomplete_reason: str | None = None

    @property
    def event(self) -> str:
        """The name of the last event."""
        return f"response.{self.status}"


# By `finish_reason` in chat's words, or in this protocol's own; anything else completes.
TERMINALS = {
    "length": Terminal("incomplete", "max_output_tokens"),
    "max_output_tokens": Terminal("incomplete", "max_output_tokens"),
    "content_filter": Terminal("incomplete", "content_filter"),
    "error": Terminal("failed"),
    "failed": Terminal("failed"),
}
COMPLETED = Terminal("completed")
FAILURE = {"code": "server_error", "message": "simulated failure"}
# Only the field's name is recorded; its content is invented.
CONTENT_FILTERS = [{"blocked": True, "source_type": "completion", "content_filter_results": {}}]


def terminal_of(completion: Completion) -> Terminal:
    """How this answer ends."""
    return TERMINALS.get(completion.reply.finish_reason, COMPLETED)


def items_of(completion: Completion, request: ResponsesRequest) -> list[Output]:
    """The items of an answer, with what the request wants to see of its reasoning."""
    return outputs_of(
        completion,
        summary=request.wants_summary,
        encrypted=request.wants_encrypted_reasoning,
    )


def responses_body(completion: Completion, request: ResponsesRequest) -> dict[str, Any]:
    """The body of a whole answer. That `copilot_usage` is at its top level is our reading."""
    terminal = terminal_of(completion)
    output = shown(completion, items_of(completion, request))
    body = finished(completion, request, terminal, output)
    return {**body, **completion.copilot_cost}


def shown(
    completion: Completion, items: Sequence[Output], kind: SealKind = SealKind.ITEM_ID
) -> list[dict[str, Any]]:
    """All items, complete, each with a new id."""
    return [
        item.shown(completion.seal(kind), is_done=True, encrypted=item.encrypted) for item in items
    ]


def finished(
    completion: Completion,
    request: ResponsesRequest,
    terminal: Terminal,
    output: list[dict[str, Any]],
) -> dict[str, Any]:
    """The response object of the end."""
    body = {
        **begun(completion, request),
        "status": terminal.status,
        "output": output,
        "usage": responses_usage(completion.reply),
    }
    if terminal.incomplete_reason is not None:
        body["incomplete_details"] = {"reason": terminal.incomplete_reason}
    if terminal.incomplete_reason == "content_filter":
        body["content_filters"] = CONTENT_FILTERS
    if terminal.status == "failed":
        body["error"] = FAILURE
    return body


def begun(completion: Completion, request: ResponsesRequest) -> dict[str, Any]:
    """The response object of the beginning, with the oddities of §6.4: a new id each time,
    `output_text` null, a tier nobody asked for."""
    effort = request.reasoning.effort if request.reasoning else None
    return {
        "id": completion.seal(SealKind.UNFINISHED),
        "object": "response",
        "created_at": completion.created,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "model": completion.model.answers_as,
        "output": [],
        "output_text": None,
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "previous_response_id": None,
        "reasoning": {"effort": effort or "medium", "summary": None},
        "safety_identifier": "simulated",
        "service_tier": "priority",
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": None,
        "metadata": {},
    }
