"""Chat served over Responses: for models that upstream has on `/responses` only (§5.4)."""

from gateway.domain.protocols import Protocol
from gateway.domain.translation.chat_over_responses import request, whole
from gateway.domain.translation.chat_over_responses.stream import ChatOverResponsesStream
from gateway.domain.translation.contract import Asked, StreamTranslator, Translation


class ChatOverResponses:
    """See contract.Translation."""

    caller = Protocol.CHAT
    upstream = Protocol.RESPONSES

    def request(self, body: bytes) -> bytes:
        """See Translation."""
        return request.translate(body)

    def whole(self, body: bytes, asked: Asked) -> bytes:
        """See Translation."""
        return whole.translate(body, asked)

    def stream(self, asked: Asked) -> StreamTranslator:
        """See Translation."""
        return ChatOverResponsesStream(asked)


CHAT_OVER_RESPONSES: Translation = ChatOverResponses()
