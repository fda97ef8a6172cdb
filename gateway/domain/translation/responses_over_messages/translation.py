"""Responses served over Messages: Codex and others like it with models of Claude's, which upstream
has on `/v1/messages` and not on `/responses` (copilot-upstream.md §5.4)."""

from gateway.domain.protocols import Protocol
from gateway.domain.translation.contract import Asked, StreamTranslator, Translation
from gateway.domain.translation.responses_over_messages import request, whole
from gateway.domain.translation.responses_over_messages.stream import ResponsesFromMessages


class ResponsesOverMessages:
    """See contract.Translation."""

    caller = Protocol.RESPONSES
    upstream = Protocol.MESSAGES

    def request(self, body: bytes) -> bytes:
        """See contract.Translation."""
        return request.translate(body)

    def whole(self, body: bytes, asked: Asked) -> bytes:
        """See contract.Translation."""
        return whole.translate(body, asked)

    def stream(self, asked: Asked) -> StreamTranslator:
        """See contract.Translation."""
        return ResponsesFromMessages(asked)


RESPONSES_OVER_MESSAGES: Translation = ResponsesOverMessages()
