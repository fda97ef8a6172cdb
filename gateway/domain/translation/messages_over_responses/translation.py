"""Messages served over Responses: Claude Code and others like it with models that upstream has on
`/responses` only (copilot-upstream.md §5.4)."""

from gateway.domain.protocols import Protocol
from gateway.domain.translation.contract import Asked, StreamTranslator, Translation
from gateway.domain.translation.messages_over_responses import request, whole
from gateway.domain.translation.messages_over_responses.stream import MessagesFromResponses


class MessagesOverResponses:
    """See contract.Translation."""

    caller = Protocol.MESSAGES
    upstream = Protocol.RESPONSES

    def request(self, body: bytes) -> bytes:
        """See contract.Translation."""
        return request.translate(body)

    def whole(self, body: bytes, asked: Asked) -> bytes:
        """See contract.Translation."""
        return whole.translate(body, asked)

    def stream(self, asked: Asked) -> StreamTranslator:
        """See contract.Translation."""
        return MessagesFromResponses(asked)


MESSAGES_OVER_RESPONSES: Translation = MessagesOverResponses()
