"""Messages served by models that only chat."""

from gateway.domain.protocols import Protocol
from gateway.domain.translation.contract import Asked, Translation
from gateway.domain.translation.messages_over_chat import request, whole
from gateway.domain.translation.messages_over_chat.stream import MessagesFromChat


class MessagesOverChat:
    """See contract.Translation."""

    caller = Protocol.MESSAGES
    upstream = Protocol.CHAT

    def request(self, body: bytes) -> bytes:
        """See contract.Translation."""
        return request.translate(body)

    def whole(self, body: bytes, asked: Asked) -> bytes:
        """See contract.Translation."""
        return whole.translate(body, asked)

    def stream(self, asked: Asked) -> MessagesFromChat:
        """See contract.Translation."""
        return MessagesFromChat(asked)


MESSAGES_OVER_CHAT: Translation = MessagesOverChat()
