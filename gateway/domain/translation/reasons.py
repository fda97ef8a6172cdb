"""Why an answer ended, in the words of each protocol. One table per direction.

Chat is the middle: its words are the fewest, so nothing is lost that it could have said.
"""

FROM_MESSAGES: dict[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
"""Anthropic's `stop_reason` → chat's `finish_reason`; others are `stop`."""

TO_MESSAGES: dict[str, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
    "refusal": "refusal",
}
"""Chat's `finish_reason` → Anthropic's `stop_reason`; others are `end_turn`."""

INCOMPLETE_FROM_CHAT: dict[str, str] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
}
"""Chat's `finish_reason` → Responses' `incomplete_details.reason`; others are complete."""

INCOMPLETE_TO_CHAT: dict[str, str] = {
    "max_output_tokens": "length",
    "content_filter": "content_filter",
}
"""Responses' `incomplete_details.reason` → chat's `finish_reason`."""
