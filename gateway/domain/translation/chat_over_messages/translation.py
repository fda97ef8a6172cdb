"""Chat served by models that only have Messages."""

from gateway.domain.protocols import Protocol
from gateway.domain.translation.chat_over_messages import request, whole
from gateway.domain.translation.chat_over_messages.stream import ChatFromMessages
from gateway.domain.translation.contract import Asked, Translation


class ChatOverMessages:
    """See contract.Translation."""

    caller = Protocol.CHAT
    upstream = Protocol.MESSAGES

    def request(self, body: bytes) -> bytes:
        """See contract.Translation."""
        return request.translate(body)

    def whole(self, body: bytes, asked: Asked) -> bytes:
        """See contract.Translation."""
        return whole.translate(body, asked)

    def stream(self, asked: Asked) -> ChatFromMessages:
        """See contract.Translation."""
        return ChatFromMessages(asked)


CHAT_OVER_MESSAGES: Translation = ChatOverMessages()
