"""Responses served over chat: for models that upstream has on `/chat/completions` only (§5.4)."""

from gateway.domain.protocols import Protocol
from gateway.domain.translation.contract import Asked, StreamTranslator, Translation
from gateway.domain.translation.responses_over_chat import request, whole
from gateway.domain.translation.responses_over_chat.stream import ResponsesOverChatStream


class ResponsesOverChat:
    """See contract.Translation."""

    caller = Protocol.RESPONSES
    upstream = Protocol.CHAT

    def request(self, body: bytes) -> bytes:
        """See Translation."""
        return request.translate(body)

    def whole(self, body: bytes, asked: Asked) -> bytes:
        """See Translation."""
        return whole.translate(body, asked)

    def stream(self, asked: Asked) -> StreamTranslator:
        """See Translation."""
        return ResponsesOverChatStream(asked)


RESPONSES_OVER_CHAT: Translation = ResponsesOverChat()
